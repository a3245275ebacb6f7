// SPDX-License-Identifier: MIT
// Cycles of lock orders that no run shows alone: one lock before another in one run, the other way round in another run of the
// same program.
#ifndef TRENZA_UNITED_RUNS_H
#define TRENZA_UNITED_RUNS_H

#include "finding.h"
#include "run_orders.h"
#include "united_model.h"

// Adds a finding for each such cycle, the same whatever the order of the runs (of struct run_orders *). Adds to *ret_left_out what
// a bound left out. The model that the findings refer to, which outlives them and is the caller's.
struct united_model *united_runs_find(
    const GPtrArray *runs, struct finding_list *findings, uint64_t *ret_left_out);

#endif
