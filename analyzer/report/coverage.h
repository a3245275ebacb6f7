// SPDX-License-Identifier: MIT
// What a report rests on: what was recorded, what was not and why, what was lost. Every format says it.
#ifndef TRENZA_COVERAGE_H
#define TRENZA_COVERAGE_H

#include "report.h"

#define COVERAGE_UNKNOWN_PROGRAM "unknown program"

struct coverage_program {
    const char *path; // of the executable; COVERAGE_UNKNOWN_PROGRAM where the trace has none
    unsigned processes;
    unsigned threads;
    uint64_t events;
};

// What was not recorded, and why.
struct coverage_gap {
    char *reason; // "static: ..."
    unsigned times;
};

struct coverage {
    GArray *programs; // of struct coverage_program, by path
    unsigned processes;
    unsigned threads;
    unsigned objects;
    unsigned stacks;
    unsigned unresolved_stacks; // cut off, or without the name of the function that made the call
    uint64_t events;
    uint64_t lost;
    uint64_t unordered; // events that fit into no order
    bool bounded;       // a detector left something out
    GArray *gaps;       // of struct coverage_gap
};

// Strings belong to the report's models. Of one run, or of all when run is NULL.
struct coverage *coverage_new(const struct report *report, const struct report_run *run);
void coverage_free(struct coverage *coverage);

// What a reader has to know before trusting "nothing found", a sentence each, most often none.
// Of char *; the caller unrefs it.
GPtrArray *coverage_warnings(const struct coverage *coverage);
// "22 events of 3 threads in 1 process on 2 objects"; the caller frees it.
char *coverage_text(const struct coverage *coverage);
// "3 programs recorded: make (2 processes), ..."; the caller frees it.
char *coverage_programs_text(const struct coverage *coverage);

#endif
