// SPDX-License-Identifier: MIT
// What an edge of the graphs stands for. The ways in which two locks were taken are looked up in the history of the second when
// somebody asks; the graph keeps none of them.
#include <string.h>

#include "describe.h"
#include "graph.h"

#define LOOKED_AT_MAX 200000u // entries of a history

void graph_node_text(const struct graph_node *node, char *ret_text, size_t size)
{
    if (node->thread)
        g_snprintf(ret_text, size, "%s (%u)", node->thread->label, node->thread->row.id);
    else
        g_strlcpy(ret_text, node->object->label, size);
}

// What the lane held of a lock at that moment; NULL: it did not.
static const struct span *held_then(
    const struct graph *graph, const struct lane *lane, const struct model_object *lock, uint64_t ticks)
{
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        uint32_t at = track_find(track, ticks);
        const struct span *span = at < track->count ? &track->spans[at] : NULL;
        if (span && span->kind == SPAN_HOLD && span->begin <= ticks && span_names_object(span) &&
            graph_lock(graph, span->subject) == lock)
            return span;
    }
    return NULL;
}

static void count_site(GArray *sites, const struct graph_site *site)
{
    for (unsigned i = 0; i < sites->len; i++) {
        struct graph_site *known = &g_array_index(sites, struct graph_site, i);
        if (known->held_stack == site->held_stack && known->taken_stack == site->taken_stack) {
            known->count++;
            return;
        }
    }
    g_array_append_vals(sites, site, 1);
}

static void add_sites(GArray *sites, const struct graph *graph, const struct timeline *timeline,
    const struct graph_edge *edge, uint32_t object_id, unsigned *looked_at)
{
    const struct object_history *history = &timeline->histories[object_id];
    const struct model_object *held = g_array_index(graph->nodes, struct graph_node, edge->from).object;
    for (uint32_t i = 0; i < history->count && *looked_at < LOOKED_AT_MAX; i++, ++*looked_at) {
        if (history->refs[i].track == TRACK_MARKS)
            continue;
        const struct lane *lane = &timeline->lanes[history->refs[i].lane];
        const struct span *taken = timeline_span(timeline, history->refs[i]);
        bool in_vain = taken->kind == SPAN_WAIT_LOCK && taken->flags & SPAN_OPEN;
        const struct span *outer =
            taken->kind == SPAN_HOLD || in_vain ? held_then(graph, lane, held, taken->begin) : NULL;
        if (!outer || outer == taken)
            continue;
        struct graph_site site = { lane->thread->row.id, outer->stack, taken->stack, 1 };
        count_site(sites, &site);
    }
}

static int compare_sites(const void *a, const void *b)
{
    const struct graph_site *x = a;
    const struct graph_site *y = b;
    return x->count > y->count ? -1 : x->count < y->count;
}

GArray *graph_edge_sites(
    const struct graph *graph, const struct timeline *timeline, const struct graph_edge *edge, bool *ret_more)
{
    GArray *sites = g_array_new(false, false, sizeof(struct graph_site));
    const struct model_object *taken = g_array_index(graph->nodes, struct graph_node, edge->to).object;
    unsigned looked_at = 0;
    for (uint32_t i = 0; edge->order && i < graph->model->objects->len; i++)
        if (graph_lock(graph, i) == taken)
            add_sites(sites, graph, timeline, edge, i, &looked_at);
    g_array_sort(sites, compare_sites);
    *ret_more = looked_at >= LOOKED_AT_MAX;
    return sites;
}

static void append_wait(GString *text, const struct graph *graph, const struct graph_edge *edge)
{
    char from[96];
    char to[96];
    graph_node_text(&g_array_index(graph->nodes, struct graph_node, edge->from), from, sizeof from);
    graph_node_text(&g_array_index(graph->nodes, struct graph_node, edge->to), to, sizeof to);
    bool lock = g_array_index(graph->nodes, struct graph_node, edge->to).object != NULL;
    if (!edge->step)
        g_string_append_printf(text, "'%s' is held by %s", from, to);
    else if (lock)
        g_string_append_printf(text, "%s waits for '%s'", from, to);
    else
        g_string_append_printf(text, "%s waits for the end of %s", from, to);
    g_autofree char *where = edge->step ? describe_place(edge->finding->model, edge->step->stack) : NULL;
    if (where)
        g_string_append_printf(text, " in %s", where);
}

char *graph_edge_text(const struct graph *graph, const struct graph_edge *edge)
{
    GString *text = g_string_new(NULL);
    if (edge->order && !edge->count)
        g_string_append_printf(text, "'%s' was taken while '%s' was held in another run",
            g_array_index(graph->nodes, struct graph_node, edge->to).object->label,
            g_array_index(graph->nodes, struct graph_node, edge->from).object->label);
    else if (edge->order)
        g_string_append_printf(text, "'%s' was taken while '%s' was held, %u time%s",
            g_array_index(graph->nodes, struct graph_node, edge->to).object->label,
            g_array_index(graph->nodes, struct graph_node, edge->from).object->label, edge->count,
            edge->count == 1 ? "" : "s");
    else
        append_wait(text, graph, edge);
    if (edge->kind == GRAPH_IMPOSSIBLE && edge->finding->reason)
        g_string_append_printf(text, "\nThe cycle cannot happen: %s", edge->finding->reason);
    return g_string_free(text, false);
}
