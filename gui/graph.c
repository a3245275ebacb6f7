// SPDX-License-Identifier: MIT
// Builds the graphs and lays them out: locks of cycles on an inner ring, the others on an outer one. Good for a few dozen locks;
// beyond that only cycles and what touches them are kept.
#include "graph.h"

#include <math.h>
#include <string.h>

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
    graph->left_out = g_hash_table_new(NULL, NULL);
    graph->of_class = g_hash_table_new(g_str_hash, g_str_equal);
    return graph;
}

void graph_free(struct graph *graph)
{
    if (!graph)
        return;
    g_array_unref(graph->nodes);
    g_array_unref(graph->edges);
    g_hash_table_unref(graph->of_class);
    g_hash_table_unref(graph->left_out);
    g_free(graph);
}

static bool is_cycle_of_locks(const struct finding *finding)
{
    return strcmp(finding->rule->id, "lock-order-cycle") == 0 || strcmp(finding->rule->id, "deadlock") == 0;
}

// A finding over several processes has a model of its own, in which a lock stands for all of its class.
static bool is_lock(const struct graph *graph, const struct finding *finding,
    const struct model_object *theirs, const struct model_object *ours)
{
    return finding->model == graph->model ? theirs == ours
                                          : theirs && g_strcmp0(theirs->class_key, ours->class_key) == 0;
}

static bool is_wanted(
    const struct graph *graph, const struct finding *finding, const struct model_object *object)
{
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (is_lock(graph, finding, step->object, object) && g_str_has_prefix(step->action, "request"))
            return true;
    }
    return false;
}

// Is it part of the finding's cycle, where one is wanted while the other is held? An outer lock, held but wanted by nobody, is not.
static bool has_edge(const struct graph *graph, const struct finding *finding,
    const struct model_object *held, const struct model_object *taken)
{
    for (unsigned i = 0; i < finding->steps->len && is_wanted(graph, finding, held); i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (!is_lock(graph, finding, step->object, taken) || !g_str_has_prefix(step->action, "request"))
            continue;
        for (unsigned j = 0; j < step->n_holding; j++)
            if (is_lock(graph, finding, step->holding[j], held))
                return true;
    }
    return false;
}

static void classify(const struct graph *graph, const struct loaded *loaded, const struct model_object *held,
    const struct model_object *taken, struct graph_edge *edge)
{
    const GPtrArray *all = loaded->result->findings->all;
    edge->kind = GRAPH_ORDER;
    for (unsigned i = 0; i < all->len; i++) {
        const struct finding *finding = all->pdata[i];
        if (!is_cycle_of_locks(finding) || !has_edge(graph, finding, held, taken))
            continue;
        bool shown = loaded_is_shown(finding);
        if (edge->kind == GRAPH_CYCLE || (edge->kind == GRAPH_IMPOSSIBLE && !shown))
            continue;
        edge->kind = shown ? GRAPH_CYCLE : GRAPH_IMPOSSIBLE;
        edge->finding = finding;
    }
}

// Locks of a cycle that goes over several processes are one for each class.
static void find_classes(struct graph *graph, const struct loaded *loaded)
{
    const GPtrArray *all = loaded->result->findings->all;
    for (unsigned i = 0; i < all->len; i++) {
        const struct finding *finding = all->pdata[i];
        for (unsigned j = 0; finding->model != graph->model && j < finding->objects->len; j++) {
            const struct model_object *object = finding->objects->pdata[j];
            g_hash_table_insert(graph->of_class, (char *)object->class_key, NULL);
        }
    }
    for (uint32_t i = 0; i < graph->model->objects->len && g_hash_table_size(graph->of_class); i++) {
        const struct model_object *object = model_object(graph->model, i);
        void *known;
        if (object && object->class_key &&
            g_hash_table_lookup_extended(graph->of_class, object->class_key, NULL, &known) && !known)
            g_hash_table_insert(graph->of_class, (char *)object->class_key, (void *)object);
    }
}

const struct model_object *graph_lock(const struct graph *graph, uint32_t object_id)
{
    const struct model_object *object = model_object(graph->model, object_id);
    const struct model_object *of_class =
        object && object->class_key ? g_hash_table_lookup(graph->of_class, object->class_key) : NULL;
    return of_class ? of_class : object;
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

static struct graph_edge *find_order_edge(
    const struct graph *graph, const struct model_object *held, const struct model_object *taken)
{
    for (unsigned i = 0; i < graph->edges->len; i++) {
        struct graph_edge *edge = &g_array_index(graph->edges, struct graph_edge, i);
        if (g_array_index(graph->nodes, struct graph_node, edge->from).object == held &&
            g_array_index(graph->nodes, struct graph_node, edge->to).object == taken)
            return edge;
    }
    return NULL;
}

static void leave_out(struct graph *graph, const struct model_object *object)
{
    if (find_node(graph, object) == graph->nodes->len)
        g_hash_table_add(graph->left_out, (void *)object);
}

static void add_order_edge(struct graph *graph, struct graph_edge edge, const struct model_object *held,
    const struct model_object *taken)
{
    struct graph_edge *known = find_order_edge(graph, held, taken);
    if (known) {
        known->count += edge.count;
        return;
    }
    unsigned needed =
        (find_node(graph, held) == graph->nodes->len) + (find_node(graph, taken) == graph->nodes->len);
    if (graph->nodes->len + needed > NODES_MAX) {
        leave_out(graph, held);
        leave_out(graph, taken);
        return;
    }
    edge.from = add_object(graph, held, edge.kind != GRAPH_ORDER);
    edge.to = add_object(graph, taken, edge.kind != GRAPH_ORDER);
    g_array_append_val(graph->edges, edge);
}

// A thread and a lock of a finding as the trace knows them, else, as of another run, as the finding does.
static const struct model_thread *own_thread(
    const struct loaded *loaded, const struct finding *finding, uint32_t thread_id)
{
    const struct united_model *united = loaded_united(loaded, finding);
    const struct model *model = loaded->file->model;
    uint32_t own = united ? united_model_thread_origin(united, model, thread_id) : thread_id;
    return own ? model_thread(model, own) : model_thread(finding->model, thread_id);
}

static const struct model_object *own_lock(
    const struct graph *graph, const struct finding *finding, const struct model_object *object)
{
    const struct model_object *own =
        finding->model == graph->model ? object : g_hash_table_lookup(graph->of_class, object->class_key);
    return own ? own : object;
}

// Edges of a cycle over several runs that this run has not.
static void add_edges_of_others(struct graph *graph, const struct loaded *loaded)
{
    const GPtrArray *all = loaded->result->findings->all;
    for (unsigned i = 0; loaded->runs && i < all->len; i++) {
        const struct finding *finding = all->pdata[i];
        for (unsigned j = 0; loaded_united(loaded, finding) == loaded->runs && j < finding->steps->len; j++) {
            const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, j);
            if (!step->object || !step->n_holding || !g_str_has_prefix(step->action, "request"))
                continue;
            const struct model_object *taken = own_lock(graph, finding, step->object);
            for (unsigned k = 0; k < step->n_holding; k++) {
                const struct model_object *held = own_lock(graph, finding, step->holding[k]);
                struct graph_edge edge = {
                    .order = true, .kind = GRAPH_CYCLE, .finding = finding, .step = step
                };
                if (held != taken && is_wanted(graph, finding, step->holding[k]) &&
                    !find_order_edge(graph, held, taken))
                    add_order_edge(graph, edge, held, taken);
            }
        }
    }
}

struct graph *graph_new_order(const struct loaded *loaded)
{
    // Cycles first, so that they have room.
    static const enum graph_edge_kind kinds[] = { GRAPH_CYCLE, GRAPH_IMPOSSIBLE, GRAPH_ORDER };
    struct graph *graph = graph_new(loaded->file->model);
    const GArray *order = loaded->timeline->edges;
    find_classes(graph, loaded);
    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (unsigned i = 0; i < order->len; i++) {
            const struct lock_edge *pair = &g_array_index(order, struct lock_edge, i);
            const struct model_object *held = graph_lock(graph, pair->held);
            const struct model_object *taken = graph_lock(graph, pair->taken);
            struct graph_edge edge = { .order = true, .count = pair->count };
            if (!held || !taken || held == taken)
                continue;
            classify(graph, loaded, held, taken, &edge);
            if (edge.kind == kinds[k])
                add_order_edge(graph, edge, held, taken);
        }
    }
    add_edges_of_others(graph, loaded);
    for (unsigned i = 0; i < graph->nodes->len; i++)
        g_hash_table_remove(graph->left_out, g_array_index(graph->nodes, struct graph_node, i).object);
    place(graph);
    return graph;
}

static uint32_t holder_of(const struct finding *finding, const struct model_object *object, uint32_t waiter)
{
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (step->thread_id == waiter)
            continue;
        if (g_str_has_prefix(step->action, "acquire") && step->object == object)
            return step->thread_id;
        for (unsigned j = 0; j < step->n_holding; j++)
            if (step->holding[j] == object)
                return step->thread_id;
    }
    return 0;
}

static bool is_about_waiting(const struct finding *finding)
{
    return is_cycle_of_locks(finding) || strcmp(finding->rule->id, "stuck") == 0;
}

static bool is_wait(const struct finding_step *step)
{
    static const char *const waits[] = { "join-request", "once-request", "cond-wait", "barrier-arrive" };
    for (size_t i = 0; i < G_N_ELEMENTS(waits); i++)
        if (strcmp(step->action, waits[i]) == 0)
            return true;
    return g_str_has_prefix(step->action, "request");
}

static void add_wait(struct graph *graph, const struct loaded *loaded, const struct finding *finding,
    const struct finding_step *step)
{
    const struct model_thread *thread = own_thread(loaded, finding, step->thread_id);
    const struct model_thread *other = own_thread(loaded, finding, step->other_thread);
    const struct model_object *lock = step->object ? own_lock(graph, finding, step->object) : NULL;
    if (!thread || !(lock || other))
        return;
    struct graph_edge waits = {
        .from = add_thread(graph, thread), .kind = GRAPH_WAITS, .step = step, .finding = finding
    };
    waits.to = lock ? add_object(graph, lock, true) : add_thread(graph, other);
    g_array_append_val(graph->edges, waits);
    uint32_t holder = lock ? holder_of(finding, step->object, step->thread_id) : 0;
    if (!holder || !own_thread(loaded, finding, holder))
        return;
    struct graph_edge held = { .from = waits.to,
        .to = add_thread(graph, own_thread(loaded, finding, holder)),
        .kind = GRAPH_HELD,
        .finding = finding };
    g_array_append_val(graph->edges, held);
}

struct graph *graph_new_waits(const struct loaded *loaded, const struct finding *finding)
{
    struct graph *graph = graph_new(loaded->file->model);
    if (!finding || !is_about_waiting(finding))
        return graph;
    find_classes(graph, loaded);
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (is_wait(step))
            add_wait(graph, loaded, finding, step);
    }
    place(graph);
    return graph;
}
