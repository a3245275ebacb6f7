// SPDX-License-Identifier: MIT
// A k-way merge by time, corrected twice.
//
// 1. Clock. The processor may read the time of an acquisition before the lock instruction has finished, so it can be early by a
//    cache miss; a release's cannot be late. An acquisition therefore sorts as late as that error allows, but never behind
//    the next event of its thread whose time is good:
//
//        key(acquisition) = min(its time + EARLY, time of the thread's next event that is no acquisition)
//        key(any other)   = its time
//
//    If A's release truly came before B's acquisition, A's release now sorts first.
//
// 2. Rules. What still comes too early by order_rules.h is held back, and its thread with it, until what it waits for has
//    been merged. That costs no memory: a held thread's cursor stands still. It ends when PATIENCE has passed in the
//    trace, or nothing else is left, or the thread that ought to act is over; then the event is let through and counted.
//
// Threads are opened when the merge reaches their start and closed at their end.
#include "merge.h"

#include <errno.h>

#define LOOK_AHEAD 64u         // events, a power of two
#define EARLY_NS 5000.0        // an acquisition's time may be early by this much
#define PATIENCE_NS 50000000.0 // an event is held back at most this long
#define REFUSAL_DISTANCE                                                                                     \
    8u // a ..._FAILED event comes at most this many events behind (a signal handler's lie between)

struct stream {
    uint32_t thread_id;
    uint64_t start; // ticks
    uint64_t key;
    uint64_t last_key;
    struct store_cursor *cursor;
    struct trace_event *ahead; // a ring of LOOK_AHEAD events
    unsigned first;
    unsigned count;
    bool drained; // the cursor has come to its end
};

struct merge {
    const struct model *model;
    struct order_rules *rules;
    GPtrArray *waiting;  // of struct stream *, not opened yet, by start, the last one first
    GPtrArray *heap;     // of struct stream *, by key: the smallest is [0]
    GPtrArray *held;     // of struct stream *, held back
    struct stream *over; // its end is to be told next
    struct merge_counts counts;
    uint64_t early;    // ticks
    uint64_t patience; // ticks
    uint64_t sequence;
};

// --- a thread's stream ---

static struct trace_event *stream_at(const struct stream *stream, unsigned n)
{
    return &stream->ahead[(stream->first + n) & (LOOK_AHEAD - 1)];
}

// Makes sure of n events ahead, as far as there are so many. 0 or negative errno.
static int stream_fill(struct stream *stream, unsigned n)
{
    while (stream->count < n && !stream->drained) {
        int r = store_cursor_next(stream->cursor, stream_at(stream, stream->count));
        if (r < 0)
            return r;
        if (r == 0)
            stream->drained = true;
        else
            stream->count++;
    }
    return 0;
}

// Events whose time is taken after something that may have blocked or missed the cache.
static bool may_be_early(unsigned kind)
{
    return event_is_acquire(kind) || kind == EVENT_COND_WAKE || kind == EVENT_JOIN ||
           kind == EVENT_BARRIER_LEAVE || kind == EVENT_OWNER_DIED || kind == EVENT_THREAD_START ||
           kind == EVENT_OBJECT;
}

static int stream_set_key(struct stream *stream, uint64_t early)
{
    int r = stream_fill(stream, 1);
    if (r < 0 || !stream->count)
        return r;
    uint64_t key = stream_at(stream, 0)->ticks;
    if (may_be_early(stream_at(stream, 0)->kind)) {
        uint64_t limit = key + early;
        key = limit;
        for (unsigned i = 1; i < LOOK_AHEAD; i++) {
            r = stream_fill(stream, i + 1);
            if (r < 0)
                return r;
            if (i >= stream->count || stream_at(stream, i)->ticks >= limit)
                break;
            if (!may_be_early(stream_at(stream, i)->kind)) {
                key = stream_at(stream, i)->ticks;
                break;
            }
        }
    }
    stream->key = stream->last_key = MAX(key, stream->last_key);
    return 0;
}

static unsigned refusal_of(unsigned kind)
{
    switch (kind) {
    case EVENT_RELEASE:
    case EVENT_POST:
        return EVENT_RELEASE_FAILED;
    case EVENT_DESTROY:
        return EVENT_DESTROY_FAILED;
    case EVENT_CREATE:
        return EVENT_CREATE_FAILED;
    case EVENT_EXEC:
        return EVENT_EXEC_FAILED;
    default:
        return EVENT_NONE;
    }
}

// What the events behind the first one say about it.
static int stream_look(struct stream *stream, struct ordered_event *ret_event)
{
    const struct trace_event *event = stream_at(stream, 0);
    *ret_event = (struct ordered_event){ .event = *event, .thread_id = stream->thread_id };
    if (event->kind == EVENT_COND_WAKE)
        ret_event->owner_died = chunk_arg_code(event->arg) == EOWNERDEAD;
    unsigned refusal = refusal_of(event->kind);
    bool acquires = event_is_acquire(event->kind);
    bool waits = event->kind == EVENT_COND_WAIT;
    if (!refusal && !acquires && !waits)
        return 0;
    int r = stream_fill(stream, acquires ? 2 : REFUSAL_DISTANCE);
    for (unsigned i = 1; i < MIN(stream->count, REFUSAL_DISTANCE); i++) {
        const struct trace_event *next = stream_at(stream, i);
        if (next->subject != event->subject)
            continue;
        if (acquires && next->kind == EVENT_OWNER_DIED)
            ret_event->owner_died = true;
        if (refusal && next->kind == refusal)
            ret_event->refused = next->arg ? next->arg : EINVAL;
        if (waits && order_wake_was_refused(next))
            ret_event->refused = chunk_arg_code(next->arg);
        break;
    }
    return r;
}

static void stream_close(struct stream *stream)
{
    store_cursor_free(stream->cursor);
    g_free(stream->ahead);
    stream->cursor = NULL;
    stream->ahead = NULL;
}

static void stream_free(void *data)
{
    stream_close(data);
    g_free(data);
}

// --- the heap ---

static bool comes_before(const struct stream *a, const struct stream *b)
{
    return a->key != b->key ? a->key < b->key : a->thread_id < b->thread_id;
}

static void heap_push(GPtrArray *heap, struct stream *stream)
{
    g_ptr_array_add(heap, stream);
    struct stream **all = (struct stream **)heap->pdata;
    unsigned at = heap->len - 1;
    while (at && comes_before(stream, all[(at - 1) / 2])) {
        all[at] = all[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    all[at] = stream;
}

// Puts the stream at the top where it belongs after its key has changed.
static void heap_sink(GPtrArray *heap)
{
    struct stream **all = (struct stream **)heap->pdata;
    struct stream *stream = all[0];
    unsigned at = 0;
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= heap->len)
            break;
        if (child + 1 < heap->len && comes_before(all[child + 1], all[child]))
            child++;
        if (!comes_before(all[child], stream))
            break;
        all[at] = all[child];
        at = child;
    }
    all[at] = stream;
}

static void heap_pop(GPtrArray *heap)
{
    struct stream *last = heap->pdata[heap->len - 1];
    g_ptr_array_set_size(heap, (int)heap->len - 1);
    if (heap->len) {
        heap->pdata[0] = last;
        heap_sink(heap);
    }
}

// --- the merge ---

static int by_start_descending(const void *a, const void *b)
{
    const struct stream *x = *(struct stream *const *)a;
    const struct stream *y = *(struct stream *const *)b;
    if (x->start != y->start)
        return x->start < y->start ? 1 : -1;
    return x->thread_id < y->thread_id ? 1 : -1;
}

struct merge *merge_new(const struct model *model)
{
    struct merge *merge = g_new0(struct merge, 1);
    merge->model = model;
    merge->rules = order_rules_new(model);
    merge->early = (uint64_t)(EARLY_NS / model->ns_per_tick);
    merge->patience = (uint64_t)(PATIENCE_NS / model->ns_per_tick);
    merge->waiting = g_ptr_array_new_with_free_func(stream_free);
    merge->heap = g_ptr_array_new();
    merge->held = g_ptr_array_new();
    for (unsigned i = 0; i < model->threads->len; i++) {
        const struct model_thread *thread = model->threads->pdata[i];
        if (!thread)
            continue;
        struct stream *stream = g_new0(struct stream, 1);
        stream->thread_id = thread->row.id;
        stream->start = thread->row.started_ticks > 0 ? (uint64_t)thread->row.started_ticks : 0;
        g_ptr_array_add(merge->waiting, stream);
    }
    g_ptr_array_sort(merge->waiting, by_start_descending);
    return merge;
}

// Opens every thread that starts no later than the first event in the heap.
static int open_streams(struct merge *merge)
{
    while (merge->waiting->len && !merge->over) {
        struct stream *stream = merge->waiting->pdata[merge->waiting->len - 1];
        const struct stream *first = merge->heap->len ? merge->heap->pdata[0] : NULL;
        if (first && stream->start > first->key)
            return 0;
        g_ptr_array_steal_index(merge->waiting, merge->waiting->len - 1);
        int r = store_cursor_new(merge->model->store, stream->thread_id, &stream->cursor);
        stream->ahead = g_new(struct trace_event, LOOK_AHEAD);
        if (r == 0)
            r = stream_set_key(stream, merge->early);
        if (r < 0) {
            stream_free(stream);
            return r;
        }
        if (stream->count)
            heap_push(merge->heap, stream);
        else
            merge->over = stream;
    }
    return 0;
}

// Which of the held streams may go on, or must because nothing else can; NULL: none.
static struct stream *oldest_held(const struct merge *merge)
{
    struct stream *oldest = NULL;
    for (unsigned i = 0; i < merge->held->len; i++)
        if (!oldest || comes_before(merge->held->pdata[i], oldest))
            oldest = merge->held->pdata[i];
    return oldest;
}

static int release_held(struct merge *merge)
{
    for (unsigned i = 0; i < merge->held->len;) {
        struct stream *stream = merge->held->pdata[i];
        struct ordered_event event;
        int r = stream_look(stream, &event);
        if (r < 0)
            return r;
        enum order_verdict verdict = order_rules_ask(merge->rules, &event);
        if (verdict == ORDER_TOO_EARLY) {
            i++;
            continue;
        }
        g_ptr_array_remove_index_fast(merge->held, i);
        heap_push(merge->heap, stream);
        merge->counts.repaired += verdict == ORDER_ALLOWED;
    }
    return 0;
}

// The stream's first event goes out.
static int emit(struct merge *merge, struct stream *stream, struct ordered_event *event)
{
    event->sequence = ++merge->sequence;
    bool may_free = order_rules_apply(merge->rules, event);
    merge->counts.events++;
    stream->first = (stream->first + 1) & (LOOK_AHEAD - 1);
    stream->count--;
    int r = stream_set_key(stream, merge->early);
    if (r < 0)
        return r;
    if (stream->count) {
        heap_sink(merge->heap);
    } else {
        heap_pop(merge->heap);
        merge->over = stream;
    }
    return may_free && merge->held->len ? release_held(merge) : 0;
}

static int emit_end(struct merge *merge, struct ordered_event *ret_event)
{
    struct stream *stream = g_steal_pointer(&merge->over);
    *ret_event = (struct ordered_event){ .thread_id = stream->thread_id, .sequence = ++merge->sequence };
    ret_event->event.ticks = stream->last_key;
    order_rules_apply(merge->rules, ret_event);
    stream_free(stream);
    return merge->held->len ? release_held(merge) : 0;
}

// Gives up on the oldest held event when it has waited long enough: it comes first from now on.
static struct stream *give_up(struct merge *merge)
{
    struct stream *oldest = oldest_held(merge);
    if (!oldest)
        return NULL;
    const struct stream *first = merge->heap->len ? merge->heap->pdata[0] : NULL;
    if (first && first->key <= oldest->key + merge->patience)
        return NULL;
    g_ptr_array_remove_fast(merge->held, oldest);
    oldest->key = 0; // before everything else; its next event gets a good key again
    heap_push(merge->heap, oldest);
    merge->counts.unresolved++;
    return oldest;
}

int merge_next(struct merge *merge, struct ordered_event *ret_event)
{
    for (;;) {
        int r = open_streams(merge);
        if (r < 0)
            return r;
        if (merge->over) {
            r = emit_end(merge, ret_event);
            return r < 0 ? r : 1;
        }
        struct stream *forced = merge->held->len ? give_up(merge) : NULL;
        if (!merge->heap->len)
            return 0;
        struct stream *stream = merge->heap->pdata[0];
        r = stream_look(stream, ret_event);
        if (r < 0)
            return r;
        enum order_verdict verdict =
            stream == forced ? ORDER_ALLOWED : order_rules_ask(merge->rules, ret_event);
        if (verdict == ORDER_TOO_EARLY) {
            heap_pop(merge->heap);
            g_ptr_array_add(merge->held, stream);
            continue;
        }
        merge->counts.unresolved += verdict == ORDER_HOPELESS;
        r = emit(merge, stream, ret_event);
        return r < 0 ? r : 1;
    }
}

void merge_get_counts(const struct merge *merge, struct merge_counts *ret_counts)
{
    *ret_counts = merge->counts;
}

void merge_free(struct merge *merge)
{
    if (!merge)
        return;
    if (merge->over)
        stream_free(merge->over);
    for (unsigned i = 0; i < merge->heap->len; i++)
        stream_free(merge->heap->pdata[i]);
    for (unsigned i = 0; i < merge->held->len; i++)
        stream_free(merge->held->pdata[i]);
    g_ptr_array_unref(merge->waiting);
    g_ptr_array_unref(merge->heap);
    g_ptr_array_unref(merge->held);
    order_rules_free(merge->rules);
    g_free(merge);
}
