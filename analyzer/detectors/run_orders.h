// SPDX-License-Identifier: MIT
// The orders in which a run took its locks, in a form that other runs' orders can be compared with: by class of lock, role of
// thread and program. For united_runs.h, which looks for cycles that no run has alone. Each process of a run counts as a run, but
// for the locks that several of them share.
//
// Only of locks that are the only one of their class in their process: of several at one place in the code nobody knows which
// of them is which in another run.
#ifndef TRENZA_RUN_ORDERS_H
#define TRENZA_RUN_ORDERS_H

#include "hand_off.h"
#include "held_set.h"

enum role_presence {
    ROLE_ABSENT, // no thread of the role where the locks are known
    ROLE_APART,  // create, join and hand-offs keep every thread of it apart from this
    ROLE_PASSED, // its threads took neither lock, but hand-offs keep all those that they take part in apart from this
    ROLE_BESIDE, // a thread of it could run at the same time
};

// A thread blocks, or would have, for a lock while it holds another. Strings are interned: equal when their pointers are.
struct run_order {
    const struct run_orders *run;
    const char *program;
    const char *role; // of the thread: its start routine and where it is made
    const char *held_class;
    const char *wanted_class;
    const struct model_object *wanted;
    bool wanted_shared;
    uint32_t process_id; // where the locks are known; 0: in all processes
    uint32_t thread_id;
    uint32_t segment;
    uint32_t stack;
    uint64_t ticks;
    struct hold *held; // all it holds; owned
    unsigned n_held;
    unsigned key;      // the held lock in question
    bool accompanied;  // another thread could run at the same time
    GHashTable *roles; // role -> enum role_presence, where the locks are known
    GHashTable *
        known_to; // thread.id -> enum order_known: what it came to know before it began with something; while collecting
    struct hand_off_moment *known; // by its thread; while collecting
};

struct run_orders {
    const struct model *model;
    const char *name;  // of the run, for people: the trace; NULL: the only one
    GPtrArray *all;    // of struct run_order *
    GHashTable *pairs; // set of run_orders_pair: all pairs of classes
    uint64_t left_out; // by a bound
    bool signals;      // conditions were signalled
};

// What stands for an order's pair of classes where its locks are known.
const char *run_orders_pair(uint32_t process_id, const char *held_class, const char *wanted_class);
// The process whose locks these are, for people; NULL: the only one of the run, or all of them. The caller frees it.
char *run_order_process(const struct run_order *order);
struct run_orders *run_orders_new(const struct model *model);
void run_orders_free(struct run_orders *orders);

#endif
