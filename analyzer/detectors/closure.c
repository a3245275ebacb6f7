// SPDX-License-Identifier: MIT
// The closure as a work list: a thread whose target lies ahead of its position is walked event by event, and each event may
// set further targets ahead.
//
//   lock:  latest, latest_exclusive      sequence of the last acquisition in the set
//          open -> hold -> hold          critical sections of the set that its positions lie inside of, at most one per thread
//
// A hold must be closed as soon as a conflicting acquisition later in the trace is in the set. Only open holds are looked at:
// what a thread has given back by its position needs nothing. No vector clocks are kept, unlike in the paper: requirements
// followed on demand visit the same events and cost no memory per event and thread.
#include "closure.h"

#define NOTHING UINT32_MAX

struct hold_node {
    uint32_t thread_id;
    uint32_t sequence;
    uint32_t release; // position; PREDICTION_NEVER
    uint32_t next;    // index of the next hold of the lock, or of the next free node; NOTHING
    bool shared;
};

struct lock_state {
    uint32_t latest;
    uint32_t latest_exclusive;
    uint32_t open;
    bool touched;
};

struct thread_state {
    uint32_t position;
    uint32_t target;
    bool queued;
    bool touched;
};

struct closure {
    const struct prediction_trace *trace;
    enum closure_rules rules;
    bool impossible;
    uint64_t visits;
    struct thread_state *threads;
    struct lock_state *locks;
    GArray *queue;           // of uint32_t: threads to be walked
    GArray *touched_threads; // of uint32_t
    GArray *touched_locks;   // of uint32_t
    GArray *holds;           // of struct hold_node
    uint32_t free_hold;
};

struct closure *closure_new(const struct prediction_trace *trace)
{
    struct closure *closure = g_new0(struct closure, 1);
    closure->trace = trace;
    closure->threads = g_new0(struct thread_state, trace->n_threads);
    closure->locks = g_new0(struct lock_state, trace->n_objects);
    closure->queue = g_array_new(false, false, sizeof(uint32_t));
    closure->touched_threads = g_array_new(false, false, sizeof(uint32_t));
    closure->touched_locks = g_array_new(false, false, sizeof(uint32_t));
    closure->holds = g_array_new(false, false, sizeof(struct hold_node));
    closure->free_hold = NOTHING;
    return closure;
}

void closure_free(struct closure *closure)
{
    if (!closure)
        return;
    g_free(closure->threads);
    g_free(closure->locks);
    g_array_unref(closure->queue);
    g_array_unref(closure->touched_threads);
    g_array_unref(closure->touched_locks);
    g_array_unref(closure->holds);
    g_free(closure);
}

void closure_begin(struct closure *closure, enum closure_rules rules)
{
    for (unsigned i = 0; i < closure->touched_threads->len; i++)
        closure->threads[g_array_index(closure->touched_threads, uint32_t, i)] = (struct thread_state){ 0 };
    for (unsigned i = 0; i < closure->touched_locks->len; i++)
        closure->locks[g_array_index(closure->touched_locks, uint32_t, i)] = (struct lock_state){ 0 };
    g_array_set_size(closure->queue, 0);
    g_array_set_size(closure->touched_threads, 0);
    g_array_set_size(closure->touched_locks, 0);
    g_array_set_size(closure->holds, 0);
    closure->free_hold = NOTHING;
    closure->rules = rules;
    closure->impossible = false;
}

void closure_include(struct closure *closure, struct prediction_point point)
{
    struct thread_state *thread = &closure->threads[point.thread_id];
    if (point.position <= thread->target)
        return;
    if (!thread->touched)
        g_array_append_val(closure->touched_threads, point.thread_id);
    thread->touched = true;
    thread->target = point.position;
    if (!thread->queued)
        g_array_append_val(closure->queue, point.thread_id);
    thread->queued = true;
}

uint32_t closure_position(const struct closure *closure, uint32_t thread_id)
{
    return closure->threads[thread_id].position;
}

const GArray *closure_threads(const struct closure *closure)
{
    return closure->touched_threads;
}

uint64_t closure_visits(const struct closure *closure)
{
    return closure->visits;
}

// --- locks ---

static struct hold_node *hold_at(const struct closure *closure, uint32_t index)
{
    return &g_array_index(closure->holds, struct hold_node, index);
}

static struct lock_state *need_lock(struct closure *closure, uint32_t object_id)
{
    struct lock_state *lock = &closure->locks[object_id];
    if (!lock->touched) {
        g_array_append_val(closure->touched_locks, object_id);
        *lock = (struct lock_state){ .open = NOTHING, .touched = true };
    }
    return lock;
}

static void open_hold(struct closure *closure, struct lock_state *lock, const struct hold_node *hold)
{
    uint32_t index = closure->free_hold;
    if (index == NOTHING) {
        index = closure->holds->len;
        g_array_append_vals(closure->holds, hold, 1);
    } else {
        closure->free_hold = hold_at(closure, index)->next;
        *hold_at(closure, index) = *hold;
    }
    hold_at(closure, index)->next = lock->open;
    lock->open = index;
}

// Takes the hold that *link names out of its lock's list.
static void unlink_hold(struct closure *closure, uint32_t *link)
{
    uint32_t index = *link;
    struct hold_node *hold = hold_at(closure, index);
    *link = hold->next;
    hold->next = closure->free_hold;
    closure->free_hold = index;
}

// Every open hold that conflicts with a later acquisition has to be closed.
static void close_earlier(struct closure *closure, struct lock_state *lock)
{
    for (uint32_t *link = &lock->open; *link != NOTHING;) {
        struct hold_node *hold = hold_at(closure, *link);
        if (hold->sequence >= (hold->shared ? lock->latest_exclusive : lock->latest)) {
            link = &hold->next;
            continue;
        }
        if (hold->release == PREDICTION_NEVER)
            closure->impossible = true;
        else
            closure_include(closure, (struct prediction_point){ hold->thread_id, hold->release + 1 });
        unlink_hold(closure, link);
    }
}

static void visit_acquire(struct closure *closure, uint32_t thread_id, const struct prediction_event *event)
{
    struct lock_state *lock = need_lock(closure, event->subject);
    bool shared = event->role == PREDICTION_ACQUIRE_SHARED;
    lock->latest = MAX(lock->latest, event->sequence);
    if (!shared)
        lock->latest_exclusive = MAX(lock->latest_exclusive, event->sequence);
    // What this very walk is going to close need not be opened.
    if (event->link >= closure->threads[thread_id].target) {
        struct hold_node hold = {
            .thread_id = thread_id,
            .sequence = event->sequence,
            .release = event->link,
            .shared = shared,
        };
        open_hold(closure, lock, &hold);
    }
    if (lock->open != NOTHING)
        close_earlier(closure, lock);
}

static void visit_release(struct closure *closure, uint32_t thread_id, const struct prediction_event *event)
{
    struct lock_state *lock = need_lock(closure, event->subject);
    for (uint32_t *link = &lock->open; *link != NOTHING; link = &hold_at(closure, *link)->next)
        if (hold_at(closure, *link)->thread_id == thread_id) {
            unlink_hold(closure, link);
            return;
        }
}

// --- the walk ---

static void visit(struct closure *closure, uint32_t thread_id, const struct prediction_event *event)
{
    bool all = closure->rules == CLOSURE_ALL;
    closure->impossible |= all && event->fenced;
    closure->visits++;
    if (event->role != PREDICTION_STEP) {
        if (all && event->role == PREDICTION_RELEASE)
            visit_release(closure, thread_id, event);
        else if (all)
            visit_acquire(closure, thread_id, event);
        return;
    }
    if (event->link == PREDICTION_NEVER || (event->data && !all))
        return;
    const struct prediction_requirement *requirement =
        prediction_trace_requirement(closure->trace, event->link);
    do
        closure_include(closure, requirement->point);
    while (!requirement++->last);
}

bool closure_run(struct closure *closure)
{
    while (closure->queue->len && !closure->impossible) {
        uint32_t thread_id = g_array_index(closure->queue, uint32_t, closure->queue->len - 1);
        g_array_set_size(closure->queue, closure->queue->len - 1);
        struct thread_state *thread = &closure->threads[thread_id];
        while (thread->position < thread->target && !closure->impossible) {
            uint32_t position = thread->position++;
            visit(closure, thread_id, prediction_trace_event(closure->trace, thread_id, position));
        }
        thread->queued = false;
    }
    return !closure->impossible;
}
