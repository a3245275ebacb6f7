// SPDX-License-Identifier: MIT
// Runs every detector over a trace.
#ifndef TRENZA_DETECT_H
#define TRENZA_DETECT_H

#include "finding.h"
#include "merge.h"
#include "run_orders.h"
#include "united_model.h"

struct detect_options {
    bool all;    // also report cycles that cannot happen
    bool orders; // also keep what united_runs.h compares with other runs
    bool
        processes; // also compare the processes of the run with each other; what is found has a model of its own
};

struct detect_result {
    struct finding_list *findings; // sorted; refers to the model
    struct run_orders *orders;     // NULL: nobody needs them; refers to the model
    struct united_model *united;   // what findings over several processes refer to; NULL: none were compared
    struct merge_counts counts;
    uint64_t left_out; // what the bounds of a detector left out; 0: everything was looked at
};

// One pass over the events; memory does not grow with them. NULL and *error when the trace is damaged.
struct detect_result *detect_run(
    const struct model *model, const struct detect_options *options, GError **error);
void detect_result_free(struct detect_result *result);

// Every rule there is, ended by NULL.
extern const struct rule *const detect_rules[];

#endif
