// SPDX-License-Identifier: MIT
// Looks at snapshots. A deadlock is believed when the same threads form a cycle in two looks, with nothing undrained and
// not one event published in between: then each of them is still in the call that its last event began.
//
// That nobody is left to signal a condition or to post is a bolder claim, so more is asked: every thread of the process is
// known and waits, the kernel says of each that it sleeps in the futex its request names, and no signal handler could
// post. Whatever cannot be found out counts as a thread that may act. (A handler may not signal a condition.)
#include "incident.h"

#include "objects.h"
#include "proc.h"
#include "snapshot.h"
#include "tasks.h"

#define WAITED_SECONDS 0.2

void incident_write(struct recording *recording, GPtrArray *processes, const char *what)
{
    struct snapshot snapshot;
    snapshot_init(&snapshot, recording, processes);
    snapshot_write(recording, &snapshot, what, NULL);
    snapshot_done(&snapshot);
}

static bool waits_long(const struct recording *recording, const struct thread *thread)
{
    uint64_t now = clock_ticks(&recording->session->clock);
    uint64_t patience =
        (uint64_t)(WAITED_SECONDS * (double)clock_ticks_per_second(&recording->session->clock));
    return thread->ring && now > thread->wait.since && now - thread->wait.since > patience &&
           snapshot_wait(thread) != WATCH_RUNS;
}

static bool anybody_waits_long(const struct recording *recording, GPtrArray *processes)
{
    for (guint i = 0; i < processes->len; i++) {
        const struct process *process = processes->pdata[i];
        for (guint k = 0; k < process->live_threads->len; k++)
            if (waits_long(recording, process->live_threads->pdata[k]))
                return true;
    }
    return false;
}

static uint64_t head_of(const struct thread *thread)
{
    return atomic_load_explicit(&thread->ring->control->head, memory_order_acquire);
}

static void report(
    struct recording *recording, const struct snapshot *snapshot, const char *what, const bool *marked)
{
    snapshot_write(recording, snapshot, what, marked);
    for (guint i = 0; i < snapshot->threads->len; i++)
        if (marked[i])
            ((struct thread *)snapshot->threads->pdata[i])->reported = true;
}

// --- deadlock ---

// Heads only grow, and one is never 0 once its thread has started.
static bool seen_in_cycle_before(const struct snapshot *snapshot, const size_t *cycle, size_t length)
{
    bool same = true;
    for (size_t i = 0; i < length; i++) {
        struct thread *thread = snapshot->threads->pdata[cycle[i]];
        same &= thread->seen_in_cycle == head_of(thread);
        thread->seen_in_cycle = head_of(thread);
    }
    return same;
}

static void mark(bool *marked, size_t n, const size_t *cycle, size_t length)
{
    for (size_t i = 0; i < n; i++)
        marked[i] = false;
    for (size_t i = 0; i < length; i++)
        marked[cycle[i]] = true;
}

static const struct watch_thread *all_watch(const struct snapshot *snapshot)
{
    return (const struct watch_thread *)snapshot->watch->data;
}

// --- stuck ---

static bool needs_others(const struct watch_thread *watch)
{
    return watch->wait == WATCH_EVENT || (watch->wait == WATCH_PERMIT && !(watch->lock_like && watch->known));
}

static const struct process *process_of(const struct snapshot *snapshot, size_t index)
{
    return ((const struct thread *)snapshot->threads->pdata[index])->process;
}

static bool handler_may_post(const struct snapshot *snapshot, const struct watch_thread *watch)
{
    for (guint i = 0; i < snapshot->processes->len; i++) {
        const struct process *process = snapshot->processes->pdata[i];
        if ((!watch->scope || process->id == watch->scope) && task_handles_signals(process->pid))
            return true;
    }
    return false;
}

static const struct process *find_process(const struct snapshot *snapshot, uint32_t id)
{
    for (guint i = 0; i < snapshot->processes->len; i++) {
        const struct process *process = snapshot->processes->pdata[i];
        if (process->id == id)
            return process;
    }
    return NULL;
}

// Does the kernel agree that this thread sleeps, and is nobody but the recorded processes able to end that?
static bool surely_waits(const struct snapshot *snapshot, size_t index)
{
    const struct thread *thread = snapshot->threads->pdata[index];
    const struct watch_thread *watch = snapshot_watch(snapshot, index);
    bool of_object = watch->wait != WATCH_JOIN;
    const struct trace_object *row = of_object ? object_row(thread->process, watch->target) : NULL;
    // What is being destroyed has no row any more: then any futex will do.
    bool own = row && row->process_id == thread->process->id;
    if (thread->wait.object != OBJECT_SPINLOCK &&
        !task_sleeps_on(
            thread->process->pid, thread->tid, own ? row->address : 0, own ? row->kind : OBJECT_NONE)) {
        thread->process->hidden |= task_is_hidden(thread->process->pid, thread->tid);
        return false;
    }
    if (!needs_others(watch))
        return true;
    if (watch->wait == WATCH_PERMIT && handler_may_post(snapshot, watch))
        return false;
    const struct process *home = row ? find_process(snapshot, row->process_id) : NULL;
    return watch->scope || (home && task_memory_is_of_family(home->pid, row->address));
}

static bool has_strangers(const struct snapshot *snapshot, const struct process *process)
{
    g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < snapshot->threads->len; i++)
        if (process_of(snapshot, i) == process)
            g_hash_table_add(known, GUINT_TO_POINTER(((struct thread *)snapshot->threads->pdata[i])->tid));
    return task_has_unknown(process->pid, known);
}

static bool is_recorded(const struct snapshot *snapshot, pid_t pid)
{
    for (guint i = 0; i < snapshot->processes->len; i++)
        if (((const struct process *)snapshot->processes->pdata[i])->pid == pid)
            return true;
    return false;
}

static bool has_unrecorded_child(const struct snapshot *snapshot, const struct process *process)
{
    g_autoptr(GArray) pids = proc_descendants(process->pid);
    for (guint i = 0; i < pids->len; i++)
        if (!is_recorded(snapshot, g_array_index(pids, pid_t, i)))
            return true;
    return false;
}

// Is there a thread that Trenza does not know and that could act for this one?
static bool strangers_may_act(const struct snapshot *snapshot, const struct watch_thread *watch)
{
    for (guint i = 0; i < snapshot->processes->len; i++) {
        const struct process *process = snapshot->processes->pdata[i];
        if (watch->scope && process->id != watch->scope)
            continue;
        if (has_strangers(snapshot, process) || (!watch->scope && has_unrecorded_child(snapshot, process)))
            return true;
    }
    return false;
}

// Whoever turns out to be able to go on counts as running. True: somebody did.
static bool doubt(const struct snapshot *snapshot, const bool *stuck)
{
    bool doubted = false;
    uint32_t asked = UINT32_MAX; // the scope whose answer is known
    bool answer = false;
    for (guint i = 0; i < snapshot->watch->len; i++) {
        struct watch_thread *watch = snapshot_watch(snapshot, i);
        if (!stuck[i])
            continue;
        if (snapshot_look_behind_condition(snapshot, i)) {
            doubted = true;
            continue;
        }
        if (needs_others(watch) && watch->scope != asked) {
            asked = watch->scope;
            answer = strangers_may_act(snapshot, watch);
        }
        if ((needs_others(watch) && answer) || !surely_waits(snapshot, i) ||
            !waits_long(snapshot->recording, snapshot->threads->pdata[i])) {
            watch->wait = WATCH_RUNS;
            doubted = true;
        }
    }
    return doubted;
}

// A thread that waits for one that is in a known deadlock is not stuck by itself, and says nothing new.
static bool has_root(const struct snapshot *snapshot, const bool *stuck)
{
    for (guint i = 0; i < snapshot->watch->len; i++) {
        const struct watch_thread *watch = snapshot_watch(snapshot, i);
        if (stuck[i] && (watch->owner_gone || watch->wait == WATCH_EVENT || watch->wait == WATCH_PERMIT))
            return true;
    }
    return false;
}

static bool seen_stuck_before(const struct snapshot *snapshot, const bool *stuck)
{
    bool same = true;
    for (guint i = 0; i < snapshot->threads->len; i++) {
        struct thread *thread = snapshot->threads->pdata[i];
        if (!stuck[i])
            continue;
        same &= thread->seen_stuck == head_of(thread);
        thread->seen_stuck = head_of(thread);
    }
    return same;
}

static bool look_for_stuck(struct recording *recording, const struct snapshot *snapshot)
{
    size_t n = snapshot->watch->len;
    g_autofree bool *stuck = g_new(bool, n + 1);
    do
        if (watch_find_stuck(all_watch(snapshot), n, stuck) == 0)
            return false;
    while (doubt(snapshot, stuck));
    if (!has_root(snapshot, stuck) || !seen_stuck_before(snapshot, stuck))
        return false;
    g_autofree size_t *cycle = g_new(size_t, n + 1);
    size_t length = watch_find_cycle(all_watch(snapshot), n, stuck, cycle);
    if (length > 0) {
        mark(stuck, n, cycle, length);
        report(recording, snapshot, "deadlock", stuck);
    } else {
        report(recording, snapshot, "stuck", stuck);
    }
    return true;
}

bool incident_look(struct recording *recording, GPtrArray *processes)
{
    if (!anybody_waits_long(recording, processes))
        return false;
    struct snapshot snapshot;
    snapshot_init(&snapshot, recording, processes);
    size_t n = snapshot.watch->len;
    g_autofree size_t *cycle = g_new(size_t, n + 1);
    size_t length = watch_find_cycle(all_watch(&snapshot), n, NULL, cycle);
    bool found = false;
    if (length == 0) {
        found = look_for_stuck(recording, &snapshot);
    } else if (seen_in_cycle_before(&snapshot, cycle, length)) {
        g_autofree bool *marked = g_new(bool, n);
        mark(marked, n, cycle, length);
        report(recording, &snapshot, "deadlock", marked);
        found = true;
    }
    snapshot_done(&snapshot);
    return found;
}
