// SPDX-License-Identifier: MIT
// The threads of a process: their numbers, rows, chunks, and what each holds and waits for now. Drain thread only.
#ifndef TRENZA_RECORDER_THREADS_H
#define TRENZA_RECORDER_THREADS_H

#include "chunk.h"
#include "held_set.h"
#include "process.h"

#define THREAD_NAME_BYTES 16
#define THREADS_FIRST                                                                                        \
    1u // the serial of the first thread of a process; in the child of a fork, the one that is there

// The events of a thread that are not in the trace yet, or only in part.
struct thread_chunk {
    struct chunk_encoder encoder;
    uint32_t
        events_stored; // how many of them a row holds already; that row is written again, longer, when more come
};

// What a thread waits for. kind EVENT_NONE: nothing.
struct thread_wait {
    uint8_t kind;     // the event that began it
    uint8_t object;   // enum object_kind of what it waits for
    bool timed;       // it will end by itself
    uint32_t subject; // object.id or, for JOIN_REQUEST, thread.id
    uint16_t flags;   // of the object
    uint32_t stack;
    uint64_t since;  // ticks
    uint64_t events; // of the thread before it
    uint32_t mutex;  // of a condition's wait: object.id
    uint16_t mutex_flags;
};

struct thread {
    struct process *process;
    struct ring *ring; // where it writes; NULL: it is over
    struct thread_chunk *chunk;
    uint32_t id;
    uint32_t serial;
    struct held_set held;
    struct held_set permits; // of semaphores
    struct thread_wait wait;
    uint8_t last_release; // enum held_removal, for when it is refused
    uint8_t last_post;    // likewise
    uint16_t ignoring;    // regions to be ignored that it is in, one inside the other
    uint64_t events;
    uint64_t lost;
    uint64_t last_ticks;

    uint32_t sequence; // of the chunk being filled
    uint32_t tid;
    uint32_t creator_id;
    uint32_t create_stack;
    uint32_t start_frame;
    int64_t started_ticks;
    int64_t ended_ticks; // -1: it lives
    int64_t over_ns;     // when the recorder learnt that it is over; 0: it is not
    char name[THREAD_NAME_BYTES + 1];
    bool changed;  // its row in the trace is not up to date
    bool reported; // part of a deadlock that is in the trace already

    // Of the last look for a deadlock: where its ring's head was when it was found in a cycle, or stuck.
    uint64_t seen_in_cycle;
    uint64_t seen_stuck;
};

// The thread.id of a serial; a new one is given its number. 0: there can be no such serial.
uint32_t thread_id(struct recording *recording, struct process *process, uint32_t serial);
// The thread with this serial, when it has started and is not forgotten yet.
struct thread *thread_find(const struct process *process, uint32_t serial);
// The thread of a child that has ended without an event, to be written with its process. False: it has had one.
bool threads_put_silent(struct recording *recording, struct process *process, uint64_t ended_ticks);
// THREAD_START: the ring's events are this thread's from now on. NULL: the serial makes no sense.
struct thread *thread_start(struct recording *recording, struct ring *ring, uint32_t serial,
    const struct wire_thread_start *wire, uint64_t ticks);
// CREATE: who made the thread, and where.
void thread_created(struct recording *recording, struct process *process, uint32_t serial,
    const struct thread *creator, uint32_t stack);
// THREAD_END, or what comes to the same.
void thread_ended(struct recording *recording, struct thread *thread, uint64_t ticks);
// No event of this thread comes any more.
void thread_over(struct recording *recording, struct thread *thread);

// Appends an event to the thread's chunk.
void thread_make_room(struct recording *recording, struct thread *thread);
static inline void thread_encode(
    struct recording *recording, struct thread *thread, const struct trace_event *event)
{
    struct thread_chunk *chunk = thread->chunk;
    if (__builtin_expect(chunk == NULL || !chunk_encoder_has_room(&chunk->encoder), 0)) {
        thread_make_room(recording, thread);
        chunk = thread->chunk;
    }
    chunk_encode(&chunk->encoder, event);
    thread->events++;
}

// Brings the trace up to date: rows that have changed, events not stored yet. Forgets threads long over.
void threads_flush(struct recording *recording, struct process *process);
// The process is gone: last rows.
void threads_close(struct recording *recording, struct process *process, uint64_t ticks);

void thread_free(struct thread *thread);

#endif
