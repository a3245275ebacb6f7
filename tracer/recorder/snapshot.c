// SPDX-License-Identifier: MIT
// Snapshots: from the recorder's view of the threads to the wait-for graph's, and into the trace.
//
// Blind spots: locks that Trenza did not see taken (before it was loaded, by inheritance over fork). A lock given back by
// a thread that does not hold it is no longer counted as held by the one that took it.
#include "snapshot.h"

#include "events.h"
#include "objects.h"
#include "permits.h"
#include "tasks.h"

static bool ring_is_still(const struct thread *thread)
{
    const struct wire_ring *control = thread->ring->control;
    return atomic_load_explicit(&control->head, memory_order_acquire) ==
               atomic_load_explicit(&control->tail, memory_order_relaxed) &&
           atomic_load_explicit(&control->lost, memory_order_relaxed) == thread->ring->lost_told;
}

bool snapshot_waits(const struct thread *thread)
{
    if (thread->wait.kind == EVENT_DESTROY)
        return thread->events == thread->wait.events + 1;
    return thread->wait.kind != EVENT_NONE;
}

enum watch_wait snapshot_wait(const struct thread *thread)
{
    if (thread->wait.timed || thread->reported || !snapshot_waits(thread) || !ring_is_still(thread))
        return WATCH_RUNS;
    // A name is for strangers: anybody may open it and post.
    if (thread->wait.flags & OBJECT_NAMED)
        return WATCH_RUNS;
    switch (thread->wait.kind) {
    case EVENT_REQUEST:
        return thread->wait.object == OBJECT_SEMAPHORE ? WATCH_PERMIT : WATCH_EXCLUSIVE;
    case EVENT_REQUEST_SHARED:
        return WATCH_SHARED;
    case EVENT_JOIN_REQUEST:
        return thread->wait.subject ? WATCH_JOIN : WATCH_RUNS;
    case EVENT_COND_WAIT:
    case EVENT_BARRIER_ARRIVE:
    case EVENT_ONCE_REQUEST:
    case EVENT_DESTROY:
        return WATCH_EVENT;
    default:
        return WATCH_RUNS;
    }
}

static bool lives(const struct thread *thread)
{
    return thread->ring && thread->started_ticks >= 0 && thread->ended_ticks < 0;
}

bool snapshot_still_holds(const struct recording *recording, const struct held *held)
{
    const uint64_t *ticks = g_hash_table_lookup(recording->given_back, GUINT_TO_POINTER(held->object));
    return !ticks || *ticks < held->since;
}

// The holds of a thread that is over and long forgotten are the recording's orphans; of others they are still there.
static bool owner_is_gone(const struct snapshot *snapshot, uint32_t id, bool exclusive)
{
    const struct recording *recording = snapshot->recording;
    gconstpointer object = GUINT_TO_POINTER(id);
    const struct held *held = g_hash_table_lookup(snapshot->left, object);
    if (held && (exclusive || !held->shared) && snapshot_still_holds(recording, held))
        return true;
    const struct orphan *orphan = g_hash_table_lookup(recording->orphans, object);
    const uint64_t *given_back = g_hash_table_lookup(recording->given_back, object);
    return orphan && (exclusive || !orphan->shared) && (!given_back || *given_back < orphan->ticks);
}

static void add_holds(struct snapshot *snapshot, const struct thread *thread, struct watch_thread *watch)
{
    for (uint32_t i = 0; i < thread->held.n; i++) {
        const struct held *held = &thread->held.items[i];
        if (!snapshot_still_holds(snapshot->recording, held))
            continue;
        struct watch_hold hold = { held->object, held->shared };
        g_array_append_val(snapshot->holds, hold);
        watch->n_holds++;
    }
    for (uint32_t i = 0; i < thread->permits.n; i++) {
        const struct held *held = &thread->permits.items[i];
        if (permits_handed_over(snapshot->recording, held->object))
            continue;
        struct watch_hold permit = { held->object, false };
        g_array_append_val(snapshot->permits, permit);
        watch->n_permits++;
    }
}

static void add_thread(struct snapshot *snapshot, struct thread *thread)
{
    const struct thread_wait *wait = &thread->wait;
    struct watch_thread watch = {
        .id = thread->id,
        .wait = snapshot_wait(thread),
        .target = wait->subject,
        .recursive = wait->flags & OBJECT_RECURSIVE,
        .after_writers = wait->flags & OBJECT_PREFER_WRITER,
        .scope = wait->flags & OBJECT_PROCESS_SHARED ? 0 : thread->process->id,
        .process = thread->process->id,
    };
    if (watch.wait == WATCH_EXCLUSIVE || watch.wait == WATCH_SHARED)
        watch.owner_gone = !(wait->flags & OBJECT_ROBUST) &&
                           owner_is_gone(snapshot, wait->subject, watch.wait == WATCH_EXCLUSIVE);
    if (watch.wait == WATCH_PERMIT)
        watch.lock_like = permits_like_lock(snapshot->recording, wait->subject);
    add_holds(snapshot, thread, &watch);
    g_array_append_val(snapshot->watch, watch);
    g_ptr_array_add(snapshot->threads, thread);
}

bool snapshot_look_behind_condition(const struct snapshot *snapshot, size_t index)
{
    const struct thread *thread = snapshot->threads->pdata[index];
    struct watch_thread *watch = snapshot_watch(snapshot, index);
    if (watch->wait != WATCH_EVENT || thread->wait.kind != EVENT_COND_WAIT)
        return false;
    const struct trace_object *mutex = object_row(thread->process, thread->wait.mutex);
    if (!mutex || mutex->process_id != thread->process->id ||
        !task_sleeps_on(thread->process->pid, thread->tid, mutex->address, OBJECT_MUTEX))
        return false;
    watch->wait = WATCH_EXCLUSIVE;
    watch->target = thread->wait.mutex;
    watch->recursive = thread->wait.mutex_flags & OBJECT_RECURSIVE;
    watch->owner_gone =
        !(thread->wait.mutex_flags & OBJECT_ROBUST) && owner_is_gone(snapshot, thread->wait.mutex, true);
    return true;
}

// Whoever sleeps in pthread_once waits for the thread that runs the routine as for a lock's owner. The kernel is asked whether it
// does: who has asked may also be about to run the routine itself.
static void look_behind_once(const struct snapshot *snapshot, size_t index)
{
    const struct thread *thread = snapshot->threads->pdata[index];
    struct watch_thread *watch = snapshot_watch(snapshot, index);
    if (watch->wait != WATCH_EVENT || thread->wait.kind != EVENT_ONCE_REQUEST)
        return;
    const struct trace_object *control = object_row(thread->process, thread->wait.subject);
    if (control && task_sleeps_on(thread->process->pid, thread->tid, control->address, OBJECT_ONCE))
        watch->wait = WATCH_EXCLUSIVE;
}

// Only when everything has been added do the arrays stay where they are.
static void place_holds(struct snapshot *snapshot)
{
    const struct watch_hold *holds = (const struct watch_hold *)snapshot->holds->data;
    const struct watch_hold *permits = (const struct watch_hold *)snapshot->permits->data;
    for (guint i = 0; i < snapshot->watch->len; i++) {
        struct watch_thread *watch = snapshot_watch(snapshot, i);
        watch->holds = holds;
        holds += watch->n_holds;
        watch->permits = permits;
        permits += watch->n_permits;
    }
}

// Do the living threads hold as many permits as the semaphore began with?
static bool all_permits_known(const struct snapshot *snapshot, const struct thread *waiter)
{
    const struct trace_object *row = object_row(waiter->process, waiter->wait.subject);
    uint64_t permits = 0;
    for (guint i = 0; i < snapshot->threads->len; i++) {
        struct thread *thread = snapshot->threads->pdata[i];
        const struct held *held = held_set_find(&thread->permits, waiter->wait.subject);
        permits += held ? held->count : 0;
    }
    return row && row->flags & OBJECT_BY_INIT && row->value > 0 && permits == row->value;
}

static void collect_left(struct snapshot *snapshot, const struct process *process)
{
    for (guint i = 0; i < process->live_threads->len; i++) {
        struct thread *thread = process->live_threads->pdata[i];
        if (thread->ended_ticks < 0 || !thread->held.n || task_exists(process->pid, thread->tid))
            continue;
        for (uint32_t k = 0; k < thread->held.n; k++)
            g_hash_table_insert(
                snapshot->left, GUINT_TO_POINTER(thread->held.items[k].object), &thread->held.items[k]);
    }
}

void snapshot_init(struct snapshot *snapshot, const struct recording *recording, GPtrArray *processes)
{
    *snapshot = (struct snapshot){
        .recording = recording,
        .processes = processes,
        .threads = g_ptr_array_new(),
        .watch = g_array_new(FALSE, FALSE, sizeof(struct watch_thread)),
        .holds = g_array_new(FALSE, FALSE, sizeof(struct watch_hold)),
        .permits = g_array_new(FALSE, FALSE, sizeof(struct watch_hold)),
        .left = g_hash_table_new(NULL, NULL),
    };
    for (guint i = 0; i < processes->len; i++)
        collect_left(snapshot, processes->pdata[i]);
    for (guint i = 0; i < processes->len; i++) {
        struct process *process = processes->pdata[i];
        for (guint k = 0; k < process->live_threads->len; k++)
            if (lives(process->live_threads->pdata[k]))
                add_thread(snapshot, process->live_threads->pdata[k]);
    }
    place_holds(snapshot);
    // Only who holds other locks can be part of a cycle.
    for (guint i = 0; i < snapshot->watch->len; i++)
        if (snapshot_watch(snapshot, i)->n_holds)
            snapshot_look_behind_condition(snapshot, i);
    for (guint i = 0; i < snapshot->watch->len; i++)
        look_behind_once(snapshot, i);
    for (guint i = 0; i < snapshot->watch->len; i++)
        if (snapshot_watch(snapshot, i)->lock_like)
            snapshot_watch(snapshot, i)->known = all_permits_known(snapshot, snapshot->threads->pdata[i]);
}

void snapshot_done(struct snapshot *snapshot)
{
    g_ptr_array_free(snapshot->threads, TRUE);
    g_array_free(snapshot->watch, TRUE);
    g_array_free(snapshot->holds, TRUE);
    g_array_free(snapshot->permits, TRUE);
    g_hash_table_destroy(snapshot->left);
}

// --- into the trace ---

static void add_hold_row(
    GArray *holds, const struct thread *thread, const struct held *held, uint32_t position)
{
    struct trace_incident_hold hold = {
        .thread_id = thread->id,
        .position = position,
        .object_id = held->object,
        .since_ticks = (int64_t)held->since,
        .stack_id = held->stack,
        .shared = held->shared,
    };
    g_array_append_val(holds, hold);
}

static void add_rows(const struct recording *recording, const struct thread *thread, bool marked,
    GArray *threads, GArray *holds)
{
    bool waits = snapshot_waits(thread);
    bool joins = waits && thread->wait.kind == EVENT_JOIN_REQUEST;
    struct trace_incident_thread row = {
        .thread_id = thread->id,
        .since_ticks = waits ? (int64_t)thread->wait.since : -1,
        .request = waits ? event_name(thread->wait.kind) : "",
        .object_id = waits && !joins ? thread->wait.subject : 0,
        .joined_id = joins ? thread->wait.subject : 0,
        .stack_id = waits ? thread->wait.stack : 0,
        .in_cycle = marked,
    };
    g_array_append_val(threads, row);
    uint32_t position = 0;
    for (uint32_t i = 0; i < thread->held.n; i++)
        if (snapshot_still_holds(recording, &thread->held.items[i]))
            add_hold_row(holds, thread, &thread->held.items[i], position++);
    for (uint32_t i = 0; i < thread->permits.n; i++)
        if (!permits_handed_over(recording, thread->permits.items[i].object))
            add_hold_row(holds, thread, &thread->permits.items[i], position++);
}

void snapshot_write(
    struct recording *recording, const struct snapshot *snapshot, const char *what, const bool *marked)
{
    GArray *threads = g_array_new(FALSE, FALSE, sizeof(struct trace_incident_thread));
    GArray *holds = g_array_new(FALSE, FALSE, sizeof(struct trace_incident_hold));
    for (guint i = 0; i < snapshot->threads->len; i++)
        add_rows(recording, snapshot->threads->pdata[i], marked && marked[i], threads, holds);
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
