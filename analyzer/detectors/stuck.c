// SPDX-License-Identifier: MIT
// stuck: the recorder saw threads wait for what nobody was left to do, without a circle of locks, and noted who held and
// wanted what. This turns the note into a finding. Sees only what the recorder saw.
#include <string.h>

#include "cycle.h"
#include "detector.h"
#include "rules.h"

const struct rule rule_stuck = {
    .id = "stuck",
    .level = LEVEL_ERROR,
    .summary = "Threads wait for what nobody is left to do",
    .help = "Look for the thread that should have signalled, posted, arrived or unlocked: it has ended, or "
            "waits itself.",
};

static void *begin(struct detection *detection)
{
    return detection;
}

// The smaller, the more likely the others wait because of it.
static unsigned rank(const struct trace_incident_thread *row)
{
    switch (event_kind_by_name(row->request)) {
    case EVENT_COND_WAIT:
        return 0;
    case EVENT_BARRIER_ARRIVE:
        return 1;
    case EVENT_DESTROY:
    case EVENT_ONCE_REQUEST:
        return 3;
    case EVENT_JOIN_REQUEST:
        return 4;
    default:
        return 2;
    }
}

static gint compare_rows(gconstpointer left, gconstpointer right)
{
    const struct trace_incident_thread *a = *(const struct trace_incident_thread *const *)left;
    const struct trace_incident_thread *b = *(const struct trace_incident_thread *const *)right;
    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    return a->thread_id < b->thread_id ? -1 : a->thread_id > b->thread_id;
}

static char *barrier_sentence(
    const struct model_incident *incident, const struct model_object *barrier, const char *label)
{
    unsigned come = 0;
    for (unsigned i = 0; i < incident->n_threads; i++)
        come += incident->threads[i].in_cycle && incident->threads[i].object_id == barrier->row.id;
    return g_strdup_printf("only %u of %" G_GUINT64_FORMAT
                           " threads have come to the barrier '%s', and nobody "
                           "is left to come",
        come, barrier->row.value, label);
}

static char *sentence(const struct finding *finding, const struct model_incident *incident,
    const struct trace_incident_thread *row)
{
    const struct model_object *object = model_object(finding->model, row->object_id);
    g_autofree char *self = finding_thread_label(finding, row->thread_id);
    g_autofree char *label = object ? finding_object_label(finding, object) : NULL;
    enum event_kind kind = event_kind_by_name(row->request);
    if (!object)
        return g_strdup_printf("%s waits for the end of a thread that will not end", self);
    switch (kind) {
    case EVENT_COND_WAIT:
        return g_strdup_printf("%s waits for '%s' to be signalled, and nobody is left to do it", self, label);
    case EVENT_BARRIER_ARRIVE:
        return barrier_sentence(incident, object, label);
    case EVENT_ONCE_REQUEST:
        return g_strdup_printf("%s waits for the routine of '%s', which will not end", self, label);
    case EVENT_DESTROY:
        return g_strdup_printf("%s destroys '%s' and waits for its users, who will not leave", self, label);
    default:
        return object->row.kind == OBJECT_SEMAPHORE
                   ? g_strdup_printf(
                         "%s waits for '%s' to be posted, and nobody is left to do it", self, label)
                   : g_strdup_printf("%s waits for '%s', and nobody is left to unlock it", self, label);
    }
}

static void add_thread(
    struct finding *finding, const struct model_incident *incident, const struct trace_incident_thread *row)
{
    const struct model *model = finding->model;
    g_autoptr(GArray) holds = g_array_new(false, false, sizeof(struct hold));
    for (unsigned i = 0; i < incident->n_holds; i++) {
        const struct trace_incident_hold *held = &incident->holds[i];
        const struct model_object *object = model_object(model, held->object_id);
        if (held->thread_id != row->thread_id || !object)
            continue;
        struct hold hold = { .object = object, .stack = held->stack_id, .shared = held->shared };
        bool permit = object->row.kind == OBJECT_SEMAPHORE;
        finding_add_step(finding, row->thread_id,
            permit ? "take-permit" : cycle_take_action(object, hold.shared), object, hold.stack,
            (const struct hold *)(const void *)holds->data, holds->len);
        g_array_append_val(holds, hold);
    }
    const char *request = event_name(event_kind_by_name(row->request));
    const struct model_object *wanted = model_object(model, row->object_id);
    finding_add_step(finding, row->thread_id, request ? request : "request", wanted, row->stack_id,
        (const struct hold *)(const void *)holds->data, holds->len);
    if (!wanted)
        g_array_index(finding->steps, struct finding_step, finding->steps->len - 1).other_thread =
            row->joined_id;
}

static gint compare_texts(gconstpointer left, gconstpointer right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

// What and where those wait because of whom the others do. How many they are, and where the others have come to by then, is
// not the same in each run.
static void set_id(struct finding *finding, const GPtrArray *rows)
{
    g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < rows->len && rank(rows->pdata[i]) == rank(rows->pdata[0]); i++) {
        const struct trace_incident_thread *row = rows->pdata[i];
        const struct model_object *wanted = model_object(finding->model, row->object_id);
        g_autofree char *stack = fingerprint_stack(finding->model, row->stack_id);
        char *place = g_strdup_printf("%s < %s\n", wanted ? wanted->fingerprint : "join", stack);
        if (g_ptr_array_find_with_equal_func(places, place, g_str_equal, NULL))
            g_free(place);
        else
            g_ptr_array_add(places, place);
    }
    g_ptr_array_sort(places, compare_texts);
    g_ptr_array_add(places, NULL);
    g_autofree char *parts = g_strjoinv(NULL, (char **)places->pdata);
    finding_set_id(finding, parts);
}

static void report(struct detection *detection, const struct model_incident *incident)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new();
    for (unsigned i = 0; i < incident->n_threads; i++)
        if (incident->threads[i].in_cycle)
            g_ptr_array_add(rows, (void *)&incident->threads[i]);
    if (!rows->len)
        return;
    g_ptr_array_sort(rows, compare_rows);
    struct finding *finding = finding_new(detection->model, &rule_stuck, LEVEL_ERROR);
    const struct trace_incident_thread *root = rows->pdata[0];
    finding->verdict = "observed";
    finding->site_stack = root->stack_id;
    for (unsigned i = 0; i < rows->len; i++)
        add_thread(finding, incident, rows->pdata[i]);
    finding_set_message(finding, sentence(finding, incident, root));
    set_id(finding, rows);
    finding_list_add(detection->findings, finding);
}

static void event(void *state, const struct replay_step *step)
{
    (void)state;
    (void)step;
}

static void finish(void *state)
{
    struct detection *detection = state;
    for (unsigned i = 0; i < detection->model->incidents->len; i++) {
        const struct model_incident *incident = detection->model->incidents->pdata[i];
        if (g_strcmp0(incident->what, "stuck") == 0)
            report(detection, incident);
    }
}

const struct detector detector_stuck = {
    .name = "stuck",
    .kinds = 0,
    .begin = begin,
    .event = event,
    .finish = finish,
};
