// SPDX-License-Identifier: MIT
// Every order in which the operations of a small run could have happened, one by one, and the deadlocks met on the way.
#ifndef EXPLORER_H
#define EXPLORER_H

#include "small_trace.h"

enum explorer_orders {
    EXPLORE_CORRECT,        // all that the program could not tell from the recorded run
    EXPLORE_SYNC_PRESERVING // those that keep the order of critical sections and the recorded hand-offs
};

// One thread of a circle. Operations count from 0.
struct explorer_side {
    uint8_t request; // the operation that blocks
    uint8_t wanted;  // object; 0: the end of a thread
    uint8_t
        hold; // the operation by which it took what the thread before it wants; wanted 0 there: EXPLORER_END
};
#define EXPLORER_END 255u

struct explorer_deadlock {
    unsigned n;
    struct explorer_side
        sides[SMALL_THREADS]; // each wants what the next one holds; the first is the smallest request
};

// Appends each distinct circle that is reached to ret_deadlocks (of struct explorer_deadlock). Writers that readers wait behind are
// left out of it.
void explorer_run(const struct small_trace *trace, enum explorer_orders orders, GArray *ret_deadlocks);

// Executes operations in the order given; false when one of them could not happen then.
bool explorer_execute(
    const struct small_trace *trace, enum explorer_orders orders, const uint8_t *ops, unsigned n);

#endif
