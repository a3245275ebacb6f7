// SPDX-License-Identifier: MIT
// Snapshots of who waits for whom. A deadlock is believed when the same threads form a cycle in two looks, with nothing
// undrained and not one event published in between: then each of them is still in the call that its last event began.
//
// Blind spots: locks that Trenza did not see taken (before it was loaded, by inheritance over fork). A lock given back by
// a thread that does not hold it is no longer counted as held by the one that took it.
#include "incident.h"

#include "events.h"
#include "objects.h"
#include "threads.h"
#include "watch.h"

#define WAITED_SECONDS 0.2

struct snapshot {
    GPtrArray *threads; // of struct thread, as in watch
    GArray *watch;      // of struct watch_thread
    GArray *holds;      // of struct watch_hold
};

static bool ring_is_still(const struct thread *thread)
{
    const struct wire_ring *control = thread->ring->control;
    return atomic_load_explicit(&control->head, memory_order_acquire) ==
               atomic_load_explicit(&control->tail, memory_order_relaxed) &&
           atomic_load_explicit(&control->lost, memory_order_relaxed) == thread->ring->lost_told;
}

static enum watch_wait kind_of_wait(const struct thread *thread)
{
    if (thread->wait.timed || thread->reported || !ring_is_still(thread))
        return WATCH_RUNS;
    switch (thread->wait.kind) {
    case EVENT_REQUEST:
        return WATCH_EXCLUSIVE;
    case EVENT_REQUEST_SHARED:
        return WATCH_SHARED;
    case EVENT_JOIN_REQUEST:
        return WATCH_JOIN;
    default:
        return WATCH_RUNS;
    }
}

static bool lives(const struct thread *thread)
{
    return thread->ring && thread->started_ticks >= 0 && thread->ended_ticks < 0;
}

static bool still_holds(const struct recording *recording, const struct held *held)
{
    const uint64_t *ticks = g_hash_table_lookup(recording->given_back, GUINT_TO_POINTER(held->object));
    return !ticks || *ticks < held->since;
}

static void add_thread(struct snapshot *snapshot, const struct recording *recording, struct thread *thread)
{
    struct watch_thread watch = {
        .id = thread->id,
        .wait = kind_of_wait(thread),
        .target = thread->wait.subject,
        .recursive = thread->wait.flags & OBJECT_RECURSIVE,
        .after_writers = thread->wait.flags & OBJECT_PREFER_WRITER,
    };
    for (uint32_t i = 0; i < thread->held.n; i++) {
        const struct held *held = &thread->held.items[i];
        if (!still_holds(recording, held))
            continue;
        struct watch_hold hold = { held->object, held->shared };
        g_array_append_val(snapshot->holds, hold);
        watch.n_holds++;
    }
    g_array_append_val(snapshot->watch, watch);
    g_ptr_array_add(snapshot->threads, thread);
}

static void snapshot_init(struct snapshot *snapshot, const struct recording *recording, GPtrArray *processes)
{
    *snapshot = (struct snapshot){
        .threads = g_ptr_array_new(),
        .watch = g_array_new(FALSE, FALSE, sizeof(struct watch_thread)),
        .holds = g_array_new(FALSE, FALSE, sizeof(struct watch_hold)),
    };
    for (guint i = 0; i < processes->len; i++) {
        struct process *process = processes->pdata[i];
        for (guint k = 0; k < process->live_threads->len; k++)
            if (lives(process->live_threads->pdata[k]))
                add_thread(snapshot, recording, process->live_threads->pdata[k]);
    }
    // Only now does the array of holds stay where it is.
    const struct watch_hold *holds = (const struct watch_hold *)snapshot->holds->data;
    for (guint i = 0; i < snapshot->watch->len; i++) {
        struct watch_thread *watch = &g_array_index(snapshot->watch, struct watch_thread, i);
        watch->holds = holds;
        holds += watch->n_holds;
    }
}

static void snapshot_done(struct snapshot *snapshot)
{
    g_ptr_array_free(snapshot->threads, TRUE);
    g_array_free(snapshot->watch, TRUE);
    g_array_free(snapshot->holds, TRUE);
}

static void add_rows(const struct thread *thread, bool in_cycle, const struct recording *recording,
    GArray *threads, GArray *holds)
{
    bool waits = thread->wait.kind != EVENT_NONE;
    bool joins = thread->wait.kind == EVENT_JOIN_REQUEST;
    struct trace_incident_thread row = {
        .thread_id = thread->id,
        .since_ticks = waits ? (int64_t)thread->wait.since : -1,
        .request = waits ? event_name(thread->wait.kind) : "",
        .object_id = waits && !joins ? thread->wait.subject : 0,
        .joined_id = joins ? thread->wait.subject : 0,
        .stack_id = waits ? thread->wait.stack : 0,
        .in_cycle = in_cycle,
    };
    g_array_append_val(threads, row);
    uint32_t position = 0;
    for (uint32_t i = 0; i < thread->held.n; i++) {
        const struct held *held = &thread->held.items[i];
        if (!still_holds(recording, held))
            continue;
        struct trace_incident_hold hold = {
            .thread_id = thread->id,
            .position = position++,
            .object_id = held->object,
            .since_ticks = (int64_t)held->since,
            .stack_id = held->stack,
            .shared = held->shared,
        };
        g_array_append_val(holds, hold);
    }
}

static void write_snapshot(struct recording *recording, const struct snapshot *snapshot, const char *what,
    const size_t *cycle, size_t cycle_length)
{
    GArray *threads = g_array_new(FALSE, FALSE, sizeof(struct trace_incident_thread));
    GArray *holds = g_array_new(FALSE, FALSE, sizeof(struct trace_incident_hold));
    for (guint i = 0; i < snapshot->threads->len; i++) {
        bool in_cycle = false;
        for (size_t k = 0; k < cycle_length; k++)
            in_cycle |= cycle[k] == i;
        add_rows(snapshot->threads->pdata[i], in_cycle, recording, threads, holds);
    }
    if (!recording->writer.failed) {
        int64_t id =
            store_put_incident(recording->writer.store, (int64_t)clock_ticks(&recording->session->clock),
                what, (const struct trace_incident_thread *)threads->data, threads->len,
                (const struct trace_incident_hold *)holds->data, holds->len);
        writer_note(&recording->writer, id < 0 ? (int)id : 0);
    }
    g_array_free(threads, TRUE);
    g_array_free(holds, TRUE);
}

void incident_write(struct recording *recording, GPtrArray *processes, const char *what)
{
    struct snapshot snapshot;
    snapshot_init(&snapshot, recording, processes);
    write_snapshot(recording, &snapshot, what, NULL, 0);
    snapshot_done(&snapshot);
}

static bool anybody_waits_long(const struct recording *recording, GPtrArray *processes)
{
    uint64_t now = clock_ticks(&recording->session->clock);
    uint64_t patience =
        (uint64_t)(WAITED_SECONDS * (double)clock_ticks_per_second(&recording->session->clock));
    for (guint i = 0; i < processes->len; i++) {
        const struct process *process = processes->pdata[i];
        for (guint k = 0; k < process->live_threads->len; k++) {
            const struct thread *thread = process->live_threads->pdata[k];
            if (thread->wait.kind != EVENT_NONE && thread->ring && now > thread->wait.since &&
                now - thread->wait.since > patience && kind_of_wait(thread) != WATCH_RUNS)
                return true;
        }
    }
    return false;
}

// Heads only grow, and one is never 0 once its thread has started.
static bool seen_before(const struct snapshot *snapshot, const size_t *cycle, size_t length)
{
    bool same = true;
    for (size_t i = 0; i < length; i++) {
        struct thread *thread = snapshot->threads->pdata[cycle[i]];
        uint64_t head = atomic_load_explicit(&thread->ring->control->head, memory_order_acquire);
        same &= thread->seen_in_cycle == head;
        thread->seen_in_cycle = head;
    }
    return same;
}

bool incident_look(struct recording *recording, GPtrArray *processes)
{
    if (!anybody_waits_long(recording, processes))
        return false;
    struct snapshot snapshot;
    snapshot_init(&snapshot, recording, processes);
    size_t *cycle = g_new(size_t, snapshot.watch->len + 1);
    size_t length =
        watch_find_cycle((const struct watch_thread *)snapshot.watch->data, snapshot.watch->len, cycle);
    bool found = length > 0 && seen_before(&snapshot, cycle, length);
    if (found) {
        write_snapshot(recording, &snapshot, "deadlock", cycle, length);
        for (size_t i = 0; i < length; i++)
            ((struct thread *)snapshot.threads->pdata[cycle[i]])->reported = true;
    }
    g_free(cycle);
    snapshot_done(&snapshot);
    return found;
}
