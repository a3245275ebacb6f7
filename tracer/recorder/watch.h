// SPDX-License-Identifier: MIT
// Is there a deadlock now? A pure function over a snapshot of who waits for what and who holds what.
#ifndef TRENZA_RECORDER_WATCH_H
#define TRENZA_RECORDER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum watch_wait {
    WATCH_RUNS,      // or waits for something that no other thread is known to own (a condition, a time-out)
    WATCH_EXCLUSIVE, // for an object, as its only owner
    WATCH_SHARED,    // for a rwlock, as a reader
    WATCH_JOIN,      // for a thread's end
};

struct watch_hold {
    uint32_t object;
    bool shared;
};

struct watch_thread {
    uint32_t id; // thread.id
    enum watch_wait wait;
    uint32_t target; // object.id or, for WATCH_JOIN, thread.id
    bool
        recursive; // what it waits for may be taken again by its owner: holding it oneself is no reason to wait
    bool after_writers; // WATCH_SHARED: readers of this rwlock queue behind waiting writers
    const struct watch_hold *holds;
    size_t n_holds;
};

// Finds a cycle in the wait-for graph: a thread waits for every thread that holds its object in a way that excludes it.
// A thread that waits for what it holds itself is a cycle of one. Fills ret_cycle (room for n) with indices into threads,
// each waiting for the next, the last for the first, and returns how many; 0: there is no cycle.
// Time: the number of holds and waits, n log n, and for a rwlock its waiters times its owners.
size_t watch_find_cycle(const struct watch_thread *threads, size_t n, size_t *ret_cycle);

#endif
