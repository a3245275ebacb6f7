// SPDX-License-Identifier: MIT
// A set of events of an abstract trace as a schedule: one thread after the other, each for as long as it can go on.
//
// Any order that keeps the requirements and, of the events on one object, the order of the trace, is as good as the trace's own:
// it differs from it only in swaps of events that have nothing to do with each other. This one changes threads seldom, which
// people can follow, and depends on nothing else than these orders, so that two runs alike give the same schedule.
#ifndef TRENZA_PREDICTION_WITNESS_H
#define TRENZA_PREDICTION_WITNESS_H

#include "prediction_trace.h"

// Appends the events before the points in reached (of struct prediction_point; closed as closure.h has it) to ret_events, as points
// at them. Cost: n log n for n events.
void prediction_witness_order(
    const struct prediction_trace *trace, const GArray *reached, GArray *ret_events);

#endif
