// SPDX-License-Identifier: MIT
// A finding's steps as words, and where they are on the timeline.
#ifndef TRENZA_STORY_H
#define TRENZA_STORY_H

#include "finding.h"
#include "timeline.h"
#include "united_model.h"

// Where a step is; found is false when the trace does not tell.
struct story_place {
    struct span_ref ref; // a span or a mark
    uint64_t ticks;      // when the step happens
    bool found;
};

// One place per step of the finding, in the same order. united: what the finding refers to when it is about several
// processes or runs, else NULL. The caller frees the array. Cost: linear in the spans of the threads concerned.
GArray *story_locate(
    const struct timeline *timeline, const struct united_model *united, const struct finding *finding);
// From the first to the last place; false: none was found.
bool story_range(const GArray *places, double *ret_from, double *ret_to);
// What the verdict means, in a sentence; NULL: the finding has none.
const char *story_verdict(const struct finding *finding);

#endif
