// SPDX-License-Identifier: MIT
// Counts: a signal lets one of those go that wait, a broadcast all; who leaves after a time-out or a cancellation takes no
// signal with it. Blind where a signal comes in the moment between the request to wait and the waiting itself, from a thread
// that does not hold the mutex.
#include "waiters.h"

struct condition {
    GArray *waiting;    // of struct waiter
    unsigned signalled; // of these
    struct wake_up last;
};

struct waiters {
    GHashTable *conditions; // object.id -> struct condition
};

static void condition_free(void *data)
{
    struct condition *condition = data;
    g_array_unref(condition->waiting);
    g_free(condition);
}

struct waiters *waiters_new(void)
{
    struct waiters *waiters = g_new0(struct waiters, 1);
    waiters->conditions = g_hash_table_new_full(NULL, NULL, NULL, condition_free);
    return waiters;
}

void waiters_free(struct waiters *waiters)
{
    if (!waiters)
        return;
    g_hash_table_unref(waiters->conditions);
    g_free(waiters);
}

static struct condition *find(const struct waiters *waiters, uint32_t id)
{
    return g_hash_table_lookup(waiters->conditions, GUINT_TO_POINTER(id));
}

static struct condition *need(struct waiters *waiters, uint32_t id)
{
    struct condition *condition = find(waiters, id);
    if (condition)
        return condition;
    condition = g_new0(struct condition, 1);
    condition->waiting = g_array_new(false, false, sizeof(struct waiter));
    g_hash_table_insert(waiters->conditions, GUINT_TO_POINTER(id), condition);
    return condition;
}

static void remove_waiter(struct condition *condition, uint32_t thread_id, bool woken)
{
    for (unsigned i = 0; i < condition->waiting->len; i++)
        if (g_array_index(condition->waiting, struct waiter, i).thread_id == thread_id) {
            g_array_remove_index(condition->waiting, i);
            condition->signalled -= woken && condition->signalled > 0;
            break;
        }
    condition->signalled = MIN(condition->signalled, condition->waiting->len);
}

static void wake_up(struct condition *condition, const struct ordered_event *event)
{
    bool all = event->event.kind == EVENT_COND_BROADCAST;
    condition->last = (struct wake_up){
        .thread_id = event->thread_id,
        .stack = event->event.stack,
        .ticks = event->event.ticks,
        .sequence = event->sequence,
        .broadcast = all,
    };
    condition->signalled =
        all ? condition->waiting->len : MIN(condition->signalled + 1, condition->waiting->len);
}

// A thread that is over waits no more.
static void forget_thread(struct waiters *waiters, uint32_t thread_id)
{
    GHashTableIter each;
    void *condition;
    g_hash_table_iter_init(&each, waiters->conditions);
    while (g_hash_table_iter_next(&each, NULL, &condition))
        remove_waiter(condition, thread_id, false);
}

void waiters_apply(struct waiters *waiters, const struct ordered_event *event)
{
    const struct trace_event *e = &event->event;
    switch (e->kind) {
    case EVENT_COND_WAIT: {
        struct waiter waiter = {
            .thread_id = event->thread_id,
            .mutex = chunk_arg_object(e->arg),
            .stack = e->stack,
            .ticks = e->ticks,
            .sequence = event->sequence,
            .timed = chunk_arg_code(e->arg) == 1,
        };
        g_array_append_val(need(waiters, e->subject)->waiting, waiter);
        break;
    }
    case EVENT_COND_WAKE:
        remove_waiter(need(waiters, e->subject), event->thread_id, chunk_arg_code(e->arg) == 0);
        break;
    case EVENT_COND_SIGNAL:
    case EVENT_COND_BROADCAST:
        wake_up(need(waiters, e->subject), event);
        break;
    case EVENT_DESTROY:
    case EVENT_OBJECT_END:
        if (!event->refused)
            g_hash_table_remove(waiters->conditions, GUINT_TO_POINTER(e->subject));
        break;
    case EVENT_LOST:
        forget_thread(waiters, event->thread_id);
        break;
    default:
        break;
    }
}

const struct waiter *waiters_at(const struct waiters *waiters, uint32_t cond_id, unsigned *ret_n)
{
    const struct condition *condition = find(waiters, cond_id);
    *ret_n = condition ? condition->waiting->len : 0;
    return *ret_n ? &g_array_index(condition->waiting, struct waiter, 0) : NULL;
}

unsigned waiters_unsignalled(const struct waiters *waiters, uint32_t cond_id)
{
    const struct condition *condition = find(waiters, cond_id);
    return condition ? condition->waiting->len - condition->signalled : 0;
}

struct wake_up waiters_last_wake_up(const struct waiters *waiters, uint32_t cond_id)
{
    const struct condition *condition = find(waiters, cond_id);
    return condition ? condition->last : (struct wake_up){ 0 };
}
