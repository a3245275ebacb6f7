// SPDX-License-Identifier: MIT
// Spans and marks in words, for the status line, tooltips and screen readers.
#ifndef TRENZA_DESCRIBE_H
#define TRENZA_DESCRIBE_H

#include "timeline.h"

// One line: "'left' waits for mutex 'b' for 1.2 ms, from 3.4 ms; held by 'right'; in f (a.c:3)". The caller frees it.
char *describe_span(const struct timeline *timeline, struct span_ref ref);
char *describe_mark(const struct timeline *timeline, const struct lane *lane, const struct span_mark *mark);
// Who holds what and waits for what at a moment, in ticks: "'left' holds 'a', waits for 'b'; 'right' holds 'b'", for a few
// threads. NULL: nobody does. The caller frees it.
char *describe_moment(const struct timeline *timeline, uint64_t ticks);
// A stretch of time, in ticks: "1.2 ms, from 3.4 ms to 4.6 ms". The caller frees it.
char *describe_stretch(const struct timeline *timeline, double from, double to);
// The place in the code, "f (a.c:3)"; NULL: not known. The caller frees it.
char *describe_place(const struct model *model, uint32_t stack);

#endif
