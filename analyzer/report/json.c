// SPDX-License-Identifier: MIT
// The report as JSON: an interface, schema "trenza-report/1" (DESIGN section 7). Fields are added, never changed.
#include <json-glib/json-glib.h>

#include "call_stack.h"
#include "report.h"

static void add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    if (value) {
        g_autofree char *valid = g_utf8_make_valid(value, -1);
        json_builder_add_string_value(builder, valid);
    } else {
        json_builder_add_null_value(builder);
    }
}

static void add_number(JsonBuilder *builder, const char *name, int64_t value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static void add_bool(JsonBuilder *builder, const char *name, bool value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

static void add_frame(JsonBuilder *builder, const struct model *model, const struct call_frame *frame)
{
    json_builder_begin_object(builder);
    add_string(builder, "function", frame->function);
    add_string(builder, "file", call_frame_file(model, frame));
    json_builder_set_member_name(builder, "line");
    if (frame->line)
        json_builder_add_int_value(builder, frame->line);
    else
        json_builder_add_null_value(builder);
    add_string(builder, "module", frame->module);
    g_autofree char *offset = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", frame->offset);
    add_string(builder, "offset", offset);
    add_bool(builder, "inlined", frame->inlined);
    json_builder_end_object(builder);
}

static void add_stack(JsonBuilder *builder, const char *name, const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < frames->len; i++)
        add_frame(builder, model, &g_array_index(frames, struct call_frame, i));
    json_builder_end_array(builder);
}

static void add_locks(JsonBuilder *builder, const struct finding *finding)
{
    json_builder_set_member_name(builder, "locks");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < finding->objects->len; i++) {
        const struct model_object *object = finding->objects->pdata[i];
        g_autofree char *label = finding_object_label(finding, object);
        json_builder_begin_object(builder);
        add_string(builder, "name", label);
        add_string(builder, "kind", object_kind_name(object->row.kind));
        add_stack(builder, "created", finding->model, object->row.create_stack);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_threads(JsonBuilder *builder, const struct finding *finding)
{
    json_builder_set_member_name(builder, "threads");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < finding->threads->len; i++) {
        const struct model_thread *thread = finding->threads->pdata[i];
        json_builder_begin_object(builder);
        add_number(builder, "id", thread->row.id);
        add_string(builder, "name", thread->label);
        add_stack(builder, "created", finding->model, thread->row.create_stack);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_steps(
    JsonBuilder *builder, const char *name, const struct finding *finding, const GArray *steps)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < steps->len; i++) {
        const struct finding_step *step = &g_array_index(steps, struct finding_step, i);
        g_autofree char *lock = step->object ? finding_object_label(finding, step->object) : NULL;
        json_builder_begin_object(builder);
        add_number(builder, "thread", step->thread_id);
        add_string(builder, "action", step->action);
        add_string(builder, "lock", lock);
        json_builder_set_member_name(builder, "holding");
        json_builder_begin_array(builder);
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
    add_string(builder, "id", finding->id);
    add_string(builder, "rule", finding->rule->id);
    add_string(builder, "verdict", finding->verdict);
    add_string(builder, "level", finding_level_name(finding->level));
    add_string(builder, "message", finding->message);
    add_string(builder, "reason", finding->reason);
    add_bool(builder, "suppressed", finding->suppressed);
    add_bool(builder, "baseline", finding->baseline);
    add_number(builder, "instances", MAX(finding->instances, 1));
    add_locks(builder, finding);
    add_threads(builder, finding);
    add_steps(builder, "steps", finding, finding->steps);
    add_steps(builder, "witness", finding, finding->witness);
    json_builder_end_object(builder);
}

static void add_run(JsonBuilder *builder, const struct report_run *run)
{
    const struct model *model = run->model;
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "program");
    json_builder_begin_array(builder);
    for (char **word = model->command_line; *word; word++) {
        g_autofree char *valid = g_utf8_make_valid(*word, -1);
        json_builder_add_string_value(builder, valid);
    }
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "exit_status");
    if (model->exit_status >= 0)
        json_builder_add_int_value(builder, model->exit_status);
    else
        json_builder_add_null_value(builder);
    add_string(builder, "ended", *model->ended ? model->ended : NULL);
    add_number(builder, "events", (int64_t)run->counts.events);
    add_number(builder, "lost", (int64_t)model->n_lost);
    add_number(builder, "threads", model->n_threads);
    add_number(builder, "processes", model->n_processes);
    add_number(builder, "objects", model->n_objects);
    add_number(builder, "order_repaired", (int64_t)run->counts.repaired);
    add_number(builder, "order_unresolved", (int64_t)run->counts.unresolved);
    add_bool(builder, "complete", model->complete);
    add_bool(builder, "bounded", run->left_out > 0);
    json_builder_set_member_name(builder, "coverage");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < model->coverage->len; i++) {
        const struct model_coverage *coverage = model->coverage->pdata[i];
        json_builder_begin_object(builder);
        add_string(builder, "what", coverage->what);
        add_string(builder, "detail", coverage->detail);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static char *to_text(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autoptr(JsonGenerator) generator = json_generator_new();
    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, true);
    return json_generator_to_data(generator, NULL);
}

char *report_json_finding(const struct finding *finding)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    add_finding(builder, finding);
    return to_text(builder);
}

static char *render(const struct report *report, const struct report_style *style)
{
    (void)style;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    add_string(builder, "schema", "trenza-report/1");
    json_builder_set_member_name(builder, "runs");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < report->runs->len; i++)
        add_run(builder, &g_array_index(report->runs, struct report_run, i));
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "findings");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < report->list->all->len; i++)
        add_finding(builder, report->list->all->pdata[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autofree char *text = to_text(builder);
    return g_strconcat(text, "\n", NULL);
}

const struct report_format report_json = { .name = "json", .render = render };
