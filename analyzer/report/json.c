// SPDX-License-Identifier: MIT
// The report as JSON: an interface, schema "trenza-report/1" (DESIGN section 7). Fields are added, never changed.
#include "call_stack.h"
#include "coverage.h"
#include "json_parts.h"
#include "report.h"
#include "suppressions.h"

static void add_frame(JsonBuilder *builder, const struct model *model, const struct call_frame *frame)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "function", frame->function);
    json_add_string(builder, "file", call_frame_file(model, frame));
    json_builder_set_member_name(builder, "line");
    if (frame->line)
        json_builder_add_int_value(builder, frame->line);
    else
        json_builder_add_null_value(builder);
    json_add_string(builder, "module", frame->module);
    g_autofree char *offset = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", frame->offset);
    json_add_string(builder, "offset", offset);
    json_add_bool(builder, "inlined", frame->inlined);
    json_builder_end_object(builder);
}

static void add_stack(JsonBuilder *builder, const char *name, const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    json_begin_array(builder, name);
    for (unsigned i = 0; i < frames->len; i++)
        add_frame(builder, model, &g_array_index(frames, struct call_frame, i));
    json_builder_end_array(builder);
}

static void add_locks(JsonBuilder *builder, const struct finding *finding)
{
    json_begin_array(builder, "locks");
    for (unsigned i = 0; i < finding->objects->len; i++) {
        const struct model_object *object = finding->objects->pdata[i];
        g_autofree char *label = finding_object_label(finding, object);
        json_builder_begin_object(builder);
        json_add_string(builder, "name", label);
        json_add_string(builder, "kind", object_kind_name(object->row.kind));
        add_stack(builder, "created", finding->model, object->row.create_stack);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_threads(JsonBuilder *builder, const struct finding *finding)
{
    json_begin_array(builder, "threads");
    for (unsigned i = 0; i < finding->threads->len; i++) {
        const struct model_thread *thread = finding->threads->pdata[i];
        json_builder_begin_object(builder);
        json_add_number(builder, "id", thread->row.id);
        json_add_string(builder, "name", thread->label);
        add_stack(builder, "created", finding->model, thread->row.create_stack);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_steps(
    JsonBuilder *builder, const char *name, const struct finding *finding, const GArray *steps)
{
    json_begin_array(builder, name);
    for (unsigned i = 0; i < steps->len; i++) {
        const struct finding_step *step = &g_array_index(steps, struct finding_step, i);
        g_autofree char *lock = step->object ? finding_object_label(finding, step->object) : NULL;
        json_builder_begin_object(builder);
        json_add_number(builder, "thread", step->thread_id);
        json_add_string(builder, "action", step->action);
        json_add_string(builder, "lock", lock);
        if (step->other_thread)
            json_add_number(builder, "other_thread", step->other_thread);
        json_begin_array(builder, "holding");
        for (unsigned j = 0; j < step->n_holding; j++) {
            g_autofree char *held = finding_object_label(finding, step->holding[j]);
            json_builder_add_string_value(builder, held);
        }
        json_builder_end_array(builder);
        add_stack(builder, "stack", finding->model, step->stack);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_finding(JsonBuilder *builder, const struct finding *finding)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "id", finding->id);
    json_add_string(builder, "rule", finding->rule->id);
    json_add_string(builder, "verdict", finding->verdict);
    json_add_string(builder, "level", finding_level_name(finding->level));
    json_add_string(builder, "message", finding->message);
    json_add_string(builder, "reason", finding->reason);
    json_add_string(builder, "note", finding->note);
    json_add_bool(builder, "suppressed", finding->suppressed);
    json_add_bool(builder, "baseline", finding->baseline);
    json_add_number(builder, "instances", MAX(finding->instances, 1));
    json_begin_array(builder, "programs");
    for (unsigned i = 0; i < finding->programs->len; i++)
        json_add_text(builder, finding->programs->pdata[i]);
    json_builder_end_array(builder);
    add_locks(builder, finding);
    add_threads(builder, finding);
    add_steps(builder, "steps", finding, finding->steps);
    add_steps(builder, "witness", finding, finding->witness);
    json_add_number(builder, "witness_left_out", finding->witness_left_out);
    json_builder_end_object(builder);
}

// How long before the incident, in ns; null: not known.
static void add_duration(JsonBuilder *builder, const char *name, const struct model *model,
    const struct model_incident *incident, int64_t since_ticks)
{
    json_builder_set_member_name(builder, name);
    if (since_ticks >= 0)
        json_builder_add_int_value(
            builder, (int64_t)((double)(incident->ticks - since_ticks) * model->ns_per_tick));
    else
        json_builder_add_null_value(builder);
}

static void add_incident_holds(JsonBuilder *builder, const struct model *model,
    const struct model_incident *incident, uint32_t thread_id)
{
    json_begin_array(builder, "holds");
    for (unsigned i = 0; i < incident->n_holds; i++) {
        const struct trace_incident_hold *hold = &incident->holds[i];
        const struct model_object *held = model_object(model, hold->object_id);
        if (hold->thread_id != thread_id || !held)
            continue;
        json_builder_begin_object(builder);
        json_add_string(builder, "lock", held->label);
        json_add_bool(builder, "shared", hold->shared);
        add_duration(builder, "held_ns", model, incident, hold->since_ticks);
        add_stack(builder, "stack", model, hold->stack_id);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_incident(
    JsonBuilder *builder, const struct model *model, const struct model_incident *incident)
{
    json_builder_begin_object(builder);
    json_add_string(builder, "what", incident->what);
    json_begin_array(builder, "threads");
    for (unsigned i = 0; i < incident->n_threads; i++) {
        const struct trace_incident_thread *row = &incident->threads[i];
        const struct model_thread *thread = model_thread(model, row->thread_id);
        const struct model_object *object = model_object(model, row->object_id);
        json_builder_begin_object(builder);
        json_add_number(builder, "id", row->thread_id);
        json_add_string(builder, "name", thread ? thread->label : NULL);
        json_add_string(builder, "waits_for", object ? object->label : NULL);
        json_builder_set_member_name(builder, "joins");
        if (row->joined_id)
            json_builder_add_int_value(builder, row->joined_id);
        else
            json_builder_add_null_value(builder);
        json_begin_array(builder, "holding");
        for (unsigned j = 0; j < incident->n_holds; j++) {
            const struct model_object *held = model_object(model, incident->holds[j].object_id);
            if (incident->holds[j].thread_id == row->thread_id && held)
                json_add_text(builder, held->label);
        }
        json_builder_end_array(builder);
        add_stack(builder, "stack", model, row->stack_id);
        json_add_string(builder, "request", *row->request ? row->request : NULL);
        add_duration(builder, "waiting_ns", model, incident, row->since_ticks);
        add_incident_holds(builder, model, incident, row->thread_id);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void add_incidents(JsonBuilder *builder, const struct model *model)
{
    json_begin_array(builder, "incidents");
    for (unsigned i = 0; i < model->incidents->len; i++)
        add_incident(builder, model, model->incidents->pdata[i]);
    json_builder_end_array(builder);
}

static void add_programs(JsonBuilder *builder, const struct coverage *coverage)
{
    json_begin_array(builder, "programs");
    for (unsigned i = 0; i < coverage->programs->len; i++) {
        const struct coverage_program *program =
            &g_array_index(coverage->programs, struct coverage_program, i);
        json_builder_begin_object(builder);
        json_add_string(builder, "path", program->path);
        json_add_number(builder, "processes", program->processes);
        json_add_number(builder, "threads", program->threads);
        json_add_number(builder, "events", (int64_t)program->events);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_gaps(JsonBuilder *builder, const struct model *model)
{
    json_begin_array(builder, "coverage");
    for (unsigned i = 0; i < model->coverage->len; i++) {
        const struct model_coverage *row = model->coverage->pdata[i];
        json_builder_begin_object(builder);
        json_add_string(builder, "what", row->what);
        json_add_string(builder, "detail", row->detail);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_run(JsonBuilder *builder, const struct report *report, const struct report_run *run)
{
    const struct model *model = run->model;
    struct coverage *coverage = coverage_new(report, run);
    json_builder_begin_object(builder);
    json_add_string(builder, "trace", run->trace);
    json_begin_array(builder, "program");
    for (char **word = model->command_line; *word; word++)
        json_add_text(builder, *word);
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "exit_status");
    if (model->exit_status >= 0)
        json_builder_add_int_value(builder, model->exit_status);
    else
        json_builder_add_null_value(builder);
    json_add_string(builder, "ended", *model->ended ? model->ended : NULL);
    json_add_number(builder, "events", (int64_t)run->counts.events);
    json_add_number(builder, "lost", (int64_t)model->n_lost);
    json_add_number(builder, "threads", model->n_threads);
    json_add_number(builder, "processes", model->n_processes);
    json_add_number(builder, "objects", model->n_objects);
    json_add_number(builder, "stacks", coverage->stacks);
    json_add_number(builder, "stacks_unresolved", coverage->unresolved_stacks);
    json_add_number(builder, "order_repaired", (int64_t)run->counts.repaired);
    json_add_number(builder, "order_unresolved", (int64_t)run->counts.unresolved);
    json_add_bool(builder, "complete", model->complete);
    json_add_bool(builder, "bounded", run->left_out > 0);
    add_programs(builder, coverage);
    add_gaps(builder, model);
    add_incidents(builder, model);
    json_builder_end_object(builder);
    coverage_free(coverage);
}

static void add_suppressions(JsonBuilder *builder, const GPtrArray *suppressions)
{
    json_begin_array(builder, "suppressions");
    for (unsigned i = 0; suppressions && i < suppressions->len; i++) {
        const struct suppression *suppression = suppressions->pdata[i];
        json_builder_begin_object(builder);
        json_add_string(builder, "name", suppression->name);
        json_add_string(builder, "file", suppression->file);
        json_add_number(builder, "line", suppression->line);
        json_add_number(builder, "matched", suppression->used);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

char *report_json_finding(const struct finding *finding)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    add_finding(builder, finding);
    return json_to_text(builder);
}

static char *render(const struct report *report, const struct report_style *style)
{
    (void)style;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_add_string(builder, "schema", "trenza-report/1");
    json_begin_array(builder, "runs");
    for (unsigned i = 0; i < report->runs->len; i++)
        add_run(builder, report, &g_array_index(report->runs, struct report_run, i));
    json_builder_end_array(builder);
    json_begin_array(builder, "findings");
    for (unsigned i = 0; i < report->list->all->len; i++)
        add_finding(builder, report->list->all->pdata[i]);
    json_builder_end_array(builder);
    add_suppressions(builder, report->suppressions);
    json_builder_end_object(builder);
    g_autofree char *text = json_to_text(builder);
    return g_strconcat(text, "\n", NULL);
}

const struct report_format report_json = { .name = "json", .render = render };
