// SPDX-License-Identifier: MIT
// Findings that somebody has decided to live with: read from a file, matched, and written for the next time.
// The syntax is Valgrind's, with locks and several stacks; trenza-suppressions(5) describes it.
#ifndef TRENZA_SUPPRESSIONS_H
#define TRENZA_SUPPRESSIONS_H

#include "finding.h"

enum frame_pattern_kind {
    FRAME_FUNCTION,
    FRAME_MODULE,
    FRAME_SOURCE,
    FRAME_ANY_NUMBER, // "..."
};

struct frame_pattern {
    enum frame_pattern_kind kind;
    char *pattern;
    int64_t line; // FRAME_SOURCE: 0 for any
};

struct suppression {
    char *name;
    char *file; // where it stands
    unsigned line;
    char *rule;       // pattern
    GPtrArray *locks; // of char *, patterns: each must match a lock of the finding
    GPtrArray *
        stacks; // of GArray of struct frame_pattern: each must match the stack of a step, from its inner end on
    unsigned used; // findings it matched
};

// Appends the entries of the file at path to ret_suppressions (of struct suppression *, freed by suppression_free).
// False and *error, "file:line: ...", when it cannot be read or understood.
bool suppressions_read(const char *path, GPtrArray *ret_suppressions, GError **error);
void suppression_free(void *suppression);
// Marks the findings that an entry matches, and counts them in each entry.
void suppressions_apply(const GPtrArray *suppressions, struct finding_list *list);

// An entry that matches this finding, and hardly anything else; the caller frees it.
char *suppression_text(const struct finding *finding);

#endif
