// SPDX-License-Identifier: MIT
// deadlock: the recorder saw threads wait for each other in a circle and noted who held and wanted what. This turns the note into
// a finding; a circle of one thread is a double-lock. Sees only what the recorder saw.
#include "cycle.h"
#include "rules.h"
#include "self_lock.h"

struct side {
    const struct trace_incident_thread *row;
    GArray *holds; // of struct hold
};

static void side_clear(void *data)
{
    g_array_unref(((struct side *)data)->holds);
}

// The threads of the circle, with what they held.
static GArray *circle_sides(const struct model *model, const struct model_incident *incident)
{
    GArray *sides = g_array_new(false, false, sizeof(struct side));
    g_array_set_clear_func(sides, side_clear);
    for (unsigned i = 0; i < incident->n_threads; i++) {
        if (!incident->threads[i].in_cycle)
            continue;
        struct side side = { &incident->threads[i], g_array_new(false, false, sizeof(struct hold)) };
        for (unsigned j = 0; j < incident->n_holds; j++) {
            const struct trace_incident_hold *row = &incident->holds[j];
            const struct model_object *object = model_object(model, row->object_id);
            if (row->thread_id != side.row->thread_id || !object)
                continue;
            struct hold hold = { .object = object, .stack = row->stack_id, .shared = row->shared };
            g_array_append_val(side.holds, hold);
        }
        g_array_append_val(sides, side);
    }
    return sides;
}

static const struct side *side_at(const GArray *sides, unsigned i)
{
    return &g_array_index(sides, struct side, i);
}

static unsigned find_hold(const struct side *side, uint32_t object_id)
{
    unsigned i = 0;
    while (i < side->holds->len && g_array_index(side->holds, struct hold, i).object->row.id != object_id)
        i++;
    return i;
}

// The side that the given one waits for, or sides->len.
static unsigned next_side(const GArray *sides, const struct side *side)
{
    for (unsigned i = 0; i < sides->len; i++) {
        const struct side *other = side_at(sides, i);
        if (side->row->joined_id && other->row->thread_id == side->row->joined_id)
            return i;
        if (side->row->object_id && find_hold(other, side->row->object_id) < other->holds->len)
            return i;
    }
    return sides->len;
}

// The circle's edges in its order. 0 when the note does not close to a circle.
static unsigned walk_circle(const struct model *model, const GArray *sides, struct cycle_edge *ret_edges)
{
    unsigned n = 0;
    unsigned at = 0;
    do {
        const struct side *side = side_at(sides, at);
        ret_edges[n++] = (struct cycle_edge){
            .thread_id = side->row->thread_id,
            .held = (const struct hold *)(const void *)side->holds->data,
            .n_held = side->holds->len,
            .wanted = model_object(model, side->row->object_id),
            .wanted_stack = side->row->stack_id,
            .wanted_shared = event_is_shared(event_kind_by_name(side->row->request)),
        };
        at = next_side(sides, side);
    } while (at != 0 && at < sides->len && n < sides->len);
    if (at != 0)
        return 0;
    for (unsigned i = 0; i < n; i++) {
        const struct model_object *wanted = ret_edges[i].wanted;
        struct cycle_edge *holder = &ret_edges[(i + 1) % n];
        for (unsigned j = 0; wanted && j < holder->n_held; j++)
            if (holder->held[j].object == wanted)
                holder->key = j;
    }
    return n;
}

static char *circle_sentence(const struct finding *finding, const struct cycle_edge *edges, unsigned n)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%u threads wait for each other for ever: ", n);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *self = finding_thread_label(finding, edges[i].thread_id);
        g_autofree char *next = finding_thread_label(finding, edges[(i + 1) % n].thread_id);
        g_autofree char *wanted = edges[i].wanted ? finding_object_label(finding, edges[i].wanted) : NULL;
        if (wanted && edges[i].wanted->row.kind == OBJECT_ONCE)
            g_string_append_printf(
                text, "%s%s for the routine of '%s', run by %s", i ? "; " : "", self, wanted, next);
        else if (wanted)
            g_string_append_printf(text, "%s%s for '%s', held by %s", i ? "; " : "", self, wanted, next);
        else
            g_string_append_printf(text, "%s%s for the end of %s", i ? "; " : "", self, next);
    }
    return g_string_free(text, false);
}

static void report_self(struct detection *detection, const struct cycle_edge *edge)
{
    const struct hold *hold = &edge->held[edge->key];
    struct self_lock self = {
        .thread_id = edge->thread_id,
        .object = edge->wanted,
        .hold_stack = hold->stack,
        .hold_shared = hold->shared,
        .again_stack = edge->wanted_stack,
        .again_shared = edge->wanted_shared,
        .incident = true,
    };
    self_lock_report(detection, &self);
}

static void report_incident(struct detection *detection, const struct model_incident *incident)
{
    const struct model *model = detection->model;
    g_autoptr(GArray) sides = circle_sides(model, incident);
    if (!sides->len)
        return;
    g_autofree struct cycle_edge *edges = g_new0(struct cycle_edge, sides->len);
    unsigned n = walk_circle(model, sides, edges);
    if (n == 0)
        return;
    if (n == 1 && edges[0].wanted && edges[0].n_held) {
        report_self(detection, &edges[0]);
        return;
    }
    struct finding *finding = cycle_finding(model, &rule_deadlock, LEVEL_ERROR, edges, n);
    finding->verdict = "observed";
    finding_set_message(finding, circle_sentence(finding, edges, n));
    finding_list_add(detection->findings, finding);
    g_hash_table_add(detection->observed_cycles, cycle_fingerprint(model, edges, n));
}

static void *begin(struct detection *detection)
{
    for (unsigned i = 0; i < detection->model->incidents->len; i++) {
        const struct model_incident *incident = detection->model->incidents->pdata[i];
        if (g_strcmp0(incident->what, "deadlock") == 0)
            report_incident(detection, incident);
    }
    return NULL;
}

static void event(void *state, const struct replay_step *step)
{
    (void)state;
    (void)step;
}

static void finish(void *state)
{
    (void)state;
}

const struct detector detector_deadlock = {
    .name = "deadlock",
    .kinds = 0,
    .begin = begin,
    .event = event,
    .finish = finish,
};
