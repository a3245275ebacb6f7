// SPDX-License-Identifier: MIT
// Batches of packed events go round: from the thread that fills them to the one that takes the events out, and back when empty. The
// first few are filled by the caller: most traces are shorter than the start of a thread is worth.
#include "merge_ahead.h"

#define BATCHES 4u       // on their way round
#define BATCHES_ALONE 8u // filled by the caller before there is a thread

struct batch {
    int end; // of the trace behind these events: 0 or negative errno; 1: there are more
    struct merge_counts counts;
    struct event_batch events;
};

struct merge_ahead {
    struct merge *merge; // the thread's, once there is one
    struct batch *batch; // the caller's
    struct event_reader reader;
    unsigned batches; // filled by the caller
    GThread *thread;  // NULL: none
    GAsyncQueue *full;
    GAsyncQueue *empty;
    gint cancelled; // atomic
};

static void fill(struct merge *merge, struct batch *batch)
{
    batch->end = merge_read(merge, &batch->events);
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
    ahead->batch->end = 1;
    event_batch_begin(&ahead->batch->events, 1, 0);
    event_reader_begin(&ahead->reader, &ahead->batch->events);
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
    if (++ahead->batches == BATCHES_ALONE && g_get_num_processors() > 1)
        start_thread(ahead);
    if (ahead->thread) {
        g_async_queue_push(ahead->empty, ahead->batch);
        ahead->batch = g_async_queue_pop(ahead->full);
    } else {
        fill(ahead->merge, ahead->batch);
    }
    event_reader_begin(&ahead->reader, &ahead->batch->events);
}

struct event_reader *merge_ahead_reader(struct merge_ahead *ahead)
{
    return &ahead->reader;
}

int merge_ahead_go_on(struct merge_ahead *ahead)
{
    if (ahead->batch->end == 1)
        next_batch(ahead);
    return event_reader_next(&ahead->reader) ? 1 : ahead->batch->end;
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
