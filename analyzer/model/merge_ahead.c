// SPDX-License-Identifier: MIT
// Batches of events go round: from the thread that fills them to the one that takes the events out, and back when empty. The
// first few are filled by the caller: most traces are shorter than the start of a thread is worth.
#include "merge_ahead.h"

#define BATCH_EVENTS 1024u // 64 KiB: two of them stay in a processor's second-level cache
#define BATCHES 4u         // on their way round
#define BATCHES_ALONE 16u  // filled by the caller before there is a thread

struct batch {
    unsigned n_events;
    int end; // of the trace behind these events: 0 or negative errno; 1: there are more
    struct merge_counts counts;
    struct ordered_event events[BATCH_EVENTS];
};

struct merge_ahead {
    struct merge *merge; // the thread's, once there is one
    struct batch *batch; // the caller's
    unsigned taken;      // of its events
    unsigned batches;    // filled by the caller
    GThread *thread;     // NULL: none
    GAsyncQueue *full;
    GAsyncQueue *empty;
    gint cancelled; // atomic
};

static void fill(struct merge *merge, struct batch *batch)
{
    batch->n_events = 0;
    do
        batch->end = merge_next(merge, &batch->events[batch->n_events]);
    while (batch->end == 1 && ++batch->n_events < BATCH_EVENTS);
    merge_get_counts(merge, &batch->counts);
}

static void *run(void *data)
{
    struct merge_ahead *ahead = data;
    struct batch *batch;
    do {
        batch = g_async_queue_pop(ahead->empty);
        if (g_atomic_int_get(&ahead->cancelled))
            batch->end = 0;
        else
            fill(ahead->merge, batch);
        g_async_queue_push(ahead->full, batch);
    } while (batch->end == 1);
    return NULL;
}

struct merge_ahead *merge_ahead_new(const struct model *model)
{
    struct merge_ahead *ahead = g_new0(struct merge_ahead, 1);
    ahead->merge = merge_new(model);
    ahead->batch = g_new(struct batch, 1);
    ahead->batch->n_events = 0;
    ahead->batch->end = 1;
    return ahead;
}

static void start_thread(struct merge_ahead *ahead)
{
    ahead->full = g_async_queue_new_full(g_free);
    ahead->empty = g_async_queue_new_full(g_free);
    for (unsigned i = 1; i < BATCHES; i++)
        g_async_queue_push(ahead->empty, g_new(struct batch, 1));
    ahead->thread = g_thread_try_new("merge", run, ahead, NULL); // none to be had: on with the caller alone
}

static void next_batch(struct merge_ahead *ahead)
{
    ahead->taken = 0;
    if (++ahead->batches == BATCHES_ALONE && g_get_num_processors() > 1)
        start_thread(ahead);
    if (!ahead->thread) {
        fill(ahead->merge, ahead->batch);
        return;
    }
    g_async_queue_push(ahead->empty, ahead->batch);
    ahead->batch = g_async_queue_pop(ahead->full);
}

int merge_ahead_next(struct merge_ahead *ahead, const struct ordered_event **ret_event)
{
    if (ahead->taken == ahead->batch->n_events) {
        if (ahead->batch->end == 1)
            next_batch(ahead);
        if (ahead->taken == ahead->batch->n_events)
            return ahead->batch->end;
    }
    *ret_event = &ahead->batch->events[ahead->taken++];
    return 1;
}

void merge_ahead_get_counts(const struct merge_ahead *ahead, struct merge_counts *ret_counts)
{
    *ret_counts = ahead->batch->counts;
}

void merge_ahead_free(struct merge_ahead *ahead)
{
    if (!ahead)
        return;
    if (ahead->thread) {
        g_atomic_int_set(&ahead->cancelled, 1);
        g_async_queue_push(ahead->empty, g_steal_pointer(&ahead->batch));
        g_thread_join(ahead->thread);
    }
    g_clear_pointer(&ahead->full, g_async_queue_unref);
    g_clear_pointer(&ahead->empty, g_async_queue_unref);
    g_free(ahead->batch);
    merge_free(ahead->merge);
    g_free(ahead);
}
