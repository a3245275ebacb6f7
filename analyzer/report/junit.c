// SPDX-License-Identifier: MIT
// JUnit's XML: a suite for each program that was recorded, a test case for each rule. A case fails when findings of its
// rule make the check fail, is skipped when all of them are known, and passes otherwise.
#include <string.h>

#include "call_stack.h"
#include "coverage.h"
#include "report.h"
#include "source_root.h"

// XML 1.0 has no way to write most control characters.
static char *escaped(const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    for (char *at = valid; *at; at++)
        if (((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f)
            *at = ' ';
    return g_markup_escape_text(valid, -1);
}

static void append_attribute(GString *text, const char *name, const char *value)
{
    g_autofree char *clean = escaped(value);
    g_string_append_printf(text, " %s=\"%s\"", name, clean);
}

static void append_element(GString *text, const char *name, const char *body)
{
    g_autofree char *clean = escaped(body);
    g_string_append_printf(text, "<%s>%s</%s>\n", name, clean, name);
}

static bool was_found_in(const struct finding *finding, const char *program)
{
    if (!finding->programs->len)
        return strcmp(program, COVERAGE_UNKNOWN_PROGRAM) == 0;
    return g_ptr_array_find_with_equal_func(finding->programs, program, g_str_equal, NULL);
}

// What a case is made of: findings of one rule in one program.
struct outcome {
    GString *failures;           // bodies, told in full
    GString *others;             // below --fail-on, or known
    const struct finding *first; // that fails; NULL: none
    unsigned n_known;
    unsigned n_others;
};

static struct outcome outcome_of(const struct report *report, const struct rule *rule, const char *program)
{
    struct outcome outcome = { .failures = g_string_new(NULL), .others = g_string_new(NULL) };
    for (unsigned i = 0; i < report->list->all->len; i++) {
        const struct finding *finding = report->list->all->pdata[i];
        if (finding->rule != rule || !was_found_in(finding, program))
            continue;
        bool fails = report_is_failure(report, finding);
        g_autofree char *story = report_text_finding(finding, NULL);
        g_string_append_printf(fails ? outcome.failures : outcome.others, "%s\n", story);
        outcome.n_known += report_is_known(finding);
        outcome.n_others += !fails && !report_is_known(finding);
        if (fails && !outcome.first)
            outcome.first = finding;
    }
    return outcome;
}

// As pytest writes it: services link a case to its line.
static void append_place(GString *text, const struct report *report, const struct finding *finding)
{
    struct call_frame site;
    if (!finding || !call_stack_site(finding->model, finding->site_stack, &site) || !site.file)
        return;
    g_autofree char *relative =
        report->source_root ? source_root_relative(report->source_root, site.file) : NULL;
    append_attribute(text, "file", relative ? relative : site.file);
    if (site.line > 0)
        g_string_append_printf(text, " line=\"%" G_GINT64_FORMAT "\"", site.line);
}

struct totals {
    unsigned cases;
    unsigned failures;
    unsigned errors;
    unsigned skipped;
};

static void append_case(GString *text, const struct report *report, const struct rule *rule,
    const char *program, const char *name, struct totals *totals)
{
    struct outcome outcome = outcome_of(report, rule, program);
    totals->cases++;
    g_string_append(text, "    <testcase");
    append_attribute(text, "classname", name);
    append_attribute(text, "name", rule->id);
    append_place(text, report, outcome.first);
    g_string_append(text, ">\n");
    if (outcome.first) {
        totals->failures++;
        g_autofree char *body = escaped(outcome.failures->str);
        g_string_append(text, "      <failure");
        append_attribute(text, "message", outcome.first->message);
        append_attribute(text, "type", rule->id);
        g_string_append_printf(text, ">%s</failure>\n", body);
    } else if (outcome.n_known && !outcome.n_others) {
        totals->skipped++;
        g_string_append(text, "      <skipped message=\"suppressed, or in the baseline\"/>\n");
    }
    if (outcome.others->len) {
        g_string_append(text, "      ");
        append_element(text, "system-out", outcome.others->str);
    }
    g_string_append(text, "    </testcase>\n");
    g_string_free(outcome.failures, true);
    g_string_free(outcome.others, true);
}

static void append_suite(
    GString *text, const struct report *report, const struct coverage_program *program, struct totals *totals)
{
    struct totals own = { 0 };
    g_autofree char *relative =
        report->source_root ? source_root_relative(report->source_root, program->path) : NULL;
    const char *name = relative ? relative : program->path;
    g_autoptr(GString) cases = g_string_new(NULL);
    for (const struct rule *const *rule = report->rules; rule && *rule; rule++)
        append_case(cases, report, *rule, program->path, name, &own);
    g_string_append(text, "  <testsuite");
    append_attribute(text, "name", name);
    g_string_append_printf(text, " tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\">\n", own.cases,
        own.failures, own.skipped);
    g_string_append_printf(text,
        "    <properties>\n"
        "      <property name=\"processes\" value=\"%u\"/>\n"
        "      <property name=\"threads\" value=\"%u\"/>\n"
        "      <property name=\"events\" value=\"%" G_GUINT64_FORMAT "\"/>\n"
        "    </properties>\n",
        program->processes, program->threads, program->events);
    g_string_append_printf(text, "%s  </testsuite>\n", cases->str);
    totals->cases += own.cases;
    totals->failures += own.failures;
    totals->skipped += own.skipped;
}

static char *incidents_of(const struct model *model)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < model->incidents->len; i++) {
        const struct model_incident *incident = model->incidents->pdata[i];
        if (report_incident_is_told(incident))
            continue;
        g_autofree char *story = report_text_incident(model, incident, NULL);
        g_string_append(text, story);
    }
    return g_string_free(text, false);
}

// A case for each trace: it errs when the program was ended before its time, and says what the report rests on.
static void append_recording(
    GString *text, const struct report *report, const struct report_run *run, struct totals *totals)
{
    struct coverage *coverage = coverage_new(report, run);
    g_autofree char *incidents = incidents_of(run->model);
    g_autofree char *words = g_strjoinv(" ", run->model->command_line);
    bool errs = *incidents != '\0';
    totals->cases++;
    totals->errors += errs;
    g_string_append(text, "    <testcase classname=\"trenza\"");
    append_attribute(text, "name", *words ? words : run->trace);
    g_string_append(text, ">\n");
    if (errs) {
        g_autofree char *body = escaped(incidents);
        g_string_append_printf(text,
            "      <error message=\"it did not end by itself\" type=\"%s\">%s</error>\n", run->model->ended,
            body);
    }
    GString *out = g_string_new(NULL);
    g_autofree char *numbers = coverage_text(coverage);
    g_autofree char *programs = coverage_programs_text(coverage);
    g_string_append_printf(out, "%s\n%s\n", numbers, programs);
    g_autoptr(GPtrArray) warnings = coverage_warnings(coverage);
    for (unsigned i = 0; i < warnings->len; i++)
        g_string_append_printf(out, "%s\n", (char *)warnings->pdata[i]);
    g_string_append(text, "      ");
    append_element(text, "system-out", out->str);
    g_string_append(text, "    </testcase>\n");
    g_string_free(out, true);
    coverage_free(coverage);
}

static void append_recordings(GString *text, const struct report *report, struct totals *totals)
{
    struct totals own = { 0 };
    g_autoptr(GString) cases = g_string_new(NULL);
    for (unsigned i = 0; i < report->runs->len; i++)
        append_recording(cases, report, &g_array_index(report->runs, struct report_run, i), &own);
    g_string_append_printf(text,
        "  <testsuite name=\"trenza\" tests=\"%u\" failures=\"0\" errors=\"%u\" skipped=\"0\">\n%s  "
        "</testsuite>\n",
        own.cases, own.errors, cases->str);
    totals->cases += own.cases;
    totals->errors += own.errors;
}

static char *render(const struct report *report, const struct report_style *style)
{
    (void)style;
    struct totals totals = { 0 };
    g_autoptr(GString) suites = g_string_new(NULL);
    struct coverage *coverage = coverage_new(report, NULL);
    for (unsigned i = 0; i < coverage->programs->len; i++)
        append_suite(suites, report, &g_array_index(coverage->programs, struct coverage_program, i), &totals);
    coverage_free(coverage);
    append_recordings(suites, report, &totals);
    return g_strdup_printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<testsuites name=\"trenza\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
                           "skipped=\"%u\">\n%s</testsuites>\n",
        totals.cases, totals.failures, totals.errors, totals.skipped, suites->str);
}

const struct report_format report_junit = { .name = "junit", .render = render };
