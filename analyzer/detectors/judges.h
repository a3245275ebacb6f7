// SPDX-License-Identifier: MIT
// Can these threads come to wait for each other? Decides choices of threads for cycles, on all processors.
#ifndef TRENZA_JUDGES_H
#define TRENZA_JUDGES_H

#include "patterns.h"

struct judges_case {
    struct pattern_side *sides; // where it is predicted, their positions are set
    unsigned n;
    enum pattern_verdict
        known; // the best verdict on these places so far: whether a choice that cannot be reached is at least not
               // ordered need not be found out again where that is known of another one
    // What is found out. Before, nothing.
    enum pattern_verdict verdict;
    GArray *reached; // as in struct pattern_cycle; the caller's
    uint64_t visits;
};

struct judges;
struct judges_options {
    const struct prediction_trace *trace; // must outlive it, and not grow meanwhile
    struct thread_order *order;           // must outlive it
    unsigned threads;                     // that decide at once
    uint64_t visits_max;                  // events visited, over all choices
};
struct judges *judges_new(const struct judges_options *options);
void judges_free(struct judges *judges);
// Returns how many visits_max left undecided: they are potential. The same with any number of threads.
unsigned judges_decide(struct judges *judges, struct judges_case *cases, unsigned n);

#endif
