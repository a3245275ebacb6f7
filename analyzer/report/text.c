// SPDX-License-Identifier: MIT
// The report for people: a line that editors and CI systems understand, then the story.
//
//   abba.c:27: error: lock-order-cycle: 'a' and 'b' are taken in opposite orders by 'left' and 'right'
//     thread 'left', created in main (abba.c:40)
//       takes 'a'
//         left (abba.c:25)        pthread_mutex_lock(&a);
//       ...
#include <string.h>

#include "call_stack.h"
#include "columns.h"
#include "coverage.h"
#include "explain.h"
#include "report.h"
#include "suppressions.h"

#define FRAMES_MAX 24u // of a stack; what is left out is said
#define SOURCE_COLUMN 40
#define WITNESS_COLUMN 48
#define SOURCE_AROUND 2 // lines before and after

struct colours {
    const char *bold;
    const char *dim;
    const char *level[LEVEL_ERROR + 1];
    const char *off;
};

static const struct colours plain = { "", "", { "", "", "" }, "" };
static const struct colours vivid = { "\033[1m", "\033[2m", { "\033[1;36m", "\033[1;35m", "\033[1;31m" },
    "\033[0m" };

static const struct colours *colours_of(const struct report_style *style)
{
    return style && style->colour ? &vivid : &plain;
}

// Control characters of a program's own strings stay out of the terminal.
void report_append_clean(GString *text, const char *value)
{
    for (const char *at = value; *at; at++)
        g_string_append_c(text, (unsigned char)*at < 0x20 || *at == 0x7f ? ' ' : *at);
}

static void append_place(GString *text, const struct finding *finding)
{
    struct call_frame site;
    if (!call_stack_site(finding->model, finding->site_stack, &site))
        g_string_append(text, "unknown place");
    else if (site.file)
        g_string_append_printf(
            text, "%s:%" G_GINT64_FORMAT, call_frame_file(finding->model, &site), site.line);
    else if (site.function && !site.module)
        g_string_append(text, site.function);
    else
        g_string_append_printf(
            text, "%s+0x%" G_GINT64_MODIFIER "x", site.module ? site.module : "unknown code", site.offset);
}

static void append_headline(GString *text, const struct finding *finding, const struct colours *colours)
{
    g_string_append(text, colours->bold);
    append_place(text, finding);
    g_string_append_printf(text, ": %s%s%s:%s %s", colours->off, colours->level[finding->level],
        finding_level_name(finding->level), colours->off, colours->bold);
    g_string_append_printf(text, "%s: ", finding->rule->id);
    report_append_clean(text, finding->message);
    g_string_append_printf(text, "%s\n", colours->off);
}

static void append_frame(
    GString *text, const struct model *model, const struct call_frame *frame, const struct colours *colours)
{
    g_autofree char *place = call_frame_text(model, frame);
    const char *source = model_source(model, frame->file, frame->line);
    if (!source) {
        g_string_append_printf(text, "        %s\n", place);
        return;
    }
    while (*source == ' ' || *source == '\t')
        source++;
    g_string_append_printf(text, "        %-*s  %s", SOURCE_COLUMN, place, colours->dim);
    report_append_clean(text, source);
    g_string_append_printf(text, "%s\n", colours->off);
}

static void append_stack(
    GString *text, const struct model *model, uint32_t stack_id, const struct colours *colours)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    for (unsigned i = 0; i < MIN(frames->len, FRAMES_MAX); i++)
        append_frame(text, model, &g_array_index(frames, struct call_frame, i), colours);
    if (frames->len > FRAMES_MAX)
        g_string_append_printf(text, "        ... and %u outer frames\n", frames->len - FRAMES_MAX);
    if (!frames->len)
        g_string_append(text, "        (no stack)\n");
}

static const char *verb(const char *action)
{
    static const char *const verbs[][2] = {
        { "acquire", "takes %s" },
        { "acquire-shared", "takes %s for reading" },
        { "request", "wants %s" },
        { "request-shared", "wants %s for reading" },
        { "join-request", "waits for the thread's end" },
        { "release", "gives %s back" },
        { "use", "uses %s" },
        { "init", "initialises %s" },
        { "create", "creates the thread" },
        { "cond-wait", "waits for a signal of %s" },
        { "cond-signal", "signals %s" },
        { "cond-broadcast", "signals %s to all" },
        { "barrier-arrive", "waits at the barrier %s" },
        { "once-request", "waits for the routine of %s" },
        { "take-permit", "takes a permit of %s" },
        { "post", "posts %s" },
        { "cond-wake", "is woken and has %s again" },
        { "barrier-leave", "leaves the barrier %s" },
        { "once-begin", "begins the routine of %s" },
        { "once-end", "ends the routine of %s" },
        { "once-done", "finds the routine of %s done" },
        { "acquire-try", "takes %s (by trying)" },
        { "acquire-try-shared", "takes %s for reading (by trying)" },
        { "acquire-timed", "takes %s (within a time-out)" },
        { "acquire-timed-shared", "takes %s for reading (within a time-out)" },
        { "fail", "does not get %s" },
        { "read", "reads %s" },
        { "write", "writes %s" },
        { "object-end", "ends the life of %s's memory" },
        { "end", "ends" },
        { "exit", "ends the program" },
        { "use", "uses %s" },
        { "init", "initialises %s" },
        { "create", "creates the thread" },
        { "cond-wait", "waits for a signal of %s" },
        { "cond-signal", "signals %s" },
        { "cond-broadcast", "signals %s to all" },
        { "barrier-arrive", "waits at the barrier %s" },
        { "once-request", "waits for the routine of %s" },
        { "take-permit", "takes a permit of %s" },
        { "post", "posts %s" },
        { "destroy", "destroys %s" },
        { "free", "ends the life of %s's memory" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(verbs[i][0], action) == 0)
            return verbs[i][1];
    return action;
}

// What is done to another thread.
static const char *thread_verb(const char *action)
{
    static const char *const verbs[][2] = {
        { "create", "creates %s" },
        { "fork", "forks %s" },
        { "join-request", "waits for the end of %s" },
        { "join", "has waited for the end of %s" },
        { "cancel", "cancels %s" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(verbs[i][0], action) == 0)
            return verbs[i][1];
    return verb(action);
}

char *report_step_deed(const struct finding *finding, const struct finding_step *step)
{
    GString *text = g_string_new(step->other_thread ? thread_verb(step->action) : verb(step->action));
    if (step->other_thread) {
        g_autofree char *label = finding_thread_label(finding, step->other_thread);
        g_string_replace(text, "%s", label, 1);
    }
    if (step->object) {
        g_autofree char *label = finding_object_label(finding, step->object);
        g_autofree char *quoted = g_strdup_printf("'%s'", label);
        g_string_replace(text, "%s", quoted, 1);
    }
    return g_string_free(text, false);
}

char *report_step_text(const struct finding *finding, const struct finding_step *step)
{
    g_autofree char *deed = report_step_deed(finding, step);
    GString *text = g_string_new(deed);
    for (unsigned i = 0; i < step->n_holding; i++) {
        g_autofree char *label = finding_object_label(finding, step->holding[i]);
        g_string_append_printf(text, "%s'%s'",
            i == 0                    ? ", holding "
            : i + 1 < step->n_holding ? ", "
                                      : " and ",
            label);
    }
    return g_string_free(text, false);
}

// The lines around one, which is marked; as many as the trace has kept.
static void append_excerpt(
    GString *text, const struct model *model, const struct call_frame *frame, const struct colours *colours)
{
    for (int64_t line = MAX(1, frame->line - SOURCE_AROUND); line <= frame->line + SOURCE_AROUND; line++) {
        const char *source = model_source(model, frame->file, line);
        if (!source)
            continue;
        bool here = line == frame->line;
        g_string_append_printf(text, "          %s%s %5" G_GINT64_FORMAT "  ",
            here ? colours->bold : colours->dim, here ? ">" : " ", line);
        report_append_clean(text, source);
        while (text->len && text->str[text->len - 1] == ' ')
            g_string_truncate(text, text->len - 1);
        g_string_append_printf(text, "%s\n", colours->off);
    }
}

static void append_step(GString *text, const struct finding *finding, const struct finding_step *step,
    const struct report_style *style)
{
    const struct colours *colours = colours_of(style);
    bool explain = style && style->explain;
    g_autofree char *what = report_step_text(finding, step);
    g_string_append_printf(text, "      %s", explain ? colours->bold : "");
    report_append_clean(text, what);
    g_string_append_printf(text, "%s\n", explain ? colours->off : "");
    if (step->stack)
        append_stack(text, finding->model, step->stack, colours);
    struct call_frame site;
    if (explain && call_stack_site(finding->model, step->stack, &site) && site.file)
        append_excerpt(text, finding->model, &site, colours);
}

static void append_thread_line(GString *text, const struct finding *finding, uint32_t thread_id)
{
    const struct model_thread *thread = model_thread(finding->model, thread_id);
    g_autofree char *label = finding_thread_label(finding, thread_id);
    g_string_append(text, "    thread ");
    report_append_clean(text, label);
    struct call_frame site;
    if (thread && thread->row.create_stack &&
        call_stack_site(finding->model, thread->row.create_stack, &site)) {
        g_autofree char *place = call_frame_text(finding->model, &site);
        g_string_append_printf(text, ", created in %s", place);
    }
    g_string_append(text, "\n");
}

static void append_locks(GString *text, const struct finding *finding)
{
    for (unsigned i = 0; i < finding->objects->len; i++) {
        const struct model_object *object = finding->objects->pdata[i];
        g_autofree char *label = finding_object_label(finding, object);
        g_string_append(text, "    '");
        report_append_clean(text, label);
        g_string_append_printf(text, "' is a %s%s", object->row.flags & OBJECT_RECURSIVE ? "recursive " : "",
            object_kind_name(object->row.kind) ? object_kind_name(object->row.kind) : "lock");
        if (object->created_in)
            g_string_append_printf(text, ", %s in %s",
                object->row.flags & OBJECT_BY_INIT ? "initialised" : "first used", object->created_in);
        g_string_append_c(text, '\n');
    }
}

static void append_verdict(GString *text, const struct finding *finding)
{
    static const char *const meanings[][2] = {
        { "observed", "it happened in this run" },
        { "confirmed", "a steered re-run of the program reached it" },
        { "predicted", "a reordering of this very run reaches it" },
        { "potential",
            "nothing recorded rules it out, but no reordering of this run was found that reaches it" },
        { "impossible", "kept because all were asked for" },
    };
    if (!finding->verdict)
        return;
    // Only cycles of locks are looked for in reorderings.
    if (strcmp(finding->verdict, "potential") == 0 && strcmp(finding->rule->id, "lock-order-cycle") != 0) {
        g_string_append(
            text, "    verdict: potential (not in this run, but nothing recorded rules it out)\n");
        return;
    }
    // A potential cycle with a note is of no single run that could be reordered.
    if (strcmp(finding->verdict, "potential") == 0 && finding->note) {
        g_string_append_printf(
            text, "    verdict: potential (nothing recorded rules it out; %s)\n", finding->note);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++)
        if (strcmp(meanings[i][0], finding->verdict) == 0)
            g_string_append_printf(text, "    verdict: %s (%s%s%s)\n", finding->verdict,
                finding->reason ? finding->reason : meanings[i][1], finding->note ? "; " : "",
                finding->note ? finding->note : "");
}

// The interleaving that leads there, a line for each step.
static void append_witness(GString *text, const struct finding *finding, const struct colours *colours)
{
    if (!finding->witness->len)
        return;
    g_string_append(text, "    how it comes about:\n");
    if (finding->witness_left_out)
        g_string_append_printf(
            text, "          (%u steps that say little are left out)\n", finding->witness_left_out);
    for (unsigned i = 0; i < finding->witness->len; i++) {
        const struct finding_step *step = &g_array_index(finding->witness, struct finding_step, i);
        g_autofree char *thread = finding_thread_label(finding, step->thread_id);
        g_autofree char *what = report_step_text(finding, step);
        g_autofree char *line = g_strdup_printf("%s %s", thread, what);
        struct call_frame site;
        g_string_append_printf(text, "    %4u. ", i + 1);
        size_t begin = text->len;
        report_append_clean(text, line);
        if (call_stack_site(finding->model, step->stack, &site)) {
            g_autofree char *place = call_frame_text(finding->model, &site);
            g_string_append_printf(text, "%*s  %s%s%s",
                (int)MAX(0, (gssize)(WITNESS_COLUMN - (text->len - begin))), "", colours->dim, place,
                colours->off);
        }
        g_string_append_c(text, '\n');
    }
}

// Said where it is not plain: when there were other programs in the recording.
static void append_programs(GString *text, const struct finding *finding)
{
    if (finding->programs->len == 0 || finding->model->n_processes < 2)
        return;
    g_string_append(text, "    found in ");
    for (unsigned i = 0; i < finding->programs->len; i++) {
        g_string_append(text, i ? ", " : "");
        report_append_clean(text, path_base(finding->programs->pdata[i]));
    }
    g_string_append_c(text, '\n');
}

static void append_story(GString *text, const struct finding *finding, const struct report_style *style)
{
    uint32_t thread_id = 0;
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (step->thread_id != thread_id)
            append_thread_line(text, finding, step->thread_id);
        thread_id = step->thread_id;
        append_step(text, finding, step, style);
    }
}

char *report_text_finding(const struct finding *finding, const struct report_style *style)
{
    const struct colours *colours = colours_of(style);
    bool explain = style && style->explain;
    GString *text = g_string_new(NULL);
    append_headline(text, finding, colours);
    append_story(text, finding, style);
    append_locks(text, finding);
    bool in_columns = explain && columns_append(text, finding, colours->level[LEVEL_ERROR], colours->off);
    if (explain)
        explain_end(text, finding);
    append_verdict(text, finding);
    if (explain)
        explain_verdict(text, finding);
    if (!in_columns)
        append_witness(text, finding, colours);
    if (finding->rule->help)
        g_string_append_printf(text, "    what to do: %s\n", finding->rule->help);
    if (explain)
        explain_remedies(text, finding);
    append_programs(text, finding);
    g_string_append_printf(text, "    %sfinding %s", colours->dim, finding->id);
    if (finding->instances > 1)
        g_string_append_printf(text, ", seen %u times", finding->instances);
    g_string_append_printf(text, "%s\n", colours->off);
    return g_string_free(text, false);
}

static double seconds_before(
    const struct model *model, const struct model_incident *incident, int64_t since_ticks)
{
    return (double)(incident->ticks - since_ticks) * model->ns_per_tick / 1e9;
}

// "waits for a signal of 'c'": what a thread is blocked by, as far as that was recorded.
static char *wait_text(const struct model *model, const struct trace_incident_thread *row)
{
    const struct model_object *object = model_object(model, row->object_id);
    const struct model_thread *joined = model_thread(model, row->joined_id);
    if (joined)
        return g_strdup_printf("waits for the end of '%s' (%u)", joined->label, row->joined_id);
    if (!object)
        return g_strdup("runs, or is in a system call");
    switch (event_kind_by_name(row->request)) {
    case EVENT_COND_WAIT:
        return g_strdup_printf("waits for a signal of '%s'", object->label);
    case EVENT_BARRIER_ARRIVE:
        return g_strdup_printf("waits at the barrier '%s'", object->label);
    case EVENT_DESTROY:
        return g_strdup_printf("destroys '%s' and waits for its users", object->label);
    case EVENT_ONCE_REQUEST:
        return g_strdup_printf("waits for the routine of '%s'", object->label);
    case EVENT_REQUEST_SHARED:
    case EVENT_REQUEST_TIMED_SHARED:
        return g_strdup_printf(
            "waits for the %s '%s', to read", object_kind_name(object->row.kind), object->label);
    default:
        return g_strdup_printf("waits for the %s '%s'", object_kind_name(object->row.kind), object->label);
    }
}

static void append_incident_hold(GString *text, const struct model *model,
    const struct model_incident *incident, const struct trace_incident_hold *hold,
    const struct colours *colours)
{
    const struct model_object *held = model_object(model, hold->object_id);
    if (!held)
        return;
    g_string_append(text, "      holds '");
    report_append_clean(text, held->label);
    g_string_append_printf(text, "'%s, taken %.2f s before in\n", hold->shared ? " for reading" : "",
        seconds_before(model, incident, hold->since_ticks));
    append_stack(text, model, hold->stack_id, colours);
}

static void append_incident_thread(GString *text, const struct model *model,
    const struct model_incident *incident, const struct trace_incident_thread *row,
    const struct colours *colours)
{
    const struct model_thread *thread = model_thread(model, row->thread_id);
    g_autofree char *waits = wait_text(model, row);
    g_string_append(text, "    thread '");
    report_append_clean(text, thread ? thread->label : "?");
    g_string_append_printf(text, "' (%u) ", row->thread_id);
    report_append_clean(text, waits);
    if (row->since_ticks >= 0)
        g_string_append_printf(text, " for %.2f s", seconds_before(model, incident, row->since_ticks));
    g_string_append_c(text, '\n');
    if (row->stack_id)
        append_stack(text, model, row->stack_id, colours);
    for (unsigned i = 0; i < incident->n_holds; i++)
        if (incident->holds[i].thread_id == row->thread_id)
            append_incident_hold(text, model, incident, &incident->holds[i], colours);
}

// What every thread was doing when the recorder stopped the program.
static void append_incident(GString *text, const struct model *model, const struct model_incident *incident,
    const struct colours *colours)
{
    g_string_append_printf(text, "%s%s%s: what the threads were doing\n", colours->bold,
        strcmp(incident->what, "timeout") == 0 ? "time is up" : incident->what, colours->off);
    for (unsigned i = 0; i < incident->n_threads; i++)
        append_incident_thread(text, model, incident, &incident->threads[i], colours);
}

char *report_text_incident(
    const struct model *model, const struct model_incident *incident, const struct report_style *style)
{
    GString *text = g_string_new(NULL);
    append_incident(text, model, incident, colours_of(style));
    return g_string_free(text, false);
}

static void append_coverage(GString *text, const struct report *report, const struct coverage *coverage)
{
    g_autoptr(GPtrArray) warnings = coverage_warnings(coverage);
    for (unsigned i = 0; i < warnings->len; i++) {
        g_string_append(text, "trenza: note: ");
        report_append_clean(text, warnings->pdata[i]);
        g_string_append_c(text, '\n');
    }
    if (coverage->programs->len > 1) {
        g_autofree char *programs = coverage_programs_text(coverage);
        g_string_append(text, "trenza: note: ");
        report_append_clean(text, programs);
        g_string_append_c(text, '\n');
    }
    for (unsigned i = 0; report->suppressions && i < report->suppressions->len; i++) {
        const struct suppression *suppression = report->suppressions->pdata[i];
        if (!suppression->used)
            g_string_append_printf(text, "trenza: note: %s:%u: the suppression '%s' matched nothing\n",
                suppression->file, suppression->line, suppression->name);
    }
}

static void append_summary(GString *text, const struct report *report, const struct colours *colours)
{
    struct coverage *coverage = coverage_new(report, NULL);
    append_coverage(text, report, coverage);
    unsigned errors = report_count(report, LEVEL_ERROR);
    unsigned warnings = report_count(report, LEVEL_WARNING);
    unsigned notes = report_count(report, LEVEL_NOTE);
    unsigned known = report_count_known(report);
    g_string_append_printf(text, "%strenza: ", errors ? colours->level[LEVEL_ERROR] : colours->bold);
    if (errors + warnings + notes == 0)
        g_string_append(text, known ? "nothing new" : "nothing found");
    else
        g_string_append_printf(text, "%u error%s, %u warning%s, %u note%s", errors, errors == 1 ? "" : "s",
            warnings, warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
    if (known)
        g_string_append_printf(text, ", %u known finding%s", known, known == 1 ? "" : "s");
    g_autofree char *looked_at = coverage_text(coverage);
    g_string_append_printf(text, "%s in %s\n", colours->off, looked_at);
    coverage_free(coverage);
}

static char *render(const struct report *report, const struct report_style *style)
{
    const struct colours *colours = colours_of(style);
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < report->list->all->len; i++) {
        if (report_is_known(report->list->all->pdata[i]))
            continue;
        g_autofree char *finding = report_text_finding(report->list->all->pdata[i], style);
        g_string_append_printf(text, "%s\n", finding);
    }
    for (unsigned i = 0; i < report->runs->len; i++) {
        const struct model *model = g_array_index(report->runs, struct report_run, i).model;
        for (unsigned j = 0; j < model->incidents->len; j++) {
            const struct model_incident *incident = model->incidents->pdata[j];
            if (!report_incident_is_told(incident)) {
                append_incident(text, model, incident, colours);
                g_string_append_c(text, '\n');
            }
        }
    }
    append_summary(text, report, colours);
    return g_string_free(text, false);
}

const struct report_format report_text = { .name = "text", .render = render };
