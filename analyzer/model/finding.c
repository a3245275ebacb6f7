// SPDX-License-Identifier: MIT
// Findings, and what makes two of them the same.
#include "finding.h"

#include <string.h>

#include "call_stack.h"

#define FINGERPRINT_FRAMES                                                                                   \
    3u // deep enough to tell callers of a locking helper apart, shallow enough to survive a new main()
#define ID_LENGTH 16u // hex digits

const char *finding_level_name(enum finding_level level)
{
    static const char *const names[] = { "note", "warning", "error" };
    return names[level];
}

static void step_clear(void *data)
{
    g_free(((struct finding_step *)data)->holding);
}

struct finding *finding_new(const struct model *model, const struct rule *rule, enum finding_level level)
{
    struct finding *finding = g_new0(struct finding, 1);
    finding->model = model;
    finding->rule = rule;
    finding->level = level;
    finding->instances = 1;
    finding->objects = g_ptr_array_new();
    finding->threads = g_ptr_array_new();
    finding->programs = g_ptr_array_new_with_free_func(g_free);
    finding->steps = g_array_new(false, true, sizeof(struct finding_step));
    finding->witness = g_array_new(false, true, sizeof(struct finding_step));
    g_array_set_clear_func(finding->steps, step_clear);
    g_array_set_clear_func(finding->witness, step_clear);
    return finding;
}

void finding_free(struct finding *finding)
{
    if (!finding)
        return;
    g_free(finding->id);
    g_free(finding->parts);
    g_free(finding->message);
    g_ptr_array_unref(finding->objects);
    g_ptr_array_unref(finding->threads);
    g_ptr_array_unref(finding->programs);
    g_array_unref(finding->steps);
    g_array_unref(finding->witness);
    g_free(finding);
}

void finding_set_message(struct finding *finding, char *message)
{
    g_free(finding->message);
    finding->message = message;
}

static void add_once(GPtrArray *array, const void *item)
{
    if (item && !g_ptr_array_find(array, item, NULL))
        g_ptr_array_add(array, (void *)item);
}

void finding_add_step(struct finding *finding, uint32_t thread_id, const char *action,
    const struct model_object *object, uint32_t stack, const struct hold *held, unsigned n_held)
{
    struct finding_step step = { .thread_id = thread_id, .action = action, .object = object, .stack = stack };
    step.n_holding = held ? n_held : 0;
    step.holding = g_new(const struct model_object *, step.n_holding);
    for (unsigned i = 0; i < step.n_holding; i++) {
        step.holding[i] = held[i].object;
        add_once(finding->objects, held[i].object);
    }
    add_once(finding->objects, object);
    add_once(finding->threads, model_thread(finding->model, thread_id));
    g_array_append_val(finding->steps, step);
}

char *finding_object_label(const struct finding *finding, const struct model_object *object)
{
    unsigned same = 0;
    unsigned position = 0;
    for (unsigned i = 0; i < finding->objects->len; i++) {
        const struct model_object *other = finding->objects->pdata[i];
        if (strcmp(other->label, object->label) != 0)
            continue;
        same++;
        if (other == object)
            position = same;
    }
    return same > 1 ? g_strdup_printf("%s #%u", object->label, position) : g_strdup(object->label);
}

char *finding_thread_label(const struct finding *finding, uint32_t thread_id)
{
    const struct model_thread *thread = model_thread(finding->model, thread_id);
    if (!thread)
        return g_strdup_printf("thread %u", thread_id);
    unsigned same = 0;
    for (unsigned i = 0; i < finding->threads->len; i++) {
        const struct model_thread *other = finding->threads->pdata[i];
        same += strcmp(other->label, thread->label) == 0;
    }
    return same > 1 ? g_strdup_printf("'%s' (thread %u)", thread->label, thread_id)
                    : g_strdup_printf("'%s'", thread->label);
}

char *fingerprint_stack(const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    GString *text = g_string_new(NULL);
    unsigned used = 0;
    for (unsigned i = 0; i < frames->len && used < FINGERPRINT_FRAMES; i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        if (call_frame_is_system(frame))
            continue;
        g_string_append_printf(text, "%s!%s@%s;", frame->module ? frame->module : "-",
            frame->function ? frame->function : "-", frame->file ? path_base(frame->file) : "-");
        used++;
    }
    return g_string_free(text, false);
}

void finding_set_id(struct finding *finding, const char *parts)
{
    g_autofree char *text = g_strdup_printf("%s\n%s", finding->rule->id, parts);
    g_free(finding->id);
    finding->id = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    finding->id[ID_LENGTH] = '\0';
    char *copy = g_strdup(parts);
    g_free(finding->parts);
    finding->parts = copy;
}

void finding_set_steered(struct finding *finding, bool reached)
{
    finding->steered = true;
    if (reached) {
        finding->verdict = "confirmed";
        finding->level = LEVEL_ERROR;
        finding->note = NULL;
    } else {
        g_autofree char *note = g_strconcat(finding->note ? finding->note : "", finding->note ? "; " : "",
            "not reached in a steered run", NULL);
        finding->note = g_intern_string(note);
    }
}

static bool is_listed(const char *ids, const char *id)
{
    g_auto(GStrv) words = g_strsplit(ids ? ids : "", " ", -1);
    return g_strv_contains((const char *const *)words, id);
}

void finding_look_for_steering(struct finding *finding)
{
    const struct model *model = finding->model;
    bool reached = is_listed(model->confirmed, finding->id);
    bool could_happen = g_strcmp0(finding->verdict, "impossible") != 0;
    if (could_happen && (reached || is_listed(model->not_confirmed, finding->id)))
        finding_set_steered(finding, reached);
}

static void free_finding(void *data)
{
    finding_free(data);
}

struct finding_list *finding_list_new(void)
{
    struct finding_list *list = g_new0(struct finding_list, 1);
    list->all = g_ptr_array_new_with_free_func(free_finding);
    list->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    return list;
}

void finding_list_free(struct finding_list *list)
{
    if (!list)
        return;
    g_hash_table_unref(list->by_id);
    g_ptr_array_unref(list->all);
    g_free(list);
}

static void add_program(struct finding *finding, const char *path)
{
    if (!g_ptr_array_find_with_equal_func(finding->programs, path, g_str_equal, NULL))
        g_ptr_array_add(finding->programs, g_strdup(path));
}

static void add_programs(struct finding *finding)
{
    for (unsigned i = 0; i < finding->threads->len; i++) {
        const struct model_thread *thread = finding->threads->pdata[i];
        const struct trace_process *process = model_process(finding->model, thread->row.process_id);
        if (process && process->executable && *process->executable)
            add_program(finding, process->executable);
    }
}

// The list's table is keyed by the id of the one that is in it.
static void swap_contents(struct finding *known, struct finding *finding)
{
    struct finding aside = *known;
    *known = *finding;
    *finding = aside;
    finding->id = known->id;
    known->id = aside.id;
}

void finding_list_add(struct finding_list *list, struct finding *finding)
{
    add_programs(finding);
    struct finding *known = g_hash_table_lookup(list->by_id, finding->id);
    if (known) {
        if (finding->level > known->level)
            swap_contents(known, finding);
        known->instances += finding->instances;
        if (g_strcmp0(finding->verdict, "confirmed") == 0)
            finding_set_steered(known, true);
        for (unsigned i = 0; i < finding->programs->len; i++)
            add_program(known, finding->programs->pdata[i]);
        finding_free(finding);
        return;
    }
    g_ptr_array_add(list->all, finding);
    g_hash_table_insert(list->by_id, finding->id, finding);
}

void finding_list_move(struct finding_list *list, struct finding_list *from)
{
    g_hash_table_remove_all(from->by_id);
    while (from->all->len)
        finding_list_add(list, g_ptr_array_steal_index(from->all, 0));
}

static int compare_findings(const void *a, const void *b)
{
    const struct finding *x = *(struct finding *const *)a;
    const struct finding *y = *(struct finding *const *)b;
    if (x->level != y->level)
        return x->level > y->level ? -1 : 1;
    struct call_frame x_site = { 0 };
    struct call_frame y_site = { 0 };
    call_stack_site(x->model, x->site_stack, &x_site);
    call_stack_site(y->model, y->site_stack, &y_site);
    int files = g_strcmp0(x_site.file, y_site.file);
    if (files != 0)
        return files;
    if (x_site.line != y_site.line)
        return x_site.line < y_site.line ? -1 : 1;
    return strcmp(x->id, y->id);
}

void finding_list_sort(struct finding_list *list)
{
    g_ptr_array_sort(list->all, compare_findings);
}
