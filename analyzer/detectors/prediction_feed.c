// SPDX-License-Identifier: MIT
// Leaves out what was refused, finds out which thread a fork made, and knows two habits of CPython, whose locks are semaphores:
//
// - PyThread_acquire_lock_timed tries first and only then waits. Such a try would have blocked.
// - The interpreter lock is a flag, a mutex and a condition inside _PyRuntime. Whoever waits on that condition waits for a lock,
//   not for what another thread has done; its waits and signals hand nothing on.
#include "prediction_feed.h"

#include <errno.h>
#include <string.h>

#include "call_stack.h"

struct prediction_feed {
    const struct model *model;
    GHashTable *forked;     // of struct forked *
    GByteArray *try_stacks; // by stack id: enum try_kind
};

enum try_kind { TRY_UNKNOWN, TRY_ONLY, TRY_THEN_WAIT };

struct forked {
    uint32_t forked_by; // thread
    int64_t pid;
    uint32_t thread_id; // the child's first
};

static unsigned forked_hash(const void *data)
{
    const struct forked *forked = data;
    return forked->forked_by * 2654435761u ^ (unsigned)forked->pid;
}

static gboolean forked_equal(const void *a, const void *b)
{
    const struct forked *x = a;
    const struct forked *y = b;
    return x->forked_by == y->forked_by && x->pid == y->pid;
}

struct prediction_feed *prediction_feed_new(const struct model *model)
{
    struct prediction_feed *feed = g_new0(struct prediction_feed, 1);
    feed->model = model;
    feed->forked = g_hash_table_new_full(forked_hash, forked_equal, g_free, NULL);
    feed->try_stacks = g_byte_array_new();
    for (unsigned i = 0; i < model->threads->len; i++) {
        const struct model_thread *thread = model->threads->pdata[i];
        const struct trace_process *process = thread ? model_process(model, thread->row.process_id) : NULL;
        if (!process || !process->forked_by || thread->row.creator_id)
            continue;
        struct forked forked = { process->forked_by, process->pid, thread->row.id };
        if (!g_hash_table_contains(feed->forked, &forked))
            g_hash_table_add(feed->forked, g_memdup2(&forked, sizeof forked));
    }
    return feed;
}

void prediction_feed_free(struct prediction_feed *feed)
{
    if (!feed)
        return;
    g_hash_table_unref(feed->forked);
    g_byte_array_unref(feed->try_stacks);
    g_free(feed);
}

static uint32_t forked_thread(const struct prediction_feed *feed, uint32_t thread_id, int64_t pid)
{
    struct forked key = { .forked_by = thread_id, .pid = pid };
    const struct forked *forked = g_hash_table_lookup(feed->forked, &key);
    return forked ? forked->thread_id : 0;
}

static bool calls_python_lock(const struct model *model, uint32_t stack_id)
{
    const struct model_frame *frame = model_frame(model, call_stack_top(model, stack_id));
    for (unsigned i = 0; frame && i < frame->n_symbols; i++)
        if (g_strcmp0(frame->symbols[i].function, "PyThread_acquire_lock_timed") == 0)
            return true;
    return false;
}

static bool tries_first(struct prediction_feed *feed, uint32_t stack_id)
{
    if (stack_id >= feed->model->stacks->len)
        return false;
    while (feed->try_stacks->len < feed->model->stacks->len) {
        uint8_t unknown = TRY_UNKNOWN;
        g_byte_array_append(feed->try_stacks, &unknown, 1);
    }
    uint8_t *kind = &feed->try_stacks->data[stack_id];
    if (*kind == TRY_UNKNOWN)
        *kind = calls_python_lock(feed->model, stack_id) ? TRY_THEN_WAIT : TRY_ONLY;
    return *kind == TRY_THEN_WAIT;
}

static bool is_interpreter_lock(const struct model_object *object)
{
    return object && object->row.kind == OBJECT_COND && object->row.name &&
           g_str_has_prefix(object->row.name, "_PyRuntime");
}

static uint32_t other_thread(const struct prediction_feed *feed, const struct replay_step *step)
{
    const struct trace_event *event = step->event;
    if (event->kind == EVENT_FORK)
        return forked_thread(feed, step->ordered->thread_id, event->arg);
    return model_subject_is_thread(event->kind) && model_thread(feed->model, event->subject) ? event->subject
                                                                                             : 0;
}

static bool counts(const struct replay_step *step)
{
    const struct trace_event *event = step->event;
    if (step->ordered->refused)
        return false;
    if (model_subject_is_object(event->kind))
        return step->object != NULL;
    return event->kind == EVENT_CREATE || event->kind == EVENT_FORK || event->kind == EVENT_JOIN_REQUEST ||
           event->kind == EVENT_JOIN || event->kind == EVENT_JOIN_FAILED || event->kind == EVENT_CANCEL ||
           event->kind == EVENT_LOST || event->kind == EVENT_THREAD_START;
}

bool prediction_feed_step(struct prediction_feed *feed, struct replay *replay, const struct replay_step *step,
    struct prediction_step *ret_step)
{
    const struct trace_event *event = step->event;
    uint32_t thread_id = step->ordered->thread_id;
    if (!counts(step))
        return false;
    bool wakes = event->kind == EVENT_COND_WAKE;
    bool has_mutex = !wakes || order_wake_has_mutex(event);
    *ret_step = (struct prediction_step){
        .sequence = step->ordered->sequence,
        .thread_id = thread_id,
        .stack = event->stack ? event->stack : step->thread->request.stack,
        .segment = thread_order_segment(replay_thread_order(replay), thread_id),
        .other_thread = other_thread(feed, step),
        .object = step->object,
        .mutex = has_mutex ? step->mutex : NULL,
        .error = wakes ? (int64_t)chunk_arg_code(event->arg) : event->arg,
        .kind = event->kind,
        .timed = event->kind == EVENT_JOIN_REQUEST && event->arg == 1,
        .owner_died = step->ordered->owner_died || (wakes && chunk_arg_code(event->arg) == EOWNERDEAD),
        .lock_only = is_interpreter_lock(step->object),
    };
    if (prediction_is_semaphore(step->object) &&
        (event->kind == EVENT_ACQUIRE_TRY || event->kind == EVENT_FAIL))
        ret_step->tries_first = tries_first(feed, event->stack);
    return true;
}
