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
    bool order;                      // of the order of locks; else of who waits for whom
    unsigned count;                  // how often the one was taken while the other was held
    const struct finding *finding;   // whose cycle it belongs to; NULL: none
    const struct finding_step *step; // the wait, or the order in another run; NULL: neither
};

struct graph {
    const struct model *model;
    GArray *nodes;        // of struct graph_node
    GArray *edges;        // of struct graph_edge
    GHashTable *left_out; // set of struct model_object *: those that would have been too many
    GHashTable *
        of_class; // class key -> struct model_object *: stands for all of its class, as a cycle goes over several processes
};

// Where both locks of an edge were taken, and how often so.
struct graph_site {
    uint32_t thread_id; // of the first time
    uint32_t held_stack;
    uint32_t taken_stack;
    unsigned count;
};

// The order in which locks were taken: cycles, their neighbours, and the rest as far as there is room.
struct graph *graph_new_order(const struct loaded *loaded);
// Who waits for whom in a finding; no node when it is not about waiting.
struct graph *graph_new_waits(const struct loaded *loaded, const struct finding *finding);
void graph_free(struct graph *graph);
// "worker (3)", "journal".
void graph_node_text(const struct graph_node *node, char *ret_text, size_t size);
// The lock that stands for an object in the graph; NULL: there is no such object.
const struct model_object *graph_lock(const struct graph *graph, uint32_t object_id);
// The different ways in which the locks of an edge were taken, the most frequent first; of struct graph_site. *ret_more: not
// all of a long history was looked at. The caller frees the array.
GArray *graph_edge_sites(const struct graph *graph, const struct timeline *timeline,
    const struct graph_edge *edge, bool *ret_more);
// An edge in words: what it stands for, and why its cycle cannot be. The caller frees it.
char *graph_edge_text(const struct graph *graph, const struct graph_edge *edge);

#endif
