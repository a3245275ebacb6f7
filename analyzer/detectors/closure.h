// SPDX-License-Identifier: MIT
// The sync-preserving closure of a set of points of an abstract trace.
//
// After Tunç, Mathur, Pavlogiannis, Viswanathan, "Sound Dynamic Deadlock Prediction in Linear Time", PLDI 2023, section 4:
// the smallest set of events that contains the points, with each event what comes before it in its thread and what it
// requires, and in which, of two conflicting critical sections of one lock that are both opened, the earlier one is also
// closed. The set is one position per thread. Executed in the order of the trace it is a correct run, because each lock is free
// again when it is taken. Readers do not conflict with each other.
//
// Positions only grow. So a closure is not begun again for the next candidate of the same pattern, and over all candidates
// each event of the trace is visited once: linear in the trace, times the threads that have the same lock at once.
#ifndef TRENZA_CLOSURE_H
#define TRENZA_CLOSURE_H

#include "prediction_trace.h"

enum closure_rules {
    CLOSURE_HANDOFFS, // threads and requirements other than those of data
    CLOSURE_ALL,      // data and locks, too
};

struct closure;
// The trace must outlive it and not grow meanwhile.
struct closure *closure_new(const struct prediction_trace *trace);
void closure_free(struct closure *closure);
// Empties the set. Costs what the set had of threads and locks.
void closure_begin(struct closure *closure, enum closure_rules rules);
// Adds a point.
void closure_include(struct closure *closure, struct prediction_point point);
// Closes the set. False: it cannot be closed, a lock would have to be given back that never was; then no larger set can.
bool closure_run(struct closure *closure);
// How many events of a thread the set has.
uint32_t closure_position(const struct closure *closure, uint32_t thread_id);
// The threads that have events in the set, in no order: ids, until the set changes.
const GArray *closure_threads(const struct closure *closure);
// Events visited since closure_new.
uint64_t closure_visits(const struct closure *closure);

#endif
