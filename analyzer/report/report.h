// SPDX-License-Identifier: MIT
// What was found in one or several traces, and the formats it can be told in: one file per format, a table entry each.
#ifndef TRENZA_REPORT_H
#define TRENZA_REPORT_H

#include "finding.h"
#include "merge.h"
#include "united_model.h"

// One trace.
struct report_run {
    const char *trace; // path, for messages
    const struct model *model;
    struct merge_counts counts;
    uint64_t left_out; // by the bounds of detectors
};

struct report {
    GArray *runs;                // of struct report_run
    struct finding_list *list;   // of all runs, sorted
    struct united_model *united; // of findings that several runs give together; NULL: none
    bool all;                    // impossible ones were asked for

    const struct rule *const *rules; // every rule there is, ended by NULL; NULL: none are told
    const char *source_root;         // files are named relative to it; NULL: as the trace has them
    enum finding_level fail_on;      // from this level on a finding is a failure
    GPtrArray *suppressions;         // of struct suppression *; NULL: none
    bool has_baseline;
};

struct report_style {
    bool colour;  // text only
    bool explain; // text only: the source around each step, threads in columns, and why
};

struct report_format {
    const char *name;
    // The whole report as text; the caller frees it.
    char *(*render)(const struct report *report, const struct report_style *style);
};
extern const struct report_format report_text;
extern const struct report_format report_json;
extern const struct report_format report_sarif;
extern const struct report_format report_junit;
extern const struct report_format report_github;
extern const struct report_format report_suppressions;
// NULL: there is no such format.
const struct report_format *report_format_find(const char *name);
// "text, json, ..."; the caller frees it.
char *report_format_names(void);

// Somebody has said before that this one does not matter.
static inline bool report_is_known(const struct finding *finding)
{
    return finding->suppressed || finding->baseline;
}
// Of the findings that are not known.
unsigned report_count(const struct report *report, enum finding_level level);
unsigned report_count_known(const struct report *report);
// A finding tells it already.
bool report_incident_is_told(const struct model_incident *incident);
bool report_is_failure(const struct report *report, const struct finding *finding);

// One finding as JSON text, as an element of the report's "findings"; the caller frees it.
char *report_json_finding(const struct finding *finding);
// One finding as text for people, in full; the caller frees it.
char *report_text_finding(const struct finding *finding, const struct report_style *style);
// What a thread did, without the thread: "wants 'b', holding 'a'"; the caller frees it.
char *report_step_text(const struct finding *finding, const struct finding_step *step);
// The same without what it held.
char *report_step_deed(const struct finding *finding, const struct finding_step *step);
// Appends a program's own string; its control characters stay out of the terminal.
void report_append_clean(GString *text, const char *value);
// What every thread was doing when the recorder stopped the program; the caller frees it.
char *report_text_incident(
    const struct model *model, const struct model_incident *incident, const struct report_style *style);

#endif
