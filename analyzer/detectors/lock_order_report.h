// SPDX-License-Identifier: MIT
// A cycle of patterns as a finding: its story, its sentence, its witness.
#ifndef TRENZA_LOCK_ORDER_REPORT_H
#define TRENZA_LOCK_ORDER_REPORT_H

#include "detector.h"
#include "patterns.h"

// NULL when the cycle did deadlock in this run, which is reported already. data_known: the trace tells who read what; else a
// prediction says that it does not know.
struct finding *lock_order_report(const struct detection *detection, const struct prediction_trace *trace,
    const struct pattern_cycle *cycle, bool data_known);

// A predicted cycle of a thread that waits for the end of one that wants what it holds: what join-cycle has told of it becomes
// predicted, with a witness. What join-cycle was silent about stays so.
void lock_order_report_join(const struct detection *detection, const struct prediction_trace *trace,
    const struct pattern_cycle *cycle, bool data_known);

#endif
