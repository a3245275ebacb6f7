// SPDX-License-Identifier: MIT
// One trace opened, loaded and analysed, for the commands that need findings.
#ifndef TRENZA_ANALYSIS_H
#define TRENZA_ANALYSIS_H

#include "detect.h"
#include "model.h"
#include "report.h"
#include "store.h"

struct analysis {
    char *path;
    struct store *store; // NULL once closed
    struct model *model;
    struct detect_result *result; // NULL when only loaded
};

// Opens a trace for reading and loads its tables. A trace that nobody has put names into yet gets them first, when it can be
// written. NULL and *error on failure.
struct analysis *analysis_open(const char *path, GError **error);
// among_others: other runs are analysed, too, which analysis_report unites with this one.
bool analysis_run(struct analysis *analysis, bool all, bool among_others, GError **error);
// Closes the trace; what was loaded and found stays.
void analysis_close_store(struct analysis *analysis);
void analysis_free(struct analysis *analysis);

// A report over several traces. It takes the findings out of them, but refers to their models: free it first.
struct report *analysis_report(GPtrArray *analyses, bool all);
void analysis_report_free(struct report *report);

#endif
