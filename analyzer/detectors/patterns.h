// SPDX-License-Identifier: MIT
// From the cycles of a lock graph to verdicts: which threads could take the sides of a cycle, and can a reordering of the run
// bring them to where they wait for each other?
//
// Places: the stacks and lock classes of a cycle. Cycles that agree in them are one, with the strongest verdict any of them
// has.
#ifndef TRENZA_PATTERNS_H
#define TRENZA_PATTERNS_H

#include "lock_graph.h"
#include "prediction_survey.h"
#include "prediction_trace.h"
#include "thread_order.h"

// Weakest first.
enum pattern_verdict {
    PATTERN_IMPOSSIBLE,
    PATTERN_ORDERED, // impossible, too: hand-offs put one side before another
    PATTERN_POTENTIAL,
    PATTERN_PREDICTED,
};

struct pattern_side {
    const struct graph_pattern *pattern;
    const struct graph_instance *instance;
    uint32_t position; // predicted: of the request that blocks
};

struct pattern_cycle {
    unsigned n;
    struct pattern_side
        *sides; // sides[i] wants what sides[i + 1] holds; behind them the writers that readers wait behind
    unsigned n_writers;
    enum pattern_verdict verdict;
    const char *reason; // static; why it is impossible; else NULL
    GArray *
        reached; // of struct prediction_point: the state from which only the requests are left; NULL: not predicted
};

struct patterns_options {
    struct lock_graph *graph;
    const struct prediction_trace *trace;
    const struct prediction_survey *survey;
    struct thread_order *order; // for what lies behind the end of the trace
    bool all;                   // impossible ones, too
};

typedef void (*pattern_cycle_fn)(const struct pattern_cycle *cycle, void *data);
// Calls back once for each cycle's places, in the order of discovery. Returns how much the bounds left out; 0: nothing.
uint64_t patterns_find(const struct patterns_options *options, pattern_cycle_fn each, void *data);

#endif
