// SPDX-License-Identifier: MIT
// Who waits for ever now? Pure functions over a snapshot of who waits for what and who holds what.
#ifndef TRENZA_RECORDER_WATCH_H
#define TRENZA_RECORDER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum watch_wait {
    WATCH_RUNS,      // or waits for something that comes from outside (a time-out, a file)
    WATCH_EXCLUSIVE, // for an object, as its only owner
    WATCH_SHARED,    // for a rwlock, as a reader
    WATCH_JOIN,      // for a thread's end
    WATCH_PERMIT,    // for a semaphore
    WATCH_EVENT,     // for what any thread could do: a condition's signal, the arrival of others at a barrier
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
    bool owner_gone;    // what it waits for belongs to a thread that is over
    bool lock_like;   // WATCH_PERMIT: those who hold its permits give them back themselves, nobody else does
    bool known;       // WATCH_PERMIT: every permit is held by one of the threads
    uint32_t scope;   // which threads could act for it: those of this process.id; 0: all
    uint32_t process; // process.id
    const struct watch_hold *holds; // locks
    size_t n_holds;
    const struct watch_hold *permits; // of semaphores, taken and not given back
    size_t n_permits;
};

// Finds a cycle in the wait-for graph: a thread waits for every thread that holds its object in a way that excludes it.
// A thread that waits for what it holds itself is a cycle of one. Fills ret_cycle (room for n) with indices into threads,
// each waiting for the next, the last for the first, and returns how many; 0: there is no cycle.
// stuck NULL: looks at what must be a deadlock whatever the other threads do; of semaphores at lock-like ones with one owner.
// stuck given (by watch_find_stuck): looks among these threads alone, along all semaphores they hold permits of.
// Time: the number of holds and waits, n log n, and for a rwlock its waiters times its owners.
size_t watch_find_cycle(const struct watch_thread *threads, size_t n, const bool *stuck, size_t *ret_cycle);

// Finds the threads whose wait nobody can end any more: not those that run, not those a running thread could let go on,
// nor those these could then let go on, and so on. Sets ret_stuck[0 .. n-1], returns how many there are.
// Time: as above, once for each link of the longest chain of threads that let each other go on.
size_t watch_find_stuck(const struct watch_thread *threads, size_t n, bool *ret_stuck);

#endif
