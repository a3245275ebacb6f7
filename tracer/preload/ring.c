// SPDX-License-Identifier: MIT
// The slow side of writing events: waiting for room in a full ring, events with payload, and the definitions of stacks
// and call sites that events name.
#include <errno.h>

#include "modules.h"
#include "nursery.h"
#include "runtime.h"
#include "torn.h"

// How long a target waits for a recorder whose heart has stopped before it gives recording up.
#define HEART_STOPPED_NS 2000000000u
#define WAIT_SLICE_NS 50000000u
// Slots kept back so that a signal handler's events fit between the look at the room and the taking of it.
#define RING_SLACK 64u

void ring_ring_doorbell(struct thread *thread)
{
    struct wire_session *session = process->session;
    thread->bell = thread->head + WIRE_RING_EVENTS / 4;
    if (atomic_load(&session->sleeping) != 0) {
        atomic_fetch_add(&session->doorbell, 1);
        sys_futex_wake(&session->doorbell, 1);
    }
}

void ring_look_for_room(struct thread *thread)
{
    thread->limit = atomic_load(&thread->control->tail) + WIRE_RING_EVENTS - RING_SLACK;
}

static bool room_now(struct thread *thread, uint64_t n)
{
    ring_look_for_room(thread);
    return thread->head + n <= thread->limit;
}

static bool drop(struct thread *thread)
{
    thread->dropped++;
    atomic_fetch_add_explicit(&thread->control->lost, 1, memory_order_relaxed);
    return false;
}

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Returns how long it waited, at most a slice: a machine that slept, or a target that was stopped, waited no longer. A
// program's own timer may interrupt every single wait.
static uint64_t wait_a_slice(struct thread *thread)
{
    const struct timespec slice = { .tv_nsec = WAIT_SLICE_NS };
    const uint64_t begun = monotonic_ns();
    sys_futex_wait(&thread->control->waiting, 1, &slice);
    const uint64_t waited = monotonic_ns() - begun;
    return waited < WAIT_SLICE_NS ? waited : WAIT_SLICE_NS;
}

// Waits until the recorder has made room; gives up when its heart stands still. One bell may go unheard between its
// last look and its sleep, so the bell is rung again after every slice.
static bool wait_for_room(struct thread *thread, uint64_t n)
{
    struct wire_session *session = process->session;
    uint64_t heartbeat = atomic_load(&session->heartbeat);
    uint64_t still_ns = 0;
    for (;;) {
        atomic_store(&thread->control->waiting, 1);
        if (room_now(thread, n))
            break;
        torn_make_room(thread);
        if (atomic_load(&session->closed) != 0 || atomic_load(&process->state) != PROCESS_ON)
            return drop(thread);
        ring_ring_doorbell(thread);
        still_ns += wait_a_slice(thread);
        const uint64_t beat = atomic_load(&session->heartbeat);
        if (beat != heartbeat) {
            heartbeat = beat;
            still_ns = 0;
        } else if (still_ns > HEART_STOPPED_NS) {
            nursery_abandon();
            process_stop(WIRE_STOP_RECORDER_GONE);
            return drop(thread);
        }
    }
    atomic_store(&thread->control->waiting, 0);
    return true;
}

bool ring_make_room(struct thread *thread, uint64_t n)
{
    // Of an event that a handler's fork interrupted, in the child: it belongs to the parent.
    if (thread->ring == NULL)
        return false;
    // A LOST event tells where events are missing, so it needs a slot of its own pair.
    const uint64_t wanted = thread->dropped != 0 ? n + 2 : n;
    if (!room_now(thread, wanted)) {
        if (atomic_load(&process->state) != PROCESS_ON)
            return drop(thread);
        if (process->session->drop_when_full)
            return drop(thread);
        if (!wait_for_room(thread, wanted))
            return false;
    }
    if (thread->dropped != 0) {
        const uint64_t at = ring_take(thread, 2);
        ring_write(thread, at, EVENT_LOST, 0, 0, 0);
        union wire_slot *payload = ring_slot(thread, at + 1);
        payload->a = thread->dropped;
        payload->b = 0;
        thread->dropped = 0;
        torn_note_whole(thread, at, 2);
    }
    return true;
}

void event_emit_payload(struct thread *thread, enum event_kind kind, uint32_t subject, uint16_t stack,
    uint16_t arg, const uint64_t *words, unsigned n)
{
    uint64_t first = 0, taken = 0;
    ring_begin(thread);
    if (ring_has_room(thread, n + 1)) {
        taken = n + 1;
        first = ring_take(thread, taken);
        ring_write(thread, first, kind, subject, stack, arg);
        for (unsigned i = 0; i < n; i++) {
            union wire_slot *slot = ring_slot(thread, first + 1 + i);
            slot->a = words[2 * i];
            slot->b = words[2 * i + 1];
        }
    }
    ring_end(thread, first, taken);
}

// Writes a STACK event, for which there is room, and ends it.
static void define_slot(
    struct thread *thread, uint16_t slot, const uintptr_t *frames, unsigned depth, bool truncated)
{
    struct wire_segment *segment = atomic_load(&process->segments[0].shared);
    for (unsigned i = 0; i < depth; i++)
        modules_announce(segment, frames[i], ticks_now(thread));
    const unsigned pairs = (depth + 1u) / 2;
    const uint64_t at = ring_take(thread, pairs + 1);
    ring_write(thread, at, EVENT_STACK, truncated, slot, (uint16_t)pairs);
    for (unsigned i = 0; i < pairs; i++) {
        union wire_slot *payload = ring_slot(thread, at + 1 + i);
        payload->a = frames[2 * i];
        payload->b = 2 * i + 1 < depth ? frames[2 * i + 1] : 0;
    }
    ring_end(thread, at, pairs + 1);
}

uint16_t stack_define(struct thread *thread, const struct caller *caller)
{
    if (thread_is_left_behind(thread))
        return 0;
    uint64_t mask;
    sys_block_signals(&mask);
    ring_begin(thread);
    uint16_t slot = 0;
    // Room first: a stack that is remembered but never told would name nothing.
    if (ring_has_room(thread, 1 + WIRE_STACK_FRAMES / 2)) {
        struct stack_new stack;
        stack_cache_fill(thread->stacks, caller, &stack);
        slot = stack.slot;
        define_slot(thread, slot, stack.frames, stack.depth, stack.truncated);
    } else {
        ring_end(thread, 0, 0);
    }
    sys_restore_signals(&mask);
    return slot;
}

uint16_t site_define(struct thread *thread, uintptr_t pc)
{
    if (thread_is_left_behind(thread))
        return 0;
    uint64_t mask;
    sys_block_signals(&mask);
    ring_begin(thread);
    uint16_t slot = 0;
    if (ring_has_room(thread, 2)) {
        uint32_t index = site_index(pc);
        if (thread->sites[index] != 0 && thread->sites[index ^ 1] == 0)
            index ^= 1;
        thread->sites[index] = pc;
        slot = (uint16_t)(WIRE_STACK_SLOTS + index);
        define_slot(thread, slot, &pc, 1, true);
    } else {
        ring_end(thread, 0, 0);
    }
    sys_restore_signals(&mask);
    return slot;
}
