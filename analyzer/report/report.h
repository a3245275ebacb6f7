// SPDX-License-Identifier: MIT
// What was found in one or several traces, and the formats it can be told in: one file per format, a table entry each.
#ifndef TRENZA_REPORT_H
#define TRENZA_REPORT_H

#include "finding.h"
#include "merge.h"

// One trace.
struct report_run {
    const char *trace; // path, for messages
    const struct model *model;
    struct merge_counts counts;
    uint64_t left_out; // by the bounds of detectors
};

struct report {
    GArray *runs;              // of struct report_run
    struct finding_list *list; // of all runs, sorted
    bool all;                  // impossible ones were asked for
};

struct report_style {
    bool colour; // text only
};

struct report_format {
    const char *name;
    // The whole report as text; the caller frees it.
    char *(*render)(const struct report *report, const struct report_style *style);
};
extern const struct report_format report_text;
extern const struct report_format report_json;
// NULL: there is no such format.
const struct report_format *report_format_find(const char *name);

unsigned report_count(const struct report *report, enum finding_level level);

// One finding as JSON text, as an element of the report's "findings"; the caller frees it.
char *report_json_finding(const struct finding *finding);
// One finding as text for people, in full; the caller frees it.
char *report_text_finding(const struct finding *finding, const struct report_style *style);

#endif
