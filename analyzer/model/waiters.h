// SPDX-License-Identifier: MIT
// Who waits at each condition, and how many of them have been signalled, in the merged order.
#ifndef TRENZA_WAITERS_H
#define TRENZA_WAITERS_H

#include "order_rules.h"

struct waiter {
    uint32_t thread_id;
    uint32_t mutex; // object.id
    uint32_t stack;
    uint64_t ticks;
    uint64_t sequence;
    bool timed;
};

struct wake_up {        // a signal or broadcast
    uint32_t thread_id; // 0: there was none
    uint32_t stack;
    uint64_t ticks;
    uint64_t sequence;
    bool broadcast;
};

struct waiters;
struct waiters *waiters_new(void);
void waiters_free(struct waiters *waiters);

// Takes an event about a condition into account; any other changes nothing.
void waiters_apply(struct waiters *waiters, const struct ordered_event *event);

// Those that wait, longest first; *ret_n of them. Valid until the next event. NULL: none.
const struct waiter *waiters_at(const struct waiters *waiters, uint32_t cond_id, unsigned *ret_n);
// How many of them no signal has let go. (Which of several a signal meant is not known.)
unsigned waiters_unsignalled(const struct waiters *waiters, uint32_t cond_id);
// The last signal or broadcast of the condition; thread_id 0: none.
struct wake_up waiters_last_wake_up(const struct waiters *waiters, uint32_t cond_id);

#endif
