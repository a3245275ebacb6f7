// SPDX-License-Identifier: MIT
// Identity: which lock is at an address now. A lock is (address, generation), told apart by an id.
//
//   buckets[hash(address)] -> node -> node -> ...      a node per address ever used by a lock, never moved or freed
//   node.word = id | kind | alive                       one word, changed by compare-and-swap: a new generation is a
//                                                       new word in the same node
//
// No lock, no allocation after set-up. Memory is bounded by the number of different addresses that held locks, so by the
// program's own size. Nodes in freed, unmapped or popped memory are found through per-page and per-line counts of the
// live ones and the destroyed, so that free() of memory without locks costs two loads.
#ifndef TRENZA_PRELOAD_OBJECT_H
#define TRENZA_PRELOAD_OBJECT_H

#include "runtime.h"

struct object_node {
    uintptr_t address;
    _Atomic uint64_t word;          // id << 32 | kind << 8 | OBJECT_WORD_ALIVE or OBJECT_WORD_DESTROYED
    uint32_t next;                  // index of the next node in the bucket; 0: none
    _Atomic uint32_t flags;         // of the live generation (enum object_flags)
    struct object_node *stack_next; // in thread.stack_objects
    _Atomic uint32_t listed;        // 1: is in such a list
};

#define OBJECT_WORD_ALIVE 1u
#define OBJECT_WORD_DESTROYED 2u // by a destroy call, and its memory has not been given back since
#define OBJECT_WORD(id, kind) ((uint64_t)(id) << 32 | (uint64_t)(kind) << 8 | OBJECT_WORD_ALIVE)

// Once per process. False: no memory.
bool object_table_setup(void);
// Gives most of the unused address space back.
void object_table_shrink(void);

// Slow path: the id of the object at an address, creating a generation when there is none (or one of another kind).
// 0: no id to be had.
uint32_t object_resolve(struct thread *thread, const void *address, enum object_kind kind, uint16_t stack);
// The same; a new generation gets these flags besides those read from the object itself.
uint32_t object_resolve_flags(
    struct thread *thread, const void *address, enum object_kind kind, uint32_t flags, uint16_t stack);

static inline uint32_t object_find(
    struct thread *thread, const void *address, enum object_kind kind, uint16_t stack)
{
    const uintptr_t a = (uintptr_t)address;
    const struct object_node *node = thread->objects[(a >> 3 ^ a >> 11) % THREAD_OBJECT_CACHE];
    if (LIKELY(node != NULL && node->address == a)) {
        const uint64_t word = atomic_load_explicit(&node->word, memory_order_relaxed);
        if (LIKELY((uint32_t)word == ((uint32_t)kind << 8 | OBJECT_WORD_ALIVE)))
            return (uint32_t)(word >> 32);
    }
    return object_resolve(thread, address, kind, stack);
}

// An init call has succeeded: ends the generation before it, if any, begins a new one and records INIT. Returns its id.
uint32_t object_init(struct thread *thread, const void *address, enum object_kind kind, uint32_t flags,
    uint64_t value, uint16_t stack);
// A destroy call is about to happen: records DESTROY and ends the generation. Returns a token for object_revive.
uint64_t object_destroy(struct thread *thread, const void *address, enum object_kind kind, uint16_t stack);
// The destroy call was refused with `error`: records DESTROY_FAILED and takes the end back.
void object_revive(struct thread *thread, const void *address, uint64_t token, uint16_t stack, int error);

// Ends every live object in [start, start + size).
void object_end_range(struct thread *thread, const void *start, size_t size, enum wire_object_end why);
// Ends the object at one address, whatever its kind.
void object_end_at(struct thread *thread, const void *address, enum wire_object_end why);
// True when there has been any object at all; two loads.
bool object_any_alive(void);
// True when there may be a live object there; two loads for small ranges.
bool object_maybe_in(const void *start, size_t size);

// pthread_t -> thread serial, in the same table under a kind of its own. itself: the thread says so, not its creator.
void object_set_thread(pthread_t handle, uint32_t serial, bool itself);
uint32_t object_get_thread(pthread_t handle);

#endif
