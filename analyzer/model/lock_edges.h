// SPDX-License-Identifier: MIT
// Which locks were taken while which others were held, how often, and where for the first time.
#ifndef TRENZA_LOCK_EDGES_H
#define TRENZA_LOCK_EDGES_H

#include <glib.h>
#include <stdint.h>

// One lock taken while another was held.
struct lock_edge {
    uint32_t held; // never 0
    uint32_t taken;
    uint32_t count;
    uint32_t thread_id;  // of the first of them
    uint32_t held_stack; // of the first of them
    uint32_t taken_stack;
};

struct lock_edges;
struct lock_edges *lock_edges_new(void);
void lock_edges_free(struct lock_edges *edges);
// Once more, edge->count times. The first of them is the one with the lowest rank, and of one rank the one that was added first.
void lock_edges_add(struct lock_edges *edges, const struct lock_edge *edge, uint32_t rank);
void lock_edges_add_all(struct lock_edges *edges, struct lock_edges *others);
// All of them, by held and taken.
GArray *lock_edges_sorted(struct lock_edges *edges);

#endif
