// SPDX-License-Identifier: MIT
// Which locks were wanted while which others were held, by whom and where; and the cycles in that.
//
//   pattern:   (lock wanted, set of locks held), with all its instances
//   instance:  (thread, stack of the request, stacks of the holds), with the parts of the thread's life it happened in
//   cycle:     patterns p0 ... pk-1, each holding what the one before it wants; distinct locks
//
// Abstract deadlock patterns after Tunç, Mathur, Pavlogiannis, Viswanathan, "Sound Dynamic Deadlock Prediction in Linear
// Time", PLDI 2023, section 3; threads are chosen among the instances afterwards, because workers of a pool are alike.
#ifndef TRENZA_LOCK_GRAPH_H
#define TRENZA_LOCK_GRAPH_H

#include "held_set.h"
#include "model.h"

#define LOCK_GRAPH_HELD_MAX 32u // locks held at once; more are cut at the outer end

// One lock of a held set.
struct graph_lock {
    const struct model_object *object;
    bool shared;
};

struct graph_instance {
    uint32_t thread_id;
    uint32_t stack;
    uint32_t *held_stacks; // of the pattern's held locks, in its order
    GArray *segments;      // of uint32_t: when (thread_order.h), ascending
    GArray *
        positions; // of uint32_t: when, in the abstract trace (prediction_trace.h), ascending, as far as it goes
    uint64_t sequence; // of its first occurrence
    uint64_t count;
};

struct graph_pattern {
    struct graph_lock wanted;
    bool blocks; // false: a trylock or a request with a time-out
    unsigned n_held;
    struct graph_lock *held; // in order of acquisition
    GPtrArray *instances;    // of struct graph_instance *
    uint64_t left_out;       // instances that a bound left out
};

struct lock_graph;
struct lock_graph *lock_graph_new(void);
void lock_graph_free(struct lock_graph *graph);

// An object that stands for the end of a thread: the thread holds it, one that waits to join it wants it. Of no kind; lives as
// long as the graph. Its row.id is the id given.
const struct model_object *lock_graph_join_object(struct lock_graph *graph, uint32_t id);
// Does a writer that waits for it block new readers?
bool lock_graph_prefers_writers(const struct model_object *object);

// A thread wants an object while it holds held[0..n_held-1], which does not contain the object. n_held may be 0 for those who
// want to write what prefers writers: they may stand in the way of readers. Constant time; memory grows with distinct patterns
// and stacks, which are bounded, and with positions.
struct graph_request {
    uint32_t thread_id;
    uint32_t segment;
    uint32_t position; // PREDICTION_NEVER: not in the abstract trace
    const struct model_object *wanted;
    bool shared;
    bool blocks;
    uint32_t stack;
    uint64_t sequence;
    const struct hold *held;
    unsigned n_held;
};
void lock_graph_add(struct lock_graph *graph, const struct graph_request *request);

// What keeps a cycle from happening; the order is that in which reasons are preferred.
enum cycle_obstacle {
    OBSTACLE_NONE,
    OBSTACLE_TRYLOCK,   // one of the requests never blocks
    OBSTACLE_READ_READ, // one of the requests is for reading what is held for reading
    OBSTACLE_GATE,      // a lock is common to two held sets
};

// Calls back for each cycle of n patterns, short ones first: patterns[i] wants what patterns[i + 1] holds, the last what the
// first holds. Those with an obstacle only when with_obstacles. The callback returns false to end it.
typedef bool (*lock_graph_cycle_fn)(
    const struct graph_pattern *const *patterns, unsigned n, enum cycle_obstacle obstacle, void *data);
void lock_graph_each_cycle(
    struct lock_graph *graph, bool with_obstacles, lock_graph_cycle_fn each, void *data);
// Is a lock common to both held sets that keeps the two apart?
bool graph_pattern_have_gate(const struct graph_pattern *a, const struct graph_pattern *b);
// Do both only read the lock that the one wants and the other holds? They are then no obstacle to each other, unless a third
// thread waits to write what prefers writers.
bool graph_pattern_both_read(const struct graph_pattern *wants, const struct graph_pattern *holds);
// Calls back for each pattern that wants to write an object that prefers writers.
void lock_graph_each_writer(struct lock_graph *graph, const struct model_object *object,
    bool (*each)(const struct graph_pattern *pattern, void *data), void *data);
// The index of object in the pattern's held set, or n_held.
unsigned graph_pattern_find(const struct graph_pattern *pattern, const struct model_object *object);

// How much that could be part of a cycle the bounds left out; complete after lock_graph_each_cycle.
uint64_t lock_graph_left_out(const struct lock_graph *graph);

#endif
