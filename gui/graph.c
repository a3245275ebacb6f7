// SPDX-License-Identifier: MIT
// Builds the graphs and lays them out: locks of cycles on an inner ring, the others on an outer one. Good for a few dozen locks;
// beyond that only cycles and what touches them are kept.
#include "graph.h"

#include <math.h>
#include <string.h>

#include "describe.h"

#define NODES_MAX 36u

static unsigned find_node(const struct graph *graph, const void *what)
{
    for (unsigned i = 0; i < graph->nodes->len; i++) {
        const struct graph_node *node = &g_array_index(graph->nodes, struct graph_node, i);
        if (node->object == what || node->thread == what)
            return i;
    }
    return graph->nodes->len;
}

static unsigned add_object(struct graph *graph, const struct model_object *object, bool in_cycle)
{
    unsigned at = find_node(graph, object);
    if (at == graph->nodes->len) {
        struct graph_node node = { .object = object, .in_cycle = in_cycle };
        g_array_append_val(graph->nodes, node);
    }
    return at;
}

static unsigned add_thread(struct graph *graph, const struct model_thread *thread)
{
    unsigned at = find_node(graph, thread);
    if (at == graph->nodes->len) {
        struct graph_node node = { .thread = thread, .in_cycle = true };
        g_array_append_val(graph->nodes, node);
    }
    return at;
}

static struct graph *graph_new(const struct model *model)
{
    struct graph *graph = g_new0(struct graph, 1);
    graph->model = model;
    graph->nodes = g_array_new(false, true, sizeof(struct graph_node));
    graph->edges = g_array_new(false, true, sizeof(struct graph_edge));
    return graph;
}

void graph_free(struct graph *graph)
{
    if (!graph)
        return;
    g_array_unref(graph->nodes);
    g_array_unref(graph->edges);
    g_free(graph);
}

static bool is_cycle_of_locks(const struct finding *finding)
{
    return strcmp(finding->rule->id, "lock-order-cycle") == 0 || strcmp(finding->rule->id, "deadlock") == 0;
}

static bool is_wanted(const struct finding *finding, uint32_t object_id)
{
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (step->object && step->object->row.id == object_id && g_str_has_prefix(step->action, "request"))
            return true;
    }
    return false;
}

// Is it part of the finding's cycle, where one is wanted while the other is held? An outer lock, held but wanted by nobody, is not.
static bool has_edge(const struct finding *finding, uint32_t held, uint32_t taken)
{
    for (unsigned i = 0; i < finding->steps->len && is_wanted(finding, held); i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (!step->object || step->object->row.id != taken || !g_str_has_prefix(step->action, "request"))
            continue;
        for (unsigned j = 0; j < step->n_holding; j++)
            if (step->holding[j]->row.id == held)
                return true;
    }
    return false;
}

static void classify(const struct loaded *loaded, struct graph_edge *edge)
{
    const GPtrArray *all = loaded->result->findings->all;
    edge->kind = GRAPH_ORDER;
    for (unsigned i = 0; i < all->len; i++) {
        const struct finding *finding = all->pdata[i];
        if (!is_cycle_of_locks(finding) || !has_edge(finding, edge->order->held, edge->order->taken))
            continue;
        bool shown = loaded_is_shown(finding);
        if (edge->kind == GRAPH_CYCLE || (edge->kind == GRAPH_IMPOSSIBLE && !shown))
            continue;
        edge->kind = shown ? GRAPH_CYCLE : GRAPH_IMPOSSIBLE;
        edge->finding = finding;
    }
}

static void place_ring(struct graph *graph, bool in_cycle, double radius)
{
    unsigned n = 0;
    unsigned i = 0;
    for (unsigned j = 0; j < graph->nodes->len; j++)
        n += g_array_index(graph->nodes, struct graph_node, j).in_cycle == in_cycle;
    for (unsigned j = 0; j < graph->nodes->len; j++) {
        struct graph_node *node = &g_array_index(graph->nodes, struct graph_node, j);
        if (node->in_cycle != in_cycle)
            continue;
        double angle = 2 * M_PI * i++ / n + (n == 2 ? M_PI : -M_PI / 2);
        node->x = 0.5 + radius * cos(angle);
        node->y = 0.5 + radius * sin(angle);
    }
}

static void place(struct graph *graph)
{
    bool both = false;
    for (unsigned i = 1; i < graph->nodes->len; i++)
        both = both || g_array_index(graph->nodes, struct graph_node, i).in_cycle !=
                           g_array_index(graph->nodes, struct graph_node, 0).in_cycle;
    place_ring(graph, true, both ? 0.22 : 0.44);
    place_ring(graph, false, 0.46);
}

static void add_order_edge(struct graph *graph, struct graph_edge edge, bool in_cycle)
{
    const struct model_object *held = model_object(graph->model, edge.order->held);
    const struct model_object *taken = model_object(graph->model, edge.order->taken);
    if (!held || !taken)
        return;
    unsigned needed =
        (find_node(graph, held) == graph->nodes->len) + (find_node(graph, taken) == graph->nodes->len);
    if (graph->nodes->len + needed > NODES_MAX) {
        graph->left_out += needed;
        return;
    }
    edge.from = add_object(graph, held, in_cycle);
    edge.to = add_object(graph, taken, in_cycle);
    g_array_append_val(graph->edges, edge);
}

struct graph *graph_new_order(const struct loaded *loaded)
{
    struct graph *graph = graph_new(loaded->file->model);
    const GArray *order = loaded->timeline->edges;
    // Cycles first, so that they have room.
    for (enum graph_edge_kind kind = GRAPH_IMPOSSIBLE + 1; kind-- > GRAPH_ORDER;) {
        enum graph_edge_kind wanted = kind == GRAPH_IMPOSSIBLE ? GRAPH_CYCLE
                                      : kind == GRAPH_CYCLE    ? GRAPH_IMPOSSIBLE
                                                               : kind;
        for (unsigned i = 0; i < order->len; i++) {
            struct graph_edge edge = { .order = &g_array_index(order, struct lock_edge, i) };
            classify(loaded, &edge);
            if (edge.kind == wanted)
                add_order_edge(graph, edge, wanted != GRAPH_ORDER);
        }
    }
    place(graph);
    return graph;
}

static const struct model_thread *holder_of(
    const struct finding *finding, const struct model_object *object, uint32_t waiter)
{
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (step->thread_id == waiter)
            continue;
        if (g_str_has_prefix(step->action, "acquire") && step->object == object)
            return model_thread(finding->model, step->thread_id);
        for (unsigned j = 0; j < step->n_holding; j++)
            if (step->holding[j] == object)
                return model_thread(finding->model, step->thread_id);
    }
    return NULL;
}

struct graph *graph_new_waits(const struct model *model, const struct finding *finding)
{
    struct graph *graph = graph_new(model);
    for (unsigned i = 0; finding && is_cycle_of_locks(finding) && i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        const struct model_thread *thread = model_thread(model, step->thread_id);
        const struct model_thread *other = model_thread(model, step->other_thread);
        if (!thread ||
            !(g_str_has_prefix(step->action, "request") || strcmp(step->action, "join-request") == 0))
            continue;
        struct graph_edge waits = {
            .from = add_thread(graph, thread), .kind = GRAPH_WAITS, .step = step, .finding = finding
        };
        if (!step->object && !other)
            continue;
        waits.to = step->object ? add_object(graph, step->object, true) : add_thread(graph, other);
        g_array_append_val(graph->edges, waits);
        const struct model_thread *holder =
            step->object ? holder_of(finding, step->object, step->thread_id) : NULL;
        if (holder) {
            struct graph_edge held = {
                .from = waits.to, .to = add_thread(graph, holder), .kind = GRAPH_HELD, .finding = finding
            };
            g_array_append_val(graph->edges, held);
        }
    }
    place(graph);
    return graph;
}

char *graph_edge_text(const struct graph *graph, const struct graph_edge *edge)
{
    GString *text = g_string_new(NULL);
    if (edge->order) {
        const struct lock_edge *order = edge->order;
        const struct model_thread *thread = model_thread(graph->model, order->thread_id);
        g_autofree char *held = describe_place(graph->model, order->held_stack);
        g_autofree char *taken = describe_place(graph->model, order->taken_stack);
        g_string_append_printf(text, "'%s' was taken while '%s' was held, %u time%s; first by '%s'",
            model_object(graph->model, order->taken)->label, model_object(graph->model, order->held)->label,
            order->count, order->count == 1 ? "" : "s", thread ? thread->label : "?");
        if (held)
            g_string_append_printf(text, "\nholding it since %s", held);
        if (taken)
            g_string_append_printf(text, "\ntaken in %s", taken);
    } else if (edge->step) {
        g_autofree char *where = describe_place(graph->model, edge->step->stack);
        g_string_append_printf(text, "waits in %s", where ? where : "unknown code");
    } else {
        g_string_append(text, "is held by");
    }
    if (edge->kind == GRAPH_IMPOSSIBLE && edge->finding->reason)
        g_string_append_printf(text, "\nThe cycle cannot happen: %s", edge->finding->reason);
    return g_string_free(text, false);
}
