// SPDX-License-Identifier: MIT
// A table with open addressing (linear probing). An edge is found in one line of memory; when locks are taken in a great many orders the
// time goes into waiting for it, so what is added stands in a queue for as long as the fetching takes.
#include "lock_edges.h"

#include <stdbool.h>

#define SLOTS_FIRST 64u
#define QUEUE 16u // a power of two

struct slot {
    struct lock_edge edge; // held 0: free
    uint32_t rank;
    uint32_t unused;
};

struct lock_edges {
    struct slot *slots;
    uint32_t n_slots; // a power of two
    uint32_t n_edges;
    struct slot queue[QUEUE]; // to be added
    unsigned first;           // of the queue, modulo QUEUE
    unsigned n_queued;
};

struct lock_edges *lock_edges_new(void)
{
    struct lock_edges *edges = g_new0(struct lock_edges, 1);
    edges->n_slots = SLOTS_FIRST;
    edges->slots = g_new0(struct slot, edges->n_slots);
    return edges;
}

void lock_edges_free(struct lock_edges *edges)
{
    if (!edges)
        return;
    g_free(edges->slots);
    g_free(edges);
}

static uint32_t first_slot(const struct lock_edges *edges, uint32_t held, uint32_t taken)
{
    // Twice: ids come in runs, and sums of runs in heaps.
    uint64_t mixed = ((uint64_t)held << 32 | taken) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32) & (edges->n_slots - 1);
}

static struct slot *find(const struct lock_edges *edges, uint32_t held, uint32_t taken)
{
    uint32_t at = first_slot(edges, held, taken);
    while (edges->slots[at].edge.held &&
           (edges->slots[at].edge.held != held || edges->slots[at].edge.taken != taken))
        at = (at + 1) & (edges->n_slots - 1);
    return &edges->slots[at];
}

static void grow(struct lock_edges *edges)
{
    struct lock_edges larger = *edges;
    larger.n_slots *= 2;
    larger.slots = g_new0(struct slot, larger.n_slots);
    for (uint32_t i = 0; i < edges->n_slots; i++) {
        const struct slot *slot = &edges->slots[i];
        if (slot->edge.held)
            *find(&larger, slot->edge.held, slot->edge.taken) = *slot;
    }
    g_free(edges->slots);
    *edges = larger;
}

static void add(struct lock_edges *edges, const struct slot *added)
{
    struct slot *slot = find(edges, added->edge.held, added->edge.taken);
    if (!slot->edge.held) {
        *slot = *added;
        if (++edges->n_edges > edges->n_slots / 4 * 3)
            grow(edges);
        return;
    }
    const uint32_t count = slot->edge.count + added->edge.count;
    if (added->rank < slot->rank)
        *slot = *added;
    slot->edge.count = count;
}

static void add_queued(struct lock_edges *edges)
{
    for (; edges->n_queued; edges->n_queued--)
        add(edges, &edges->queue[edges->first++ % QUEUE]);
}

void lock_edges_add(struct lock_edges *edges, const struct lock_edge *edge, uint32_t rank)
{
    __builtin_prefetch(&edges->slots[first_slot(edges, edge->held, edge->taken)], 1);
    if (edges->n_queued == QUEUE) {
        add(edges, &edges->queue[edges->first++ % QUEUE]);
        edges->n_queued--;
    }
    edges->queue[(edges->first + edges->n_queued++) % QUEUE] = (struct slot){ .edge = *edge, .rank = rank };
}

void lock_edges_add_all(struct lock_edges *edges, struct lock_edges *others)
{
    add_queued(others);
    for (uint32_t i = 0; i < others->n_slots; i++)
        if (others->slots[i].edge.held)
            lock_edges_add(edges, &others->slots[i].edge, others->slots[i].rank);
}

static int compare_edges(const void *a, const void *b)
{
    const struct lock_edge *x = a;
    const struct lock_edge *y = b;
    if (x->held != y->held)
        return x->held < y->held ? -1 : 1;
    return x->taken < y->taken ? -1 : x->taken > y->taken;
}

GArray *lock_edges_sorted(struct lock_edges *edges)
{
    add_queued(edges);
    GArray *sorted = g_array_sized_new(false, false, sizeof(struct lock_edge), edges->n_edges);
    for (uint32_t i = 0; i < edges->n_slots; i++)
        if (edges->slots[i].edge.held)
            g_array_append_vals(sorted, &edges->slots[i].edge, 1);
    g_array_sort(sorted, compare_edges);
    return sorted;
}
