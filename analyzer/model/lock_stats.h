// SPDX-License-Identifier: MIT
// How often and how long locks were taken, held and waited for.
#ifndef TRENZA_LOCK_STATS_H
#define TRENZA_LOCK_STATS_H

#include "model.h"

struct lock_stats {
    const struct model_object *object; // one of the class, the first
    unsigned objects;                  // how many of the class were used
    uint64_t acquisitions;
    uint64_t contended; // of these, how many had to wait
    uint64_t failed;    // requests and tries that ended without the lock
    uint64_t wait_ticks;
    uint64_t max_wait_ticks;
    uint64_t hold_ticks;
    uint64_t max_hold_ticks;
};

// One pass over the trace; one entry per lock class that was used, the longest total wait first. Caller frees the array. NULL and
// *error when the trace is damaged.
GArray *lock_stats_of(const struct model *model, GError **error);

#endif
