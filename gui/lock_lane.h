// SPDX-License-Identifier: MIT
// How the lane of a lock is laid out: owners on the tracks above, the queue of waiters on those below.
//
//   'journal'   owners    |== left =====|== right ========|
//               queue          |/// right ///|
//                                |/// third //////////////|
#ifndef TRENZA_LOCK_LANE_H
#define TRENZA_LOCK_LANE_H

#include "scene.h"

struct lock_entry {
    struct span_ref ref;
    unsigned track;
    bool crowded; // it lies over others: there are more than tracks
};

// How many tracks the object's lane needs, within reason. Cost: linear in its first few thousand entries.
void lock_lane_tracks(
    const struct timeline *timeline, uint32_t object_id, unsigned *ret_owners, unsigned *ret_waiters);
// How many entries of the row's lock are in view, or just before it.
uint32_t lock_lane_count(const struct scene *scene, const struct scene_row *row);
// Those entries, by beginning; of struct lock_entry. The caller frees the array. Only for few.
GArray *lock_lane_entries(const struct scene *scene, const struct scene_row *row);
// The track of a span of the row's lock. False: it is not among the entries in view.
bool lock_lane_find(
    const struct scene *scene, const struct scene_row *row, struct span_ref ref, unsigned *ret_track);

#endif
