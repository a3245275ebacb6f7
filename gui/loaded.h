// SPDX-License-Identifier: MIT
// A trace with everything the window and the renderer draw from.
#ifndef TRENZA_LOADED_H
#define TRENZA_LOADED_H

#include "detect.h"
#include "timeline.h"
#include "trace_file.h"

struct loaded {
    struct trace_file *file;
    struct timeline *timeline;
    struct detect_result *result; // NULL until loaded_analyse
    GArray *marks;                // of struct scene_mark, one per finding that has a place; NULL until then

    char **other_paths; // traces of other runs of the program, to be compared with this one; NULL: none
    char *not_compared; // why one of them could not be read; NULL: all could
    GPtrArray *others;  // of struct loaded_other *, as they were read
    struct united_model *runs; // what findings over several runs refer to; NULL: none were compared
};

// Reads the trace and builds its timeline. NULL and *error: see trace_file_open and timeline_new. Any thread.
struct loaded *loaded_new(const char *path, work_progress progress, void *data, GError **error);
// Has the trace compared with those of other runs when it is analysed: what the runs give together is among its findings.
void loaded_compare(struct loaded *loaded, const char *const *other_paths);
// Runs the detectors. Any thread, but no other may use the trace's store meanwhile.
bool loaded_analyse(struct loaded *loaded, GError **error);
// What a finding refers to that is about several processes or runs; NULL: it refers to the trace itself.
const struct united_model *loaded_united(const struct loaded *loaded, const struct finding *finding);
struct loaded *loaded_ref(struct loaded *loaded);
void loaded_unref(struct loaded *loaded);

// Cycles that cannot happen are known, but not counted as findings.
bool loaded_is_shown(const struct finding *finding);
// The finding whose id begins so; NULL: none.
const struct finding *loaded_find(const struct loaded *loaded, const char *id);

#endif
