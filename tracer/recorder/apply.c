// SPDX-License-Identifier: MIT
// Ring events to trace events. Nearly all events are acquisitions and releases of objects that are known already: these go a
// short way, two table look-ups, a held set of a few entries, a few bytes packed; no hashing, no allocation. Everything else is
// rare and may take its time.
//
// Nothing in a ring is trusted: a slot that holds no event is counted and skipped, a number out of range means nothing.
#include "apply.h"

#include <errno.h>
#include <string.h>

#include "chunk_inline.h"
#include "events.h"
#include "objects.h"
#include "permits.h"
#include "threads.h"

enum subject_kind { SUBJECT_NONE, SUBJECT_OBJECT, SUBJECT_THREAD };

static enum subject_kind subject_kind(unsigned kind)
{
    if ((kind >= EVENT_REQUEST && kind <= EVENT_OBJECT_END))
        return SUBJECT_OBJECT;
    if (kind >= EVENT_THREAD_START && kind <= EVENT_CANCEL)
        return SUBJECT_THREAD;
    return SUBJECT_NONE;
}

// One event on its way, with what has been found out about it.
struct arrival {
    struct recording *recording;
    struct ring *ring;
    struct process *process;
    struct thread *thread;
    union wire_slot slot;
    uint64_t payload_at; // ring index of its first payload slot
    uint64_t ticks;
    uint32_t stack;           // stack.id
    struct object_ref object; // when its subject is one
    struct trace_event event; // what goes into the chunk
};

static inline union wire_slot slot_at(const struct ring *ring, uint64_t index)
{
    return ring->slots[index & (WIRE_RING_EVENTS - 1)];
}

static inline uint32_t stack_of(const struct ring *ring, const union wire_slot *slot)
{
    return G_LIKELY(ring->stacks && slot->stack < WIRE_ALL_SLOTS) ? ring->stacks[slot->stack] : 0;
}

// A clock may run a little behind on another core than the one that read zero.
static inline uint64_t ticks_of(const union wire_slot *slot)
{
    uint64_t ticks = WIRE_TICKS(*slot);
    return G_LIKELY(ticks >> 55 == 0) ? ticks : 0;
}

static void copy_payload(const struct arrival *arrival, void *ret_payload, size_t bytes)
{
    uint8_t *to = ret_payload;
    for (uint64_t at = arrival->payload_at; bytes > 0; at++) {
        union wire_slot slot = slot_at(arrival->ring, at);
        size_t part = MIN(bytes, sizeof slot);
        memcpy(to, &slot, part);
        to += part;
        bytes -= part;
    }
}

// --- stacks and modules ---

static void apply_stack(struct arrival *arrival)
{
    struct ring *ring = arrival->ring;
    uint64_t addresses[WIRE_STACK_FRAMES];
    uint32_t frames[WIRE_STACK_FRAMES];
    size_t words = MIN((size_t)arrival->slot.arg * 2, WIRE_STACK_FRAMES);
    if (arrival->slot.stack == 0 || arrival->slot.stack >= WIRE_ALL_SLOTS)
        return;
    copy_payload(arrival, addresses, words * sizeof *addresses);
    if (words && addresses[words - 1] == 0)
        words--;
    process_poll_modules(arrival->recording, arrival->process);
    for (size_t i = 0; i < words; i++)
        frames[i] = process_frame(arrival->recording, arrival->process, addresses[i], arrival->ticks);
    if (!ring->stacks)
        ring->stacks = g_new0(uint32_t, WIRE_ALL_SLOTS);
    ring->stacks[arrival->slot.stack] =
        ids_stack(&arrival->recording->ids, frames, words, arrival->slot.subject == 1);
}

// --- holding and waiting ---

static void wait_begins(struct arrival *arrival, bool timed)
{
    arrival->thread->wait = (struct thread_wait){
        .kind = arrival->event.kind,
        .object = arrival->object.kind,
        .timed = timed,
        .subject = arrival->event.subject,
        .flags = arrival->object.flags,
        .stack = arrival->stack,
        .since = arrival->ticks,
        .events = arrival->thread->events,
    };
}

// A signal handler may take and give back other objects while its thread waits: only an event about the same object ends
// the wait.
static void wait_ends(struct arrival *arrival)
{
    if (arrival->thread->wait.subject == arrival->event.subject)
        arrival->thread->wait.kind = EVENT_NONE;
}

static inline bool counts(const struct object_ref *object, bool shared)
{
    return shared || object->flags & OBJECT_RECURSIVE;
}

static void hold(struct arrival *arrival, const struct object_ref *object, const struct held *acquired)
{
    struct thread *thread = arrival->thread;
    if (object->kind == OBJECT_SEMAPHORE)
        permits_take(arrival->recording, thread, acquired);
    else if (object->kind == OBJECT_MUTEX || object->kind == OBJECT_RWLOCK || object->kind == OBJECT_SPINLOCK)
        held_set_add(&thread->held, acquired, counts(object, acquired->shared));
}

static void note_given_back(struct arrival *arrival, uint32_t object)
{
    uint64_t *ticks = g_new(uint64_t, 1);
    *ticks = arrival->ticks;
    g_hash_table_insert(arrival->recording->given_back, GUINT_TO_POINTER(object), ticks);
}

static void give_back(struct arrival *arrival, uint32_t object)
{
    struct thread *thread = arrival->thread;
    thread->last_release = (uint8_t)held_set_remove(&thread->held, object);
    if (thread->last_release == HELD_NOT)
        note_given_back(arrival, object);
}

static void take_again(struct arrival *arrival)
{
    struct thread *thread = arrival->thread;
    uint32_t object = arrival->event.subject;
    if (thread->last_release == HELD_NOT)
        g_hash_table_remove(arrival->recording->given_back, GUINT_TO_POINTER(object));
    held_set_restore(&thread->held, object, (enum held_removal)thread->last_release);
    thread->last_release = HELD_NOT;
}

static void apply_cond(struct arrival *arrival)
{
    uint64_t payload[2];
    copy_payload(arrival, payload, sizeof payload);
    struct object_ref mutex =
        object_resolve(arrival->recording, arrival->process, (uint32_t)payload[0], EVENT_ACQUIRE);
    bool waits = arrival->event.kind == EVENT_COND_WAIT;
    arrival->event.arg = chunk_arg_pair(mutex.id, waits ? payload[1] != 0 : arrival->slot.arg);
    if (waits) {
        give_back(arrival, mutex.id);
        wait_begins(arrival, payload[1] != 0);
        arrival->thread->wait.mutex = mutex.id;
        arrival->thread->wait.mutex_flags = mutex.flags;
        return;
    }
    wait_ends(arrival);
    if (arrival->slot.arg == EPERM || arrival->slot.arg == ENOTRECOVERABLE)
        return; // it had no mutex to give back, or none to get again
    struct held again = { .object = mutex.id, .stack = arrival->stack, .since = arrival->ticks, .count = 1 };
    hold(arrival, &mutex, &again);
}

// Whoever runs the routine of a once control holds it like a lock. A routine that is left by an exception or by the thread's end
// has no ONCE_END; then the next one to begin says that it was given back.
static void apply_once_begin(struct arrival *arrival)
{
    const uint64_t begun = arrival->ticks;
    struct thread *thread = arrival->thread;
    const uint32_t control = arrival->event.subject;
    // The stack of the call, without what lies between it and the routine.
    const uint32_t stack = thread->wait.subject == control ? thread->wait.stack : arrival->stack;
    struct held running = { .object = control, .stack = stack, .since = begun, .count = 1 };
    wait_ends(arrival);
    held_set_add(&thread->held, &running, false);
    arrival->ticks = begun ? begun - 1 : 0;
    note_given_back(arrival, arrival->event.subject);
    arrival->ticks = begun;
}

// --- life of objects ---

static const char *how_it_ended(unsigned arg)
{
    static const char *const words[] = {
        [WIRE_END_FREED] = "freed",
        [WIRE_END_UNMAPPED] = "unmapped",
        [WIRE_END_FRAME] = "frame",
        [WIRE_END_UNLOADED] = "unloaded",
        [WIRE_END_REINIT] = "reinit",
        [WIRE_END_RETYPED] = "retyped",
        [WIRE_END_CLOSED] = "closed",
    };
    return arg < G_N_ELEMENTS(words) && words[arg] ? words[arg] : "freed";
}

static void apply_object(struct arrival *arrival)
{
    struct wire_object wire;
    copy_payload(arrival, &wire, sizeof wire);
    process_poll_modules(arrival->recording, arrival->process);
    object_define(arrival->recording, arrival->process, arrival->slot.subject, &wire, arrival->ticks,
        arrival->thread->id, arrival->stack);
    arrival->event.subject =
        object_resolve(arrival->recording, arrival->process, arrival->slot.subject, EVENT_OBJECT).id;
}

// --- life of threads ---

static void apply_thread_start(struct arrival *arrival)
{
    struct wire_thread_start wire;
    copy_payload(arrival, &wire, sizeof wire);
    // It had nothing to say for a while.
    if (arrival->process->cradle && arrival->slot.subject == THREADS_FIRST)
        arrival->ticks = arrival->event.ticks = (uint64_t)arrival->process->started_ticks;
    if (arrival->ring->stacks)
        memset(arrival->ring->stacks, 0, WIRE_ALL_SLOTS * sizeof *arrival->ring->stacks);
    process_poll_modules(arrival->recording, arrival->process);
    arrival->stack = 0;
    arrival->event.stack = 0;
    arrival->thread =
        thread_start(arrival->recording, arrival->ring, arrival->slot.subject, &wire, arrival->ticks);
}

static void apply_thread_name(struct arrival *arrival)
{
    struct thread *named = thread_find(arrival->process, arrival->slot.subject);
    if (!named)
        return;
    copy_payload(arrival, named->name, THREAD_NAME_BYTES);
    named->changed = true;
}

static void apply_object_name(struct arrival *arrival)
{
    char name[WIRE_OBJECT_NAME_BYTES];
    copy_payload(arrival, name, sizeof name);
    name[sizeof name - 1] = '\0';
    object_named(arrival->recording, arrival->process, arrival->slot.subject, name);
}

static void apply_thread_end(struct arrival *arrival)
{
    thread_encode(arrival->recording, arrival->thread, &arrival->event);
    thread_ended(arrival->recording, arrival->thread, arrival->ticks);
}

// --- loss ---

// What the thread holds and waits for is not known any more; nothing is better than wrong.
static void apply_lost(struct arrival *arrival)
{
    uint64_t payload[2];
    copy_payload(arrival, payload, sizeof payload);
    arrival->event.arg = (int64_t)payload[0];
    arrival->ring->lost_told += payload[0];
    arrival->thread->lost += payload[0];
    arrival->process->lost += payload[0];
    arrival->recording->lost += payload[0];
    arrival->thread->held.n = 0;
    arrival->thread->wait.kind = EVENT_NONE;
    arrival->thread->changed = true;
}

// What an event about objects and waiting changes.
static void apply_to_objects(struct arrival *arrival)
{
    struct held acquired = { arrival->event.subject, arrival->stack, arrival->ticks, 1, false };
    switch (arrival->event.kind) {
    case EVENT_REQUEST:
    case EVENT_REQUEST_SHARED:
    case EVENT_REQUEST_TIMED:
    case EVENT_REQUEST_TIMED_SHARED:
        wait_begins(arrival,
            arrival->event.kind == EVENT_REQUEST_TIMED || arrival->event.kind == EVENT_REQUEST_TIMED_SHARED);
        break;
    case EVENT_ACQUIRE:
    case EVENT_ACQUIRE_SHARED:
    case EVENT_ACQUIRE_TIMED:
    case EVENT_ACQUIRE_TIMED_SHARED:
    case EVENT_ACQUIRE_TRY:
    case EVENT_ACQUIRE_TRY_SHARED:
        wait_ends(arrival);
        acquired.shared = event_is_shared(arrival->event.kind);
        hold(arrival, &arrival->object, &acquired);
        break;
    case EVENT_FAIL:
    case EVENT_BARRIER_LEAVE:
    case EVENT_ONCE_DONE:
        wait_ends(arrival);
        break;
    case EVENT_ONCE_BEGIN:
        apply_once_begin(arrival);
        break;
    case EVENT_ONCE_END:
        held_set_remove(&arrival->thread->held, arrival->event.subject);
        break;
    case EVENT_RELEASE:
        give_back(arrival, arrival->event.subject);
        break;
    case EVENT_RELEASE_FAILED:
        if (arrival->object.kind == OBJECT_SEMAPHORE)
            permits_post_failed(arrival->recording, arrival->thread, arrival->event.subject);
        else
            take_again(arrival);
        break;
    case EVENT_POST:
        permits_post(arrival->recording, arrival->thread, arrival->event.subject);
        break;
    case EVENT_BARRIER_ARRIVE:
    case EVENT_ONCE_REQUEST:
        wait_begins(arrival, false);
        break;
    case EVENT_COND_WAIT:
    case EVENT_COND_WAKE:
        apply_cond(arrival);
        break;
    case EVENT_OBJECT:
        apply_object(arrival);
        break;
    case EVENT_INIT:
        object_initialised(arrival->recording, arrival->process, arrival->slot.subject, arrival->stack);
        break;
    case EVENT_DESTROY:
        // Of conditions and barriers: it waits until nobody uses them any more, and there is no event for its end.
        wait_begins(arrival, false);
        object_end(arrival->recording, arrival->process, arrival->slot.subject, arrival->ticks, "destroyed");
        break;
    case EVENT_DESTROY_FAILED:
        object_end(arrival->recording, arrival->process, arrival->slot.subject, arrival->ticks, NULL);
        break;
    case EVENT_OBJECT_END:
        object_end(arrival->recording, arrival->process, arrival->slot.subject, arrival->ticks,
            how_it_ended(arrival->slot.arg));
        break;
    }
}

static void apply_to_threads(struct arrival *arrival)
{
    switch (arrival->event.kind) {
    case EVENT_THREAD_NAME:
        apply_thread_name(arrival);
        break;
    case EVENT_CREATE:
        thread_created(
            arrival->recording, arrival->process, arrival->slot.subject, arrival->thread, arrival->stack);
        break;
    case EVENT_JOIN_REQUEST:
        wait_begins(arrival, arrival->slot.arg == 1);
        break;
    case EVENT_JOIN:
    case EVENT_JOIN_FAILED:
        wait_ends(arrival);
        break;
    }
}

static void apply_ignore(struct thread *thread, bool begins)
{
    if (begins)
        thread->ignoring += thread->ignoring < UINT16_MAX;
    else
        thread->ignoring -= thread->ignoring > 0;
}

// The program vouches for these: whatever they wait for, they will not wait for ever.
static unsigned ignored_kind(unsigned kind)
{
    switch (kind) {
    case EVENT_REQUEST:
        return EVENT_REQUEST_TIMED;
    case EVENT_REQUEST_SHARED:
        return EVENT_REQUEST_TIMED_SHARED;
    case EVENT_ACQUIRE:
        return EVENT_ACQUIRE_TIMED;
    case EVENT_ACQUIRE_SHARED:
        return EVENT_ACQUIRE_TIMED_SHARED;
    default:
        return kind;
    }
}

static void apply_spawn(struct arrival *arrival)
{
    struct wire_spawn spawn;
    copy_payload(arrival, &spawn, sizeof spawn);
    recording_add_spawned(arrival->recording, (uint32_t)spawn.pid, arrival->process->id,
        (enum wire_unseen)arrival->slot.arg, spawn.name);
    arrival->event.arg = (int64_t)(uint32_t)spawn.pid;
}

static void apply_replacement(struct arrival *arrival)
{
    struct wire_spawn spawn;
    copy_payload(arrival, &spawn, sizeof spawn);
    struct spawned *next = &arrival->process->next;
    next->unseen = (enum wire_unseen)(arrival->slot.arg & ~WIRE_SPAWN_REPLACES);
    memcpy(next->name, spawn.name, sizeof next->name - 1);
}

static void apply_to_process(struct arrival *arrival)
{
    uint64_t payload[2];
    switch (arrival->event.kind) {
    case EVENT_FORK:
        copy_payload(arrival, payload, sizeof payload);
        arrival->event.arg = process_child_pid(arrival->recording, arrival->process, (uint32_t)payload[0]);
        break;
    case EVENT_SPAWN:
        apply_spawn(arrival);
        break;
    case EVENT_EXEC:
    case EVENT_EXEC_FAILED:
        arrival->process->execs = arrival->event.kind == EVENT_EXEC;
        break;
    case EVENT_EXIT:
        arrival->process->exit_said = arrival->slot.arg;
        break;
    case EVENT_BLOCK_BEGIN:
    case EVENT_BLOCK_END:
        break;
    case EVENT_IGNORE:
        apply_ignore(arrival->thread, arrival->slot.arg != 0);
        break;
    case EVENT_LOST:
        apply_lost(arrival);
        break;
    }
}

// Every event that does not go the short way.
static void apply_slowly(
    struct recording *recording, struct ring *ring, const union wire_slot *slot, uint64_t payload_at)
{
    struct arrival arrival = {
        .recording = recording,
        .ring = ring,
        .process = ring->process,
        .thread = ring->thread,
        .slot = *slot,
        .payload_at = payload_at,
        .ticks = ticks_of(slot),
        .stack = stack_of(ring, slot),
    };
    unsigned kind = WIRE_KIND(*slot);
    if (kind == EVENT_STACK) {
        apply_stack(&arrival);
        return;
    }
    if (kind == EVENT_OBJECT_NAME) {
        apply_object_name(&arrival);
        return;
    }
    if (kind == EVENT_OBJECT_ORDERED) {
        object_ordered(recording, ring->process, slot->subject);
        return;
    }
    if (kind == EVENT_SPAWN && slot->arg & WIRE_SPAWN_REPLACES) {
        apply_replacement(&arrival);
        return;
    }
    arrival.event = (struct trace_event){ .ticks = arrival.ticks,
        .subject = slot->subject,
        .stack = arrival.stack,
        .arg = slot->arg,
        .kind = (uint8_t)kind };
    if (kind == EVENT_THREAD_START)
        apply_thread_start(&arrival);
    if (!arrival.thread) {
        ring->process->damaged_events++;
        return;
    }
    if (G_UNLIKELY(arrival.thread->ignoring))
        kind = ignored_kind(kind);
    arrival.event.kind = (uint8_t)kind;
    switch (subject_kind(kind)) {
    case SUBJECT_OBJECT:
        if (kind != EVENT_OBJECT)
            arrival.object = object_resolve(recording, ring->process, slot->subject, kind);
        arrival.event.subject = arrival.object.id;
        apply_to_objects(&arrival);
        break;
    case SUBJECT_THREAD:
        arrival.event.subject = thread_id(recording, ring->process, slot->subject);
        if (kind == EVENT_THREAD_END) {
            apply_thread_end(&arrival);
            return;
        }
        apply_to_threads(&arrival);
        break;
    default:
        apply_to_process(&arrival);
        break;
    }
    thread_encode(recording, arrival.thread, &arrival.event);
}

// The short way, as far as the thread's chunk has room. Returns the index of the first event that did not go it.
static uint64_t apply_run(
    struct recording *recording, struct ring *ring, const uint32_t *stacks, uint64_t tail, uint64_t head)
{
    const struct process *process = ring->process;
    struct thread *thread = ring->thread;
    struct chunk_encoder *encoder = &thread->chunk->encoder;
    struct chunk_run run = chunk_run_begin(encoder);
    for (; tail != head && chunk_run_has_room(&run); tail++) {
        const union wire_slot slot = slot_at(ring, tail);
        const unsigned kind = WIRE_KIND(slot);
        const struct object_ref *ref = object_find(process, slot.subject);
        if (G_UNLIKELY(
                !(event_is_acquire(kind) || kind == EVENT_RELEASE) || !ref || ref->state != OBJECT_REF_KNOWN))
            break;
        const struct trace_event event = {
            .ticks = ticks_of(&slot),
            .subject = ref->id,
            .stack = G_LIKELY(slot.stack < WIRE_ALL_SLOTS) ? stacks[slot.stack] : 0,
            .arg = slot.arg,
            .kind = (uint8_t)kind,
        };
        if (kind == EVENT_RELEASE) {
            enum held_removal removal = held_set_remove(&thread->held, ref->id);
            if (G_UNLIKELY(removal == HELD_NOT))
                break;
            thread->last_release = (uint8_t)removal;
        } else {
            if (G_UNLIKELY(thread->wait.kind != EVENT_NONE && thread->wait.subject == ref->id))
                thread->wait.kind = EVENT_NONE;
            bool shared = event_is_shared(kind);
            struct held acquired = { ref->id, event.stack, event.ticks, 1, shared };
            if (G_LIKELY(ref->kind != OBJECT_SEMAPHORE))
                held_set_add(&thread->held, &acquired, counts(ref, shared));
            else
                permits_take(recording, thread, &acquired);
        }
        chunk_run_put(&run, encoder, &event);
    }
    chunk_run_end(&run, encoder);
    return tail;
}

// The short way: acquisitions (exclusive or shared, plain, timed or try) and releases of what is known and one process's
// alone, one after the other. What every event needs is looked up once. Returns the index of the first event that has to
// go the long way.
static uint64_t apply_quickly(struct recording *recording, struct ring *ring, uint64_t tail, uint64_t head)
{
    static const uint32_t no_stacks[WIRE_ALL_SLOTS];
    const uint32_t *stacks = ring->stacks ? ring->stacks : no_stacks;
    struct thread *thread = ring->thread;
    if (!thread || thread->ignoring)
        return tail;
    while (tail != head) {
        if (G_UNLIKELY(!thread->chunk || !chunk_encoder_has_room(&thread->chunk->encoder)))
            thread_make_room(recording, thread);
        const uint64_t next = apply_run(recording, ring, stacks, tail, head);
        thread->events += next - tail;
        tail = next;
        // Where there is room left, an event wants to go the long way.
        if (chunk_encoder_has_room(&thread->chunk->encoder))
            break;
    }
    return tail;
}

uint64_t apply_events(struct recording *recording, struct ring *ring, uint64_t tail, uint64_t head)
{
    while ((tail = apply_quickly(recording, ring, tail, head)) != head) {
        union wire_slot slot = slot_at(ring, tail);
        unsigned kind = WIRE_KIND(slot);
        if (kind == EVENT_NONE || kind >= EVENT_KINDS) {
            ring->process->damaged_events++;
            tail++;
            continue;
        }
        int slots = event_payload_slots(kind);
        uint64_t payload = slots == EVENT_PAYLOAD_VARIABLE ? slot.arg : (uint64_t)slots;
        if (payload >= head - tail)
            break;
        apply_slowly(recording, ring, &slot, tail + 1);
        tail += 1 + payload;
    }
    return tail;
}
