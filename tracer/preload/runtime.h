// SPDX-License-Identifier: MIT
// The preload's own state and the way an event is written. Included by every hook.
//
//   struct process   one, private memory that a fork leaves zeroed in the child, so that a child starts clean whatever
//                    way it was made
//   struct thread    one per ring slot, likewise; `current_thread` (TLS) points at the running thread's
//
// Everything a signal handler may interrupt is written so that a hook called from the handler on the same thread finds
// it usable: an event's place is taken by one instruction (xadd), and only the outermost event publishes. A handler that
// jumps away, or a cancellation, leaves an event torn: see torn.c.
// What is too long for that (a first-seen stack or object, a thread's set-up) runs with signals blocked.
#ifndef TRENZA_PRELOAD_RUNTIME_H
#define TRENZA_PRELOAD_RUNTIME_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <x86intrin.h>

#include "events.h"
#include "real.h"
#include "stack.h"
#include "sys.h"
#include "wire.h"

#define EXPORT __attribute__((visibility("default")))
// Another name of a hook, under which programs built long ago know it.
#define EXPORT_ALIAS(name, hook)                                                                             \
    __asm__(".globl " #name "\n.type " #name ", @function\n.set " #name ", " #hook)
// What a forked child runs that does nothing of note, all in one place: each piece of code elsewhere is a page fault of 1 us.
#define AFTER_FORK __attribute__((cold))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

struct object_node;

#define THREAD_OBJECT_CACHE 1024u

struct thread {
    union wire_slot *ring; // NULL: this memory was wiped by a fork; the thread must attach again
    struct wire_ring *control;
    uint64_t head;  // slots taken, published or not
    uint64_t limit; // head may reach this without a look at the recorder's tail
    uint64_t bell;  // when head reaches this, somebody ought to be draining
    uint64_t zero_ticks;
    uint32_t
        depth; // RING_IDLE + events being written: more than one in a signal handler that interrupted one
    uint32_t serial;
    uint32_t tid; // kernel's
    bool clock_monotonic;
    bool steered;                          // beside what every event reads
    _Atomic uintptr_t lowest_stack_object; // lowest live object in this thread's stack; UINTPTR_MAX: none
    uintptr_t stack_low;
    uintptr_t stack_high;
    uint64_t dropped;                            // events dropped since the last LOST event
    uint64_t whole_from;                         // slots that handlers filled and have not published
    uint64_t whole_to;                           // one past the last of them
    uint32_t slot;                               // index in its segment
    uint32_t segment;                            // index in process.segments
    uint32_t end_rounds;                         // how often the thread-specific destructor has run
    _Atomic(struct object_node *) stack_objects; // nodes in this thread's stack, pushed by anyone
    // The start of a thread made by pthread_create, written by its creator.
    void *start_routine;
    void *start_argument;
    uint32_t creator;
    size_t stack_size;      // bytes; 0: the default
    bool starts_blocked;    // with all signals blocked, so that no handler is the first to be seen ...
    uint64_t start_signals; // ... until thread_begin sets this mask
    struct stack_cache *stacks;
    // Large, so last: a thread that does little touches little memory.
    struct object_node *objects[THREAD_OBJECT_CACHE]; // direct-mapped by address
    uintptr_t
        sites[WIRE_SITE_SLOTS]; // return addresses whose stack slot is WIRE_STACK_SLOTS + index; 0: free
};

enum process_state {
    PROCESS_NEW, // 0, also what a forked child finds, and where it stays until its first event
    PROCESS_ATTACHING,
    PROCESS_ON,
    PROCESS_OFF,
};

#define PROCESS_SEGMENTS 8u

struct process_segment {
    _Atomic(struct wire_segment *) shared;
    uint32_t slots; // mapped
    _Atomic(struct thread *) threads[WIRE_SLOTS];
};

struct process {
    _Atomic uint32_t state;
    uint32_t pid;
    uint64_t zero_ticks;
    bool clock_monotonic;
    bool blocking_calls;
    bool steered;
    bool shrunk; // to the little memory that is needed for sure
    bool forked; // locks it finds may have been its parent's
    // In the child of a fork that began in a cradle: its number, from 1, and the child's pid, which a vfork child's is not.
    uint32_t cradle;
    uint32_t born_pid;
    struct wire_session *session;
    _Atomic uint32_t next_serial; // last one given out
    _Atomic uint32_t next_object;
    size_t default_stack_size; // bytes
    _Atomic uint32_t segments_used;
    struct process_segment segments[PROCESS_SEGMENTS];
};

extern struct process *process; // NULL until the library's first use
extern __thread struct thread *current_thread
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

// The calling thread's state, attaching it on its first event. NULL: not recorded (recording is off, or this is the
// preload's own set-up running). Async-signal-safe.
struct thread *thread_attach(void);

static inline struct thread *thread_current(void)
{
    struct thread *thread = current_thread;
    if (LIKELY(thread != NULL && thread->ring != NULL))
        return thread;
    return thread_attach();
}

// From the constructor, once the session is known, if there is one. True: this process is recorded.
bool process_begin(void);
// Before all memory is locked: gives back the address space that is only kept for a day when it might be needed.
void process_shrink(void);
// Before address space is limited: gives back what is only kept for children.
void process_give_up_nursery(void);
// Ends recording in this process for good; the program goes on.
void process_stop(enum wire_stop why);
// A seccomp filter is about to be set: from now on process_is_recorded() says no rather than ask the kernel.
void process_may_be_filtered(void);
// True when this process records and is no vfork child running in its parent's memory. A child of a fork that could is made
// to.
bool process_is_recorded(void);
// The process ends. True: it is the child of a fork that has had nothing to record, and its recorder knows now.
bool process_ends_in_cradle(int status);
// True in a vfork child of a process that records: its memory is the parent's, nothing may be recorded there.
bool process_is_borrowed(void);

// The process that made this one by fork, also when that has ended since; 0: it is in another pid namespace.
uint32_t process_parent_pid(void);
// Around every fork that libc makes, on the thread that forks.
void process_before_fork(void);
void process_after_fork(void);
// Around a fork, on the thread that forks: thread_after_fork in the parent only, thread_is_born in the child. The child is
// attached by its first event, or now where that might be too late.
void thread_before_fork(void);
void thread_after_fork(void);
void thread_is_born(void);

// True in the child of a fork that interrupted a hook, for that hook: its events are not the child's.
#define LIMIT_LEFT_BEHIND UINT64_MAX
static inline bool thread_is_left_behind(const struct thread *thread)
{
    return thread->ring == NULL || thread->limit == LIMIT_LEFT_BEHIND;
}

// Takes a ring slot for a thread about to be created; NULL: none to be had. thread_discard gives it back.
struct thread *thread_prepare(void);
void thread_discard(struct thread *thread);
// In the new thread: makes `thread` current and records its start. stack_size in bytes; 0: the default.
void thread_begin(struct thread *thread, size_t stack_size);

// Time now, in ticks since the recording's zero. An acquisition's reading may be early by a cache miss, since the
// processor may run rdtsc before the lock's own instruction has finished: lfence or rdtscp would cost 10 ns (measured;
// a native pair takes 15), so readers repair the order instead (DESIGN section 4, law 3).
static inline uint64_t ticks_now(const struct thread *thread)
{
    if (UNLIKELY(thread->clock_monotonic)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - thread->zero_ticks;
    }
    return __rdtsc() - thread->zero_ticks;
}

// Sets thread->limit from the recorder's tail.
void ring_look_for_room(struct thread *thread);
// Makes sure of room for n slots, waiting or dropping as the recording's user chose. False: drop (counted).
bool ring_make_room(struct thread *thread, uint64_t n);

static inline bool ring_has_room(struct thread *thread, uint64_t n)
{
    return LIKELY(thread->head + n <= thread->limit) || ring_make_room(thread, n);
}

// Not 0, which is what a fork in a handler leaves for the event it interrupted.
#define RING_IDLE 1u

// Brackets the writing of events on this thread; nests in signal handlers.
static inline void ring_begin(struct thread *thread)
{
    __asm__ volatile("incl %0" : "+m"(thread->depth));
}

// Takes n slots in one instruction, so that a signal handler cannot take the same ones. Returns the first's number.
static inline uint64_t ring_take(struct thread *thread, uint64_t n)
{
    __asm__ volatile("xaddq %0, %1" : "+r"(n), "+m"(thread->head));
    return n;
}

static inline union wire_slot *ring_slot(struct thread *thread, uint64_t number)
{
    return &thread->ring[number & (WIRE_RING_EVENTS - 1)];
}

// Wakes the recorder if it sleeps, and sets when to do so again: a quarter of the ring further on.
void ring_ring_doorbell(struct thread *thread);

// The end of an event in a signal handler that interrupted another one, or after one that was torn (torn.c).
void ring_end_inside(struct thread *thread, uint64_t first, uint64_t n);

// first, n: the slots taken since ring_begin.
static inline void ring_end(struct thread *thread, uint64_t first, uint64_t n)
{
    volatile uint32_t *depth = &thread->depth;
    if (UNLIKELY(*depth != RING_IDLE + 1)) {
        ring_end_inside(thread, first, n);
        return;
    }
    for (;;) {
        const uint64_t head = *(volatile uint64_t *)&thread->head;
        atomic_store_explicit(&thread->control->head, head, memory_order_release);
        *depth = RING_IDLE;
        atomic_signal_fence(memory_order_seq_cst);
        if (UNLIKELY(head >= thread->bell))
            ring_ring_doorbell(thread);
        // A handler that interrupted us above wrote events but left the publishing to us.
        if (LIKELY(*(volatile uint64_t *)&thread->head == head))
            return;
        *depth = RING_IDLE + 1;
    }
}

static inline void ring_write(
    struct thread *thread, uint64_t number, unsigned kind, uint32_t subject, uint16_t stack, uint16_t arg)
{
    union wire_slot *slot = ring_slot(thread, number);
    // The recorder has read these lines since: fetching them ahead spares the next locked instruction the wait for them.
    __builtin_prefetch(ring_slot(thread, number + 16), 1);
    slot->b = subject | (uint64_t)stack << 32 | (uint64_t)arg << 48;
    slot->ticks_kind = ticks_now(thread) << 8 | kind;
}

// Writes one event without payload.
static inline void event_emit(
    struct thread *thread, enum event_kind kind, uint32_t subject, uint16_t stack, uint16_t arg)
{
    uint64_t first = 0, n = 0;
    ring_begin(thread);
    if (LIKELY(ring_has_room(thread, 1))) {
        n = 1;
        first = ring_take(thread, n);
        ring_write(thread, first, kind, subject, stack, arg);
    }
    ring_end(thread, first, n);
}

// Writes one event with n payload slots (2 n words).
void event_emit_payload(struct thread *thread, enum event_kind kind, uint32_t subject, uint16_t stack,
    uint16_t arg, const uint64_t *words, unsigned n);

// Unwinds a stack not seen before and defines it in the ring. 0: no stack (no room while dropping).
uint16_t stack_define(struct thread *thread, const struct caller *caller);
// Ends every object in frames of this thread that have returned, given the caller's stack pointer.
void stack_objects_expire(struct thread *thread, uintptr_t sp);

// The stack slot for an event called from `caller`; also notices objects whose frames are gone.
static inline uint16_t stack_of(struct thread *thread, const struct caller *caller)
{
    if (UNLIKELY(caller->sp > atomic_load_explicit(&thread->lowest_stack_object, memory_order_relaxed)))
        stack_objects_expire(thread, caller->sp);
    const uint16_t slot = stack_cache_find(thread->stacks, caller);
    if (LIKELY(slot != 0))
        return slot;
    return stack_define(thread, caller);
}

// Defines the call site `pc` in the ring. 0: no room while dropping.
uint16_t site_define(struct thread *thread, uintptr_t pc);

static inline uint32_t site_index(uintptr_t pc)
{
    return (uint32_t)(pc * UINT64_C(0x9E3779B97F4A7C15) >> 54);
}
_Static_assert(WIRE_SITE_SLOTS == 1u << (64 - 54), "site_index spreads over all sites");

// The stack slot for an event of which only the call itself matters: one frame, and nothing to verify (14 ns less per
// lock and unlock at 12 frames, of 47).
static inline uint16_t site_of(struct thread *thread, const struct caller *caller)
{
    if (UNLIKELY(caller->sp > atomic_load_explicit(&thread->lowest_stack_object, memory_order_relaxed)))
        stack_objects_expire(thread, caller->sp);
    const uint32_t index = site_index(caller->pc);
    if (LIKELY(thread->sites[index] == caller->pc))
        return (uint16_t)(WIRE_STACK_SLOTS + index);
    if (LIKELY(thread->sites[index ^ 1] == caller->pc))
        return (uint16_t)(WIRE_STACK_SLOTS + (index ^ 1));
    return site_define(thread, caller->pc);
}

#endif
