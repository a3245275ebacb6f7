// SPDX-License-Identifier: MIT
// SARIF 2.1.0 (OASIS), for code scanning services and editors. A finding is a result with one code flow: a thread flow
// for each thread, and executionOrder through all of them tells the interleaving: the witness's where there is one, else
// everything that was acquired before everything that is wanted. Places without a file are logical locations only, but for that
// of a result: code scanning refuses a whole file for one result without a physical location. It is then where else the
// finding's stacks have a file, or in the program itself.
#include <string.h>

#include "call_stack.h"
#include "coverage.h"
#include "json_parts.h"
#include "report.h"
#include "source_root.h"
#include "suppressions.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define ROOT_NAME "SRCROOT"
#define STEPS_MAX 2000u // of a witness: services refuse files that are too large

static void add_message(JsonBuilder *builder, const char *name, const char *text)
{
    json_begin_object(builder, name);
    json_add_string(builder, "text", text);
    json_builder_end_object(builder);
}

// --- places ---

static void add_artifact(JsonBuilder *builder, const struct report *report, const char *file)
{
    g_autofree char *relative = report->source_root ? source_root_relative(report->source_root, file) : NULL;
    json_begin_object(builder, "artifactLocation");
    if (relative || !g_path_is_absolute(file)) {
        g_autofree char *uri = g_uri_escape_string(relative ? relative : file, "/", false);
        json_add_string(builder, "uri", uri);
        json_add_string(builder, "uriBaseId", ROOT_NAME);
    } else {
        g_autofree char *plain = g_canonicalize_filename(file, "/");
        g_autofree char *uri = g_filename_to_uri(plain, NULL, NULL);
        json_add_string(builder, "uri", uri);
    }
    json_builder_end_object(builder);
}

// A folder's URI ends in a slash, else what is relative to it would replace its last part.
static void add_folder(JsonBuilder *builder, const char *path)
{
    g_autofree char *uri = g_filename_to_uri(path, NULL, NULL);
    g_autofree char *folder = g_strconcat(uri, g_str_has_suffix(uri, "/") ? "" : "/", NULL);
    json_add_string(builder, "uri", folder);
}

static void add_physical(JsonBuilder *builder, const struct report *report, const struct finding *finding,
    const struct call_frame *frame)
{
    json_begin_object(builder, "physicalLocation");
    add_artifact(builder, report, frame->file);
    if (frame->line > 0) {
        const char *source = model_source(finding->model, frame->file, frame->line);
        json_begin_object(builder, "region");
        json_add_number(builder, "startLine", frame->line);
        if (source)
            add_message(builder, "snippet", source);
        json_builder_end_object(builder);
    }
    json_builder_end_object(builder);
}

static void add_logical(JsonBuilder *builder, const struct call_frame *frame)
{
    g_autofree char *offset =
        g_strdup_printf("%s+0x%" G_GINT64_MODIFIER "x", frame->module ? frame->module : "?", frame->offset);
    json_begin_array(builder, "logicalLocations");
    json_builder_begin_object(builder);
    json_add_string(builder, "fullyQualifiedName", frame->function ? frame->function : offset);
    json_add_string(builder, "kind", "function");
    json_builder_end_object(builder);
    json_builder_end_array(builder);
}

// The members of a location object: both are optional, and a place nobody knows has neither.
static void add_place(JsonBuilder *builder, const struct report *report, const struct finding *finding,
    const struct call_frame *frame)
{
    if (frame->file)
        add_physical(builder, report, finding, frame);
    add_logical(builder, frame);
}

static void add_location(JsonBuilder *builder, const struct report *report, const struct finding *finding,
    uint32_t stack_id, const char *text)
{
    struct call_frame site;
    json_builder_begin_object(builder);
    if (call_stack_site(finding->model, stack_id, &site))
        add_place(builder, report, finding, &site);
    if (text)
        add_message(builder, "message", text);
    json_builder_end_object(builder);
}

static void add_stack(
    JsonBuilder *builder, const struct report *report, const struct finding *finding, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(finding->model, stack_id, frames);
    if (!frames->len)
        return;
    json_begin_object(builder, "stack");
    json_begin_array(builder, "frames");
    for (unsigned i = 0; i < frames->len; i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        json_builder_begin_object(builder);
        json_begin_object(builder, "location");
        add_place(builder, report, finding, frame);
        json_builder_end_object(builder);
        if (frame->module)
            json_add_string(builder, "module", frame->module);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static bool first_with_file(const struct finding *finding, uint32_t stack_id, struct call_frame *ret_frame)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(finding->model, stack_id, frames);
    for (unsigned i = 0; i < frames->len; i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        if (frame->file && !call_frame_is_system(frame)) {
            *ret_frame = *frame;
            return true;
        }
    }
    return false;
}

static bool find_file(const struct finding *finding, struct call_frame *ret_frame)
{
    if (first_with_file(finding, finding->site_stack, ret_frame))
        return true;
    for (unsigned i = 0; i < finding->steps->len; i++)
        if (first_with_file(finding, g_array_index(finding->steps, struct finding_step, i).stack, ret_frame))
            return true;
    return false;
}

// The program or library that the frame is in; of no known frame, the program it was found in.
static const char *binary_of(const struct finding *finding, const struct call_frame *frame)
{
    const GPtrArray *modules = finding->model->modules;
    for (unsigned i = 0; frame->module && i < modules->len; i++) {
        const struct trace_module *module = modules->pdata[i];
        if (module && strcmp(path_base(module->path), frame->module) == 0)
            return module->path;
    }
    return finding->programs->len ? finding->programs->pdata[0] : "unknown";
}

static void add_binary(JsonBuilder *builder, const struct report *report, const struct finding *finding,
    const struct call_frame *frame)
{
    json_begin_object(builder, "physicalLocation");
    add_artifact(builder, report, binary_of(finding, frame));
    if (frame->module) {
        json_begin_object(builder, "address");
        json_add_number(builder, "relativeAddress", (int64_t)frame->offset);
        json_builder_end_object(builder);
    }
    json_builder_end_object(builder);
}

static void add_result_location(
    JsonBuilder *builder, const struct report *report, const struct finding *finding)
{
    struct call_frame site = { 0 };
    struct call_frame with_file;
    bool known = call_stack_site(finding->model, finding->site_stack, &site);
    json_builder_begin_object(builder);
    if (known && site.file) {
        add_physical(builder, report, finding, &site);
    } else if (find_file(finding, &with_file)) {
        add_physical(builder, report, finding, &with_file);
    } else {
        add_binary(builder, report, finding, &site);
    }
    if (known)
        add_logical(builder, &site);
    json_builder_end_object(builder);
}

// --- the interleaving ---

static bool is_wanted(const struct finding_step *step)
{
    return strstr(step->action, "request") != NULL;
}

// Numbers from 1, one for each step; the caller frees them.
static unsigned *execution_order(const GArray *steps, bool is_witness)
{
    unsigned *order = g_new(unsigned, steps->len + 1);
    unsigned next = 1;
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < steps->len; i++)
            if ((!is_witness && is_wanted(&g_array_index(steps, struct finding_step, i))) == (pass == 1))
                order[i] = next++;
    return order;
}

static void add_step(JsonBuilder *builder, const struct report *report, const struct finding *finding,
    const struct finding_step *step, unsigned order)
{
    g_autofree char *what = report_step_text(finding, step);
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "location");
    add_location(builder, report, finding, step->stack, what);
    add_stack(builder, report, finding, step->stack);
    json_begin_array(builder, "kinds");
    if (g_str_has_prefix(step->action, "acquire") || is_wanted(step))
        json_add_text(builder, "acquire");
    else if (strcmp(step->action, "release") == 0)
        json_add_text(builder, "release");
    if (step->object)
        json_add_text(builder, "lock");
    json_builder_end_array(builder);
    json_add_number(builder, "executionOrder", order);
    json_add_string(builder, "importance", is_wanted(step) ? "essential" : "important");
    json_builder_end_object(builder);
}

static void add_thread_flow(JsonBuilder *builder, const struct report *report, const struct finding *finding,
    const GArray *steps, const unsigned *order, uint32_t thread_id)
{
    g_autofree char *id = g_strdup_printf("%u", thread_id);
    g_autofree char *label = finding_thread_label(finding, thread_id);
    g_autofree char *text = g_strdup_printf("thread %s", label);
    json_builder_begin_object(builder);
    json_add_string(builder, "id", id);
    add_message(builder, "message", text);
    json_begin_array(builder, "locations");
    for (unsigned i = 0; i < MIN(steps->len, STEPS_MAX); i++) {
        const struct finding_step *step = &g_array_index(steps, struct finding_step, i);
        if (step->thread_id == thread_id)
            add_step(builder, report, finding, step, order[i]);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void add_code_flows(JsonBuilder *builder, const struct report *report, const struct finding *finding)
{
    bool is_witness = finding->witness->len > 0;
    const GArray *steps = is_witness ? finding->witness : finding->steps;
    if (!steps->len)
        return;
    g_autofree unsigned *order = execution_order(steps, is_witness);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    json_begin_array(builder, "codeFlows");
    json_builder_begin_object(builder);
    add_message(builder, "message",
        is_witness ? "a reordering of this run that reaches it" : "what each thread does");
    json_begin_array(builder, "threadFlows");
    for (unsigned i = 0; i < MIN(steps->len, STEPS_MAX); i++) {
        uint32_t thread_id = g_array_index(steps, struct finding_step, i).thread_id;
        if (g_hash_table_add(seen, GUINT_TO_POINTER(thread_id)))
            add_thread_flow(builder, report, finding, steps, order, thread_id);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    json_builder_end_array(builder);
}

// --- results ---

static unsigned rule_index(const struct report *report, const struct rule *rule)
{
    unsigned index = 0;
    while (report->rules && report->rules[index] && report->rules[index] != rule)
        index++;
    return index;
}

// How often a verdict is right; of rules without one, their own.
static const char *precision_of(const struct finding *finding)
{
    static const char *const precisions[][2] = { { "observed", "very-high" }, { "confirmed", "very-high" },
        { "predicted", "high" }, { "potential", "medium" }, { "impossible", "low" } };
    for (size_t i = 0; finding->verdict && i < G_N_ELEMENTS(precisions); i++)
        if (strcmp(precisions[i][0], finding->verdict) == 0)
            return precisions[i][1];
    return finding->rule->precision ? finding->rule->precision : "high";
}

static void add_suppressions(JsonBuilder *builder, const struct report *report, const struct finding *finding)
{
    if (!finding->suppressed && !(report->suppressions && report->suppressions->len))
        return;
    // An empty list says that this one was looked for and is not suppressed.
    json_begin_array(builder, "suppressions");
    if (finding->suppressed) {
        json_builder_begin_object(builder);
        json_add_string(builder, "kind", "external");
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_result_properties(JsonBuilder *builder, const struct finding *finding)
{
    json_begin_object(builder, "properties");
    json_add_string(builder, "precision", precision_of(finding));
    if (finding->verdict)
        json_add_string(builder, "verdict", finding->verdict);
    if (finding->reason)
        json_add_string(builder, "reason", finding->reason);
    if (finding->note)
        json_add_string(builder, "note", finding->note);
    json_begin_array(builder, "programs");
    for (unsigned i = 0; i < finding->programs->len; i++)
        json_add_text(builder, finding->programs->pdata[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void add_related(JsonBuilder *builder, const struct report *report, const struct finding *finding)
{
    json_begin_array(builder, "relatedLocations");
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        struct call_frame site;
        if (!call_stack_site(finding->model, step->stack, &site) || !site.file)
            continue; // the code flow has it
        g_autofree char *label = finding_thread_label(finding, step->thread_id);
        g_autofree char *what = report_step_text(finding, step);
        g_autofree char *text = g_strdup_printf("%s %s", label, what);
        add_location(builder, report, finding, step->stack, text);
    }
    json_builder_end_array(builder);
}

static void add_result(JsonBuilder *builder, const struct report *report, const struct finding *finding)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "ruleId", finding->rule->id);
    unsigned index = rule_index(report, finding->rule);
    if (report->rules && report->rules[index])
        json_add_number(builder, "ruleIndex", index);
    json_add_string(builder, "level", finding_level_name(finding->level));
    add_message(builder, "message", finding->message);
    json_begin_array(builder, "locations");
    add_result_location(builder, report, finding);
    json_builder_end_array(builder);
    json_begin_object(builder, "partialFingerprints");
    json_add_string(builder, "trenza/v1", finding->id);
    json_builder_end_object(builder);
    json_add_number(builder, "occurrenceCount", MAX(finding->instances, 1));
    if (report->has_baseline)
        json_add_string(builder, "baselineState", finding->baseline ? "unchanged" : "new");
    add_suppressions(builder, report, finding);
    add_code_flows(builder, report, finding);
    add_related(builder, report, finding);
    add_result_properties(builder, finding);
    json_builder_end_object(builder);
}

// --- the tool and the run ---

static void add_rule(JsonBuilder *builder, const struct rule *rule)
{
    static const char *const severities[] = { "recommendation", "warning", "error" };
    json_builder_begin_object(builder);
    json_add_string(builder, "id", rule->id);
    json_add_string(builder, "name", rule->id);
    add_message(builder, "shortDescription", rule->summary);
    add_message(builder, "fullDescription", rule->summary);
    if (rule->help)
        add_message(builder, "help", rule->help);
    json_begin_object(builder, "defaultConfiguration");
    json_add_string(builder, "level", finding_level_name(rule->level));
    json_builder_end_object(builder);
    json_begin_object(builder, "properties");
    json_add_string(builder, "precision", rule->precision ? rule->precision : "high");
    json_add_string(builder, "problem.severity", severities[rule->level]);
    json_begin_array(builder, "tags");
    json_add_text(builder, "concurrency");
    json_add_text(builder, "reliability");
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

static void add_tool(JsonBuilder *builder, const struct report *report)
{
    json_begin_object(builder, "tool");
    json_begin_object(builder, "driver");
    json_add_string(builder, "name", "Trenza");
    json_add_string(builder, "version", TRENZA_VERSION);
    json_add_string(builder, "semanticVersion", TRENZA_VERSION);
    json_begin_array(builder, "rules");
    for (const struct rule *const *rule = report->rules; rule && *rule; rule++)
        add_rule(builder, *rule);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

static void add_notification(JsonBuilder *builder, const char *level, const char *text)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "level", level);
    add_message(builder, "message", text);
    json_builder_end_object(builder);
}

static void add_notifications(JsonBuilder *builder, const struct report *report, const struct report_run *run)
{
    struct coverage *coverage = coverage_new(report, run);
    g_autoptr(GPtrArray) warnings = coverage_warnings(coverage);
    g_autofree char *numbers = coverage_text(coverage);
    g_autofree char *programs = coverage_programs_text(coverage);
    json_begin_array(builder, "toolExecutionNotifications");
    add_notification(builder, "note", numbers);
    add_notification(builder, "note", programs);
    for (unsigned i = 0; i < warnings->len; i++)
        add_notification(builder, "warning", warnings->pdata[i]);
    for (unsigned i = 0; i < run->model->incidents->len; i++) {
        const struct model_incident *incident = run->model->incidents->pdata[i];
        g_autofree char *story = report_text_incident(run->model, incident, NULL);
        if (!report_incident_is_told(incident))
            add_notification(builder, "warning", story);
    }
    json_builder_end_array(builder);
    coverage_free(coverage);
}

static void add_invocation(JsonBuilder *builder, const struct report *report, const struct report_run *run)
{
    const struct model *model = run->model;
    json_builder_begin_object(builder);
    json_add_bool(builder, "executionSuccessful", model->complete);
    if (*model->command_line) {
        json_begin_array(builder, "arguments");
        for (char **word = model->command_line + 1; *word; word++)
            json_add_text(builder, *word);
        json_builder_end_array(builder);
        g_autofree char *line = g_strjoinv(" ", model->command_line);
        json_add_string(builder, "commandLine", line);
    }
    if (model->exit_status >= 0)
        json_add_number(builder, "exitCode", model->exit_status);
    if (g_path_is_absolute(model->working_directory)) {
        json_begin_object(builder, "workingDirectory");
        add_folder(builder, model->working_directory);
        json_builder_end_object(builder);
    }
    add_notifications(builder, report, run);
    json_builder_end_object(builder);
}

static void add_root(JsonBuilder *builder, const struct report *report)
{
    if (!report->source_root)
        return;
    json_begin_object(builder, "originalUriBaseIds");
    json_begin_object(builder, ROOT_NAME);
    add_folder(builder, report->source_root);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
}

static void add_run(JsonBuilder *builder, const struct report *report)
{
    json_builder_begin_object(builder);
    add_tool(builder, report);
    json_begin_array(builder, "invocations");
    for (unsigned i = 0; i < report->runs->len; i++)
        add_invocation(builder, report, &g_array_index(report->runs, struct report_run, i));
    json_builder_end_array(builder);
    add_root(builder, report);
    json_add_string(builder, "columnKind", "utf16CodeUnits");
    json_begin_array(builder, "results");
    for (unsigned i = 0; i < report->list->all->len; i++)
        add_result(builder, report, report->list->all->pdata[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static char *render(const struct report *report, const struct report_style *style)
{
    (void)style;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_add_string(builder, "$schema", SCHEMA);
    json_add_string(builder, "version", "2.1.0");
    json_begin_array(builder, "runs");
    add_run(builder, report);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autofree char *text = json_to_text(builder);
    return g_strconcat(text, "\n", NULL);
}

const struct report_format report_sarif = { .name = "sarif", .render = render };
