// SPDX-License-Identifier: MIT
// Where in the code locks are taken, how long they are held from there and waited for, and which thread waits for which.
#ifndef TRENZA_SITE_STATS_H
#define TRENZA_SITE_STATS_H

#include "model.h"

// A place in the code that takes a lock of one class.
struct site_stats_site {
    const struct model_object *object; // the first of its class that was taken there
    const char *place;                 // "f (queue.c:30)"
    uint64_t acquisitions;
    uint64_t contended; // of these, how many had to wait
    uint64_t wait_ticks;
    uint64_t hold_ticks; // of what was taken there
};

// A thread that waited for locks of one class that another had last.
struct site_stats_wait {
    const struct model_object *object; // the first of its class
    uint32_t waiter;                   // thread.id
    uint32_t owner; // that had it last before the wait ended; 0: not known, or a semaphore's
    uint64_t waits;
    uint64_t wait_ticks;
    uint64_t max_wait_ticks;
};

struct site_stats {
    GArray *sites; // of struct site_stats_site, the longest wait first, then the longest hold
    GArray *waits; // of struct site_stats_wait, the longest first
    GStringChunk *strings;
};

// One pass over the trace. NULL and *error when it is damaged. Waits that never ended are not in it.
struct site_stats *site_stats_of(const struct model *model, GError **error);
void site_stats_free(struct site_stats *stats);

#endif
