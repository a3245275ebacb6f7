// SPDX-License-Identifier: MIT
// Two small graphs of locks as circles and arrows: which lock was taken while which was held, and who waits for whom.
#ifndef TRENZA_GRAPH_H
#define TRENZA_GRAPH_H

#include "loaded.h"

enum graph_edge_kind {
    GRAPH_ORDER,      // taken while holding
    GRAPH_CYCLE,      // part of a cycle that was found
    GRAPH_IMPOSSIBLE, // part of one that cannot happen
    GRAPH_WAITS,      // thread to the lock (or thread) it waits for
    GRAPH_HELD,       // lock to the thread that holds it
};

struct graph_node {
    const struct model_object *object; // NULL: a thread
    const struct model_thread *thread;
    bool in_cycle;
    double x; // 0 to 1
    double y;
};

struct graph_edge {
    unsigned from; // indices of nodes
    unsigned to;
    enum graph_edge_kind kind;
    const struct lock_edge *order;   // NULL: not of that kind
    const struct finding *finding;   // whose cycle it belongs to; NULL: none
    const struct finding_step *step; // the wait; NULL: not of that kind
};

struct graph {
    const struct model *model;
    GArray *nodes;     // of struct graph_node
    GArray *edges;     // of struct graph_edge
    unsigned left_out; // nodes that would have been too many
};

// The order in which locks were taken: cycles, their neighbours, and the rest as far as there is room.
struct graph *graph_new_order(const struct loaded *loaded);
// Who waits for whom in a finding; no node when it is not about waiting.
struct graph *graph_new_waits(const struct model *model, const struct finding *finding);
void graph_free(struct graph *graph);
// An edge in words: where both locks were taken, why it cannot be. The caller frees it.
char *graph_edge_text(const struct graph *graph, const struct graph_edge *edge);

#endif
