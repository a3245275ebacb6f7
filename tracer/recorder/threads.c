// SPDX-License-Identifier: MIT
// The threads of a process. A thread's events are packed into a chunk that grows from 4 to 64 KiB. Once a second what has come
// is stored, so that a live trace grows; a chunk that is still small keeps its sequence number and is stored again, longer,
// the next time. So a quiet thread neither fills the trace with tiny chunks nor is missing from it.
//
// A thread that is over is kept for some seconds, since others still speak of it (its creation, its name); then only its
// thread.id is.
#include "threads.h"

#include <string.h>

#define CHUNK_FIRST 4096u
#define CHUNK_FULL 65536u
#define CHUNK_KEPT_OPEN 16384u // a chunk stored at this size or above is closed
#define SERIALS_AHEAD (1u << 20)
#define REMEMBERED_NS (INT64_C(3) * 1000000000)

static struct thread_entry *entry_of(struct process *process, uint32_t serial)
{
    if (serial >= process->n_threads) {
        if (serial - process->n_threads > SERIALS_AHEAD)
            return NULL;
        uint32_t n = MAX(serial + 16, process->n_threads * 2);
        process->threads = g_renew(struct thread_entry, process->threads, n);
        memset(process->threads + process->n_threads, 0, (n - process->n_threads) * sizeof *process->threads);
        process->n_threads = n;
    }
    return &process->threads[serial];
}

uint32_t thread_id(struct recording *recording, struct process *process, uint32_t serial)
{
    struct thread_entry *entry = serial ? entry_of(process, serial) : NULL;
    if (!entry)
        return 0;
    if (!entry->id)
        entry->id = recording->ids.next_thread++;
    return entry->id;
}

struct thread *thread_find(const struct process *process, uint32_t serial)
{
    return serial < process->n_threads ? process->threads[serial].thread : NULL;
}

// The thread with this serial, made when it is not there yet (its creator's ring may be drained before its own).
static struct thread *make_thread(struct recording *recording, struct process *process, uint32_t serial)
{
    uint32_t id = thread_id(recording, process, serial);
    if (!id)
        return NULL;
    struct thread_entry *entry = entry_of(process, serial);
    if (entry->thread)
        return entry->thread;
    struct thread *thread = g_new0(struct thread, 1);
    thread->process = process;
    thread->id = id;
    thread->serial = serial;
    thread->started_ticks = -1;
    thread->ended_ticks = -1;
    entry->thread = thread;
    g_ptr_array_add(process->live_threads, thread);
    return thread;
}

struct thread *thread_start(struct recording *recording, struct ring *ring, uint32_t serial,
    const struct wire_thread_start *wire, uint64_t ticks)
{
    struct process *process = ring->process;
    if (ring->thread)
        thread_over(recording, ring->thread);
    ring->thread = NULL;
    struct thread *thread = make_thread(recording, process, serial);
    if (!thread || thread->started_ticks >= 0)
        return NULL;
    thread->ring = ring;
    thread->tid = wire->tid;
    thread->started_ticks = (int64_t)ticks;
    if (wire->creator)
        thread->creator_id = thread_id(recording, process, wire->creator);
    // A frame is a return address, looked up one byte before: the routine's first byte is one before this.
    if (wire->start_routine)
        thread->start_frame = process_frame(recording, process, wire->start_routine + 1, ticks);
    thread->changed = true;
    recording->threads++;
    ring->thread = thread;
    return thread;
}

bool threads_put_silent(struct recording *recording, struct process *process, uint64_t ended_ticks)
{
    const struct thread_entry *entry = entry_of(process, THREADS_FIRST);
    if (entry && entry->forgotten)
        return false;
    struct thread *thread = make_thread(recording, process, THREADS_FIRST);
    if (!thread || thread->started_ticks >= 0)
        return false;
    thread->tid = (uint32_t)process->pid;
    thread->started_ticks = process->started_ticks;
    thread->last_ticks = ended_ticks;
    thread->ended_ticks = process->over ? (int64_t)ended_ticks : -1;
    recording->threads++;
    return true;
}

void thread_created(struct recording *recording, struct process *process, uint32_t serial,
    const struct thread *creator, uint32_t stack)
{
    struct thread_entry *entry = entry_of(process, serial);
    if (!entry || entry->forgotten)
        return;
    struct thread *thread = make_thread(recording, process, serial);
    if (!thread)
        return;
    thread->creator_id = creator->id;
    thread->create_stack = stack;
    thread->changed = true;
}

static void put_thread(struct recording *recording, struct thread *thread)
{
    struct trace_thread row = {
        .id = thread->id,
        .process_id = thread->process->id,
        .serial = thread->serial,
        .tid = thread->tid,
        .name = thread->name[0] ? thread->name : NULL,
        .start_frame = thread->start_frame,
        .creator_id = thread->creator_id,
        .create_stack = thread->create_stack,
        .started_ticks = thread->started_ticks,
        .ended_ticks = thread->ended_ticks,
        .events = thread->events,
        .lost = thread->lost,
    };
    WRITER_PUT(&recording->writer, store_put_thread, &row);
    thread->changed = false;
}

static void put_chunk(struct recording *recording, struct thread *thread)
{
    struct thread_chunk *chunk = thread->chunk;
    if (!chunk || chunk->events_stored == chunk->encoder.events)
        return;
    struct trace_chunk row = {
        .thread_id = thread->id,
        .sequence = thread->sequence,
        .first_ticks = chunk->encoder.first_ticks,
        .last_ticks = chunk->encoder.last_ticks,
        .events = chunk->encoder.events,
        .data = chunk->encoder.data,
        .size = chunk->encoder.size,
    };
    WRITER_PUT(&recording->writer, store_put_chunk, &row);
    chunk->events_stored = chunk->encoder.events;
    thread->changed = true;
}

static void close_chunk(struct recording *recording, struct thread *thread)
{
    put_chunk(recording, thread);
    if (thread->chunk->encoder.events)
        thread->sequence++;
    chunk_encoder_restart(&thread->chunk->encoder);
    thread->chunk->events_stored = 0;
}

static void free_chunk(struct thread *thread)
{
    if (!thread->chunk)
        return;
    thread->last_ticks = thread->chunk->encoder.last_ticks;
    g_free(thread->chunk->encoder.data);
    g_free(thread->chunk);
    thread->chunk = NULL;
}

void thread_make_room(struct recording *recording, struct thread *thread)
{
    if (!thread->chunk) {
        thread->chunk = g_new(struct thread_chunk, 1);
        chunk_encoder_init(&thread->chunk->encoder, g_malloc(CHUNK_FIRST), CHUNK_FIRST);
        thread->chunk->encoder.last_ticks = thread->last_ticks;
        thread->chunk->events_stored = 0;
        return;
    }
    struct chunk_encoder *encoder = &thread->chunk->encoder;
    if (encoder->capacity < CHUNK_FULL) {
        encoder->capacity *= 4;
        encoder->data = g_realloc(encoder->data, encoder->capacity);
        return;
    }
    close_chunk(recording, thread);
}

// Stores what there is and gives the memory back; late events find a new chunk.
static void store_all(struct recording *recording, struct thread *thread)
{
    if (!thread->chunk)
        return;
    close_chunk(recording, thread);
    free_chunk(thread);
}

void thread_ended(struct recording *recording, struct thread *thread, uint64_t ticks)
{
    thread->ended_ticks = (int64_t)ticks;
    thread->changed = true;
    store_all(recording, thread);
}

// Who waits for these will wait for ever.
static void leave_orphans(struct recording *recording, const struct thread *thread)
{
    for (uint32_t i = 0; i < thread->held.n; i++) {
        const struct held *held = &thread->held.items[i];
        struct orphan *orphan = g_new(struct orphan, 1);
        *orphan = (struct orphan){ thread->last_ticks, held->shared };
        g_hash_table_insert(recording->orphans, GUINT_TO_POINTER(held->object), orphan);
    }
}

void thread_over(struct recording *recording, struct thread *thread)
{
    if (thread->over_ns)
        return;
    store_all(recording, thread);
    recording->events += thread->events;
    leave_orphans(recording, thread);
    thread->ring = NULL;
    thread->wait = (struct thread_wait){ 0 };
    thread->over_ns = clock_now_ns();
    thread->changed = true;
}

void thread_free(struct thread *thread)
{
    free_chunk(thread);
    held_set_done(&thread->held);
    held_set_done(&thread->permits);
    g_free(thread);
}

static void forget(struct process *process, guint index)
{
    struct thread *thread = process->live_threads->pdata[index];
    process->threads[thread->serial].thread = NULL;
    process->threads[thread->serial].forgotten = true;
    g_ptr_array_remove_index_fast(process->live_threads, index);
    thread_free(thread);
}

void threads_flush(struct recording *recording, struct process *process)
{
    int64_t now_ns = clock_now_ns();
    for (guint i = process->live_threads->len; i-- > 0;) {
        struct thread *thread = process->live_threads->pdata[i];
        put_chunk(recording, thread);
        if (thread->chunk && thread->chunk->encoder.size >= CHUNK_KEPT_OPEN)
            close_chunk(recording, thread);
        if (thread->changed && thread->started_ticks >= 0)
            put_thread(recording, thread);
        if (thread->over_ns && now_ns - thread->over_ns > REMEMBERED_NS)
            forget(process, i);
    }
}

void threads_close(struct recording *recording, struct process *process, uint64_t ticks)
{
    for (guint i = 0; i < process->live_threads->len; i++) {
        struct thread *thread = process->live_threads->pdata[i];
        if (process->over && thread->ended_ticks < 0)
            thread->ended_ticks = (int64_t)ticks;
        thread_over(recording, thread);
        if (thread->started_ticks >= 0)
            put_thread(recording, thread);
    }
}
