// SPDX-License-Identifier: MIT
// How a timeline is built: the steps, each of which is shared among all processors. For timeline*.c only.
#ifndef TRENZA_TIMELINE_PRIVATE_H
#define TRENZA_TIMELINE_PRIVATE_H

#include "timeline.h"

// Part of the whole work of building, and who is told of it.
struct timeline_step {
    work_progress progress; // NULL: nobody
    void *data;
    double from;
    double to;
};

// Reads every thread's events into its lane, and finds the timeline's edges and how long the histories will be. Lanes have their thread,
// begin and end, histories are there and empty. False and *error: see timeline_new_within().
bool timeline_read_lanes(
    struct timeline *timeline, uint64_t bytes_max, const struct timeline_step *step, GError **error);
// Merges the lanes' spans and marks into the histories of the objects, and repairs spans from them. False: progress said no.
bool timeline_make_histories(struct timeline *timeline, const struct timeline_step *step);

// The object of a span or mark, 0: none; and when it began.
static inline uint32_t timeline_object_at(
    const struct lane *lane, unsigned track, uint32_t index, uint64_t *ret_begin)
{
    if (track == TRACK_MARKS) {
        const struct span_mark *mark = &lane->marks[index];
        *ret_begin = mark->ticks;
        return model_subject_is_object(mark->kind) ? mark->subject : 0;
    }
    const struct span *span = &lane->tracks[track].spans[index];
    *ret_begin = span->begin;
    return span_names_object(span) ? span->subject : 0;
}

static inline uint32_t lane_count(const struct lane *lane, unsigned track)
{
    return track == TRACK_MARKS ? lane->n_marks : lane->tracks[track].count;
}

#endif
