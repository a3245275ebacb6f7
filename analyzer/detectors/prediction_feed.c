// SPDX-License-Identifier: MIT
// Leaves out what was refused, finds out which thread a fork made, and knows two habits of CPython, whose locks are semaphores:
//
// - Its locks (PyThread_allocate_lock, mostly inlined: any semaphore that the interpreter makes) are tried first and only then
//   waited for. Such a try would have blocked, except of locks of which a try failed and no wait followed: those the program
//   merely tries (`acquire(blocking=False)`). Blind to mere tries that never failed.
// - The interpreter lock is a flag, a mutex and a condition inside _PyRuntime. Whoever waits on that condition waits for a lock,
//   not for what another thread has done; its waits and signals hand nothing on.
#include "prediction_feed.h"

#include <errno.h>

#include "call_stack.h"

struct prediction_feed {
    const struct model *model;
    GHashTable *forked;     // of struct forked *
    uint8_t *makers;        // by stack id: enum maker
    GHashTable *mere_tries; // set of object ids: not waited for after a try
    uint32_t
        *failed; // by thread id: object of the last try, when it failed and nothing has followed; 0: none
};

// Does a stack lead out of the interpreter?
enum maker { MAKER_UNKNOWN, MAKER_OTHER, MAKER_PYTHON };

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
    feed->makers = g_new0(uint8_t, model->stacks->len); // MAKER_UNKNOWN
    feed->mere_tries = g_hash_table_new(NULL, NULL);
    feed->failed = g_new0(uint32_t, model->threads->len);
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
    g_free(feed->makers);
    g_hash_table_unref(feed->mere_tries);
    g_free(feed->failed);
    g_free(feed);
}

static uint32_t forked_thread(const struct prediction_feed *feed, uint32_t thread_id, int64_t pid)
{
    struct forked key = { .forked_by = thread_id, .pid = pid };
    const struct forked *forked = g_hash_table_lookup(feed->forked, &key);
    return forked ? forked->thread_id : 0;
}

static bool is_made_by_python(const struct model *model, uint32_t stack_id)
{
    const struct model_frame *frame = model_frame(model, call_stack_top(model, stack_id));
    const struct trace_module *module = frame ? model_module(model, frame->row.module_id) : NULL;
    const char *name = module ? path_base(module->path) : NULL;
    if (name && (g_str_has_prefix(name, "python3") || g_str_has_prefix(name, "libpython3")))
        return true;
    return frame && frame->n_symbols && g_strcmp0(frame->symbols[0].function, "PyThread_allocate_lock") == 0;
}

bool prediction_feed_is_python_lock(const struct model *model, const struct model_object *object)
{
    return object && prediction_is_semaphore(object) && is_made_by_python(model, object->row.create_stack);
}

static bool is_python_lock(struct prediction_feed *feed, const struct model_object *object)
{
    uint32_t stack_id = object->row.create_stack;
    if (!prediction_is_semaphore(object) || stack_id >= feed->model->stacks->len)
        return false;
    uint8_t *maker = &feed->makers[stack_id];
    if (*maker == MAKER_UNKNOWN)
        *maker = is_made_by_python(feed->model, stack_id) ? MAKER_PYTHON : MAKER_OTHER;
    return *maker == MAKER_PYTHON;
}

// Whether a try is followed by a wait. The interpreter lets its own lock go in between.
static void watch_tries(struct prediction_feed *feed, const struct replay_step *step)
{
    uint32_t *failed = &feed->failed[step->ordered->thread_id];
    const struct trace_event *event = step->event;
    if (*failed && !(event->kind == EVENT_REQUEST && event->subject == *failed))
        g_hash_table_add(feed->mere_tries, GUINT_TO_POINTER(*failed));
    *failed = event->kind == EVENT_FAIL && event->arg == EAGAIN ? event->subject : 0;
}

static bool tries_first(struct prediction_feed *feed, const struct trace_event *event)
{
    return (event->kind == EVENT_ACQUIRE_TRY || event->kind == EVENT_FAIL) &&
           !g_hash_table_contains(feed->mere_tries, GUINT_TO_POINTER(event->subject));
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
    if (step->ordered->refused || order_wake_was_refused(event))
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
    if (step->object && is_python_lock(feed, step->object)) {
        watch_tries(feed, step);
        ret_step->tries_first = tries_first(feed, event);
    }
    return true;
}
