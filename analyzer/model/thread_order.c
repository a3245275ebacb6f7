// SPDX-License-Identifier: MIT
// Create/join order as a graph of segments, searched backwards when asked. Vector clocks would answer at once, but cost
// threads times segments of memory, and programs that start a thread per request have tens of thousands of both.
#include "thread_order.h"

#include <glib.h>

#define NOTHING UINT32_MAX

// Something that comes before the beginning of a segment: the end of another thread's segment.
struct edge {
    uint32_t segment; // of the thread it belongs to
    uint32_t from_thread;
    uint32_t from_segment;
};

struct life {
    uint32_t segment;
    GArray *edges; // of struct edge, by segment; NULL: none
};

struct thread_order {
    struct life *lives;
    uint32_t n_threads;
    // The last answer: for each thread the last segment that comes before (to_thread, to_segment); NOTHING: none does.
    uint32_t *reached;
    uint32_t to_thread;
    uint32_t to_segment;
};

struct thread_order *thread_order_new(uint32_t n_threads)
{
    struct thread_order *order = g_new0(struct thread_order, 1);
    order->lives = g_new0(struct life, n_threads);
    order->n_threads = n_threads;
    order->to_thread = NOTHING;
    return order;
}

void thread_order_free(struct thread_order *order)
{
    if (!order)
        return;
    for (uint32_t i = 0; i < order->n_threads; i++)
        if (order->lives[i].edges)
            g_array_unref(order->lives[i].edges);
    g_free(order->lives);
    g_free(order->reached);
    g_free(order);
}

uint32_t thread_order_segment(const struct thread_order *order, uint32_t thread_id)
{
    return thread_id < order->n_threads ? order->lives[thread_id].segment : 0;
}

static void add_edge(struct thread_order *order, uint32_t thread_id, const struct edge *edge)
{
    struct life *life = &order->lives[thread_id];
    if (!life->edges)
        life->edges = g_array_new(false, false, sizeof(struct edge));
    g_array_append_vals(life->edges, edge, 1);
    order->to_thread = NOTHING;
}

void thread_order_create(struct thread_order *order, uint32_t parent_id, uint32_t child_id)
{
    if (parent_id >= order->n_threads || child_id >= order->n_threads)
        return;
    struct edge edge = { order->lives[child_id].segment, parent_id, order->lives[parent_id].segment };
    add_edge(order, child_id, &edge);
    order->lives[parent_id].segment++;
}

void thread_order_join(struct thread_order *order, uint32_t joiner_id, uint32_t joined_id)
{
    if (joiner_id >= order->n_threads || joined_id >= order->n_threads)
        return;
    struct edge edge = { ++order->lives[joiner_id].segment, joined_id, order->lives[joined_id].segment };
    add_edge(order, joiner_id, &edge);
}

// Everything that comes before (thread_b, segment_b), into order->reached.
static void search(struct thread_order *order, uint32_t thread_b, uint32_t segment_b)
{
    if (!order->reached)
        order->reached = g_new(uint32_t, order->n_threads);
    for (uint32_t i = 0; i < order->n_threads; i++)
        order->reached[i] = NOTHING;
    order->to_thread = thread_b;
    order->to_segment = segment_b;

    g_autoptr(GArray) work = g_array_new(false, false, sizeof(struct edge));
    struct edge start = { 0, thread_b, segment_b };
    g_array_append_val(work, start);
    while (work->len) {
        struct edge at = g_array_index(work, struct edge, work->len - 1);
        g_array_set_size(work, work->len - 1);
        uint32_t seen = order->reached[at.from_thread];
        if (seen != NOTHING && seen >= at.from_segment)
            continue;
        order->reached[at.from_thread] = at.from_segment;
        const GArray *edges = order->lives[at.from_thread].edges;
        for (unsigned i = edges ? edges->len : 0; i-- > 0;) {
            const struct edge *edge = &g_array_index(edges, struct edge, i);
            if (seen != NOTHING && edge->segment <= seen)
                break; // those were followed when the thread was reached before
            if (edge->segment <= at.from_segment)
                g_array_append_vals(work, edge, 1);
        }
    }
}

bool thread_order_before(
    struct thread_order *order, uint32_t thread_a, uint32_t segment_a, uint32_t thread_b, uint32_t segment_b)
{
    if (thread_a >= order->n_threads || thread_b >= order->n_threads)
        return false;
    if (thread_a == thread_b)
        return segment_a < segment_b;
    if (order->to_thread != thread_b || order->to_segment != segment_b)
        search(order, thread_b, segment_b);
    uint32_t reached = order->reached[thread_a];
    return reached != NOTHING && segment_a <= reached;
}

bool thread_order_concurrent(
    struct thread_order *order, uint32_t thread_a, uint32_t segment_a, uint32_t thread_b, uint32_t segment_b)
{
    return thread_a != thread_b && !thread_order_before(order, thread_a, segment_a, thread_b, segment_b) &&
           !thread_order_before(order, thread_b, segment_b, thread_a, segment_a);
}
