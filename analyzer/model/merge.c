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
#include <limits.h>
#include <string.h>

#include "tournament.h"

#define LOOK_AHEAD 64u         // events
#define BLOCK_EVENTS 512u      // read at once, with those left over from the last time
#define EARLY_NS 5000.0        // an acquisition's time may be early by this much
#define PATIENCE_NS 50000000.0 // an event is held back at most this long
#define REFUSAL_DISTANCE                                                                                     \
    8u // a ..._FAILED event comes at most this many events behind (a signal handler's lie between)

// What is known of a thread's next events:
//
//   events    | out | out | out |  x  |  x  |  x  |  .  |  .  |  .  |
//                                first               ready           count
//
//   keys, odd: of x. The others are too near the end of what has been read: what decides on theirs may be behind it.
struct block {
    uint64_t keys[BLOCK_EVENTS];
    bool odd[BLOCK_EVENTS]; // no plain event, or one behind it may say more about it
    struct trace_event events[BLOCK_EVENTS];
};

struct stream {
    uint32_t thread_id;
    unsigned first;
    unsigned ready;
    unsigned count;
    struct block *block;
    uint64_t key;
    uint64_t last_key;
    unsigned place; // in the tournament
    bool drained;   // the cursor has come to its end
    uint64_t start; // ticks
    struct store_cursor *cursor;
};

struct merge {
    const struct model *model;
    struct order_rules *rules;
    const struct order_locks *locks; // of the rules
    GPtrArray *waiting;              // of struct stream *, not opened yet, by start, the last one first
    uint64_t next_start;             // of these, the smallest; UINT64_MAX: none
    struct tournament going;         // of struct stream *: those that may go on, by key
    GPtrArray *held;                 // of struct stream *, held back
    struct stream *over;             // its end is to be told next
    struct merge_counts counts;
    uint64_t early;    // ticks
    uint64_t patience; // ticks
    uint64_t sequence;
    uint64_t last_ticks; // of the last event in a batch
};

// --- a thread's stream ---

#define KIND(id) (UINT64_C(1) << EVENT_##id)

// Events whose time is taken after something that may have blocked or missed the cache.
static const uint64_t early_kinds =
    KIND(ACQUIRE) | KIND(ACQUIRE_SHARED) | KIND(ACQUIRE_TIMED) | KIND(ACQUIRE_TIMED_SHARED) |
    KIND(ACQUIRE_TRY) | KIND(ACQUIRE_TRY_SHARED) | KIND(COND_WAKE) | KIND(JOIN) | KIND(BARRIER_LEAVE) |
    KIND(OWNER_DIED) | KIND(THREAD_START) | KIND(OBJECT);
// Events that say something about one in front of them.
static const uint64_t telling_kinds = KIND(RELEASE_FAILED) | KIND(DESTROY_FAILED) | KIND(CREATE_FAILED) |
                                      KIND(EXEC_FAILED) | KIND(OWNER_DIED) | KIND(COND_WAKE);

static bool is_one_of(unsigned kind, uint64_t kinds)
{
    return kinds >> kind & 1;
}

// The keys of all events that are ready.
static void stream_prepare(struct stream *stream, uint64_t early)
{
    struct block *block = stream->block;
    unsigned good = UINT_MAX; // the nearest event behind whose time is good
    uint64_t good_ticks = UINT64_MAX;
    for (unsigned i = stream->count; i-- > 0;) {
        // All ones or zeros instead of a branch: what kind comes next is as good as random.
        const uint64_t ticks = block->events[i].ticks;
        const uint64_t is_early = 0 - (early_kinds >> block->events[i].kind & 1);
        const uint64_t limit = ticks + early;
        const uint64_t next_good = good - i < LOOK_AHEAD ? good_ticks : UINT64_MAX;
        block->keys[i] = (MIN(limit, next_good) & is_early) | (ticks & ~is_early);
        good_ticks = (good_ticks & is_early) | (ticks & ~is_early);
        good = (good & (unsigned)is_early) | (i & ~(unsigned)is_early);
    }
    for (unsigned i = 0; i < stream->ready; i++)
        block->keys[i] = stream->last_key = MAX(block->keys[i], stream->last_key);
}

static void stream_mark_odd(struct stream *stream, unsigned from, unsigned to)
{
    struct block *block = stream->block;
    const bool all = stream->thread_id > EVENT_BATCH_THREAD_MAX;
    for (unsigned i = from; i < to; i++) {
        const struct trace_event *event = &block->events[i];
        block->odd[i] = all | !is_one_of(event->kind, ORDER_PLAIN_KINDS) | (event->arg != 0);
        if (!block->odd[i] || !is_one_of(event->kind, telling_kinds))
            continue;
        for (unsigned k = i < REFUSAL_DISTANCE ? 0 : i - REFUSAL_DISTANCE; k <= i; k++)
            block->odd[k] = true;
    }
}

// Reads on when nothing is ready. 0 or negative errno.
static int stream_fill(struct stream *stream, uint64_t early)
{
    struct block *block = stream->block;
    const unsigned left = stream->count - stream->first;
    memmove(block->events, block->events + stream->first, left * sizeof *block->events);
    memmove(block->odd, block->odd + stream->first, left * sizeof *block->odd);
    stream->first = 0;
    stream->count = left;
    while (stream->count < BLOCK_EVENTS && !stream->drained) {
        int r =
            store_cursor_read(stream->cursor, block->events + stream->count, BLOCK_EVENTS - stream->count);
        if (r < 0)
            return r;
        stream_mark_odd(stream, stream->count, stream->count + (unsigned)r);
        stream->count += (unsigned)r;
        stream->drained = r == 0;
    }
    stream->ready = stream->drained ? stream->count : stream->count - LOOK_AHEAD + 1;
    stream_prepare(stream, early);
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
static void stream_look_behind(const struct stream *stream, struct ordered_event *event)
{
    const unsigned kind = event->event.kind;
    if (kind == EVENT_COND_WAKE)
        event->owner_died = chunk_arg_code(event->event.arg) == EOWNERDEAD;
    const unsigned refusal = refusal_of(kind);
    const bool acquires = event_is_acquire(kind);
    const bool waits = kind == EVENT_COND_WAIT;
    if (!refusal && !acquires && !waits)
        return;
    for (unsigned i = stream->first + 1; i < MIN(stream->count, stream->first + REFUSAL_DISTANCE); i++) {
        const struct trace_event *next = &stream->block->events[i];
        if (next->subject != event->event.subject)
            continue;
        if (acquires && next->kind == EVENT_OWNER_DIED)
            event->owner_died = true;
        if (refusal && next->kind == refusal)
            event->refused = next->arg ? next->arg : EINVAL;
        if (waits && order_wake_was_refused(next))
            event->refused = chunk_arg_code(next->arg);
        break;
    }
}

static inline void stream_look(const struct stream *stream, struct ordered_event *ret_event)
{
    *ret_event = (struct ordered_event){
        .event = stream->block->events[stream->first],
        .thread_id = stream->thread_id,
    };
    if (stream->block->odd[stream->first])
        stream_look_behind(stream, ret_event);
}

static void stream_close(struct stream *stream)
{
    store_cursor_free(stream->cursor);
    g_free(stream->block);
    stream->cursor = NULL;
    stream->block = NULL;
}

static void stream_free(void *data)
{
    stream_close(data);
    g_free(data);
}

static bool comes_before(const struct stream *a, const struct stream *b)
{
    return a->key != b->key ? a->key < b->key : a->thread_id < b->thread_id;
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

static void note_next_start(struct merge *merge)
{
    const struct stream *next = merge->waiting->len ? merge->waiting->pdata[merge->waiting->len - 1] : NULL;
    merge->next_start = next ? next->start : UINT64_MAX;
}

struct merge *merge_new(const struct model *model)
{
    struct merge *merge = g_new0(struct merge, 1);
    merge->model = model;
    merge->rules = order_rules_new(model);
    merge->locks = order_rules_locks(merge->rules);
    merge->early = (uint64_t)(EARLY_NS / model->ns_per_tick);
    merge->patience = (uint64_t)(PATIENCE_NS / model->ns_per_tick);
    merge->waiting = g_ptr_array_new_with_free_func(stream_free);
    tournament_init(&merge->going);
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
    note_next_start(merge);
    return merge;
}

static void let_go_on(struct merge *merge, struct stream *stream)
{
    tournament_play(&merge->going, stream->place, stream->key, stream->thread_id);
}

// Opens every thread that starts no later than the first event of those that go on.
static int open_streams(struct merge *merge)
{
    while (merge->waiting->len && !merge->over && merge->next_start <= tournament_best_key(&merge->going)) {
        struct stream *stream = g_ptr_array_steal_index(merge->waiting, merge->waiting->len - 1);
        note_next_start(merge);
        int r = store_cursor_new(merge->model->store, stream->thread_id, &stream->cursor);
        stream->block = g_new(struct block, 1);
        if (r == 0)
            r = stream_fill(stream, merge->early);
        if (r < 0) {
            stream_free(stream);
            return r;
        }
        if (stream->count) {
            stream->block->odd[0] = true; // may a thread begin?
            stream->key = stream->block->keys[0];
            stream->place = tournament_enter(&merge->going, stream);
            let_go_on(merge, stream);
        } else {
            merge->over = stream;
        }
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

static void release_held(struct merge *merge)
{
    for (unsigned i = 0; i < merge->held->len;) {
        struct stream *stream = merge->held->pdata[i];
        struct ordered_event event;
        stream_look(stream, &event);
        enum order_verdict verdict = order_rules_ask(merge->rules, &event);
        if (verdict == ORDER_TOO_EARLY) {
            i++;
            continue;
        }
        g_ptr_array_remove_index_fast(merge->held, i);
        let_go_on(merge, stream);
        merge->counts.repaired += verdict == ORDER_ALLOWED;
    }
}

// The stream's next event enters.
static int advance(struct merge *merge, struct stream *stream)
{
    if (G_UNLIKELY(++stream->first == stream->ready)) {
        int r = stream->drained ? 0 : stream_fill(stream, merge->early);
        if (r < 0)
            return r;
        if (stream->first == stream->ready) {
            tournament_leave(&merge->going, stream->place);
            merge->over = stream;
            return 0;
        }
    }
    stream->key = stream->block->keys[stream->first];
    let_go_on(merge, stream);
    return 0;
}

static void emit_end(struct merge *merge, struct event_batch *batch)
{
    struct stream *stream = g_steal_pointer(&merge->over);
    struct ordered_event event = { .thread_id = stream->thread_id, .sequence = ++merge->sequence };
    event.event.ticks = stream->last_key;
    order_rules_apply(merge->rules, &event);
    event_batch_put(batch, &event);
    stream_free(stream);
    release_held(merge);
}

// Gives up on the oldest held event when it has waited long enough: it comes first from now on.
static struct stream *give_up(struct merge *merge)
{
    struct stream *oldest = oldest_held(merge);
    if (!oldest)
        return NULL;
    if (tournament_best(&merge->going) && tournament_best_key(&merge->going) <= oldest->key + merge->patience)
        return NULL;
    g_ptr_array_remove_fast(merge->held, oldest);
    oldest->key = 0; // before everything else; its next event gets a good key again
    let_go_on(merge, oldest);
    merge->counts.unresolved++;
    return oldest;
}

// The first event of a stream, when there may be more to say of it than what it says itself. ORDER_NOT_PASSED: it is held back.
static unsigned emit_slowly(
    struct merge *merge, struct stream *stream, bool forced, struct event_batch *batch)
{
    struct ordered_event event;
    stream_look(stream, &event);
    enum order_verdict verdict = forced ? ORDER_ALLOWED : order_rules_ask(merge->rules, &event);
    if (verdict == ORDER_TOO_EARLY) {
        tournament_rest(&merge->going, stream->place);
        g_ptr_array_add(merge->held, stream);
        return ORDER_NOT_PASSED;
    }
    merge->counts.unresolved += verdict == ORDER_HOPELESS;
    event.sequence = ++merge->sequence;
    const bool may_free = order_rules_apply(merge->rules, &event);
    event_batch_put(batch, &event);
    return ORDER_PASSED | (may_free ? ORDER_MAY_FREE : 0);
}

// The same for nearly all events. ORDER_NOT_PASSED: this one is not of them, and nothing has been done.
static inline unsigned emit_plainly(
    struct merge *merge, const struct stream *stream, struct event_batch *batch)
{
    const struct trace_event *event = &stream->block->events[stream->first];
    if (stream->block->odd[stream->first] || !event_batch_is_near(batch, event->ticks))
        return ORDER_NOT_PASSED;
    const unsigned passed = order_rules_pass(merge->locks, stream->thread_id, event);
    if (!passed)
        return ORDER_NOT_PASSED;
    merge->sequence++;
    event_batch_put_plain(batch, event, stream->thread_id, passed & ORDER_OWN);
    return passed;
}

// One event, or what has to be done before one can come. 1: there are more.
static int step(struct merge *merge, struct event_batch *batch)
{
    if (merge->next_start <= tournament_best_key(&merge->going)) {
        int r = open_streams(merge);
        if (r < 0)
            return r;
    }
    if (merge->over) {
        emit_end(merge, batch);
        return 1;
    }
    const struct stream *forced = merge->held->len ? give_up(merge) : NULL;
    struct stream *stream = tournament_best(&merge->going);
    if (!stream)
        return 0;
    unsigned passed = forced ? ORDER_NOT_PASSED : emit_plainly(merge, stream, batch);
    if (!passed)
        passed = emit_slowly(merge, stream, stream == forced, batch);
    if (!passed)
        return 1;
    merge->counts.events++;
    int r = advance(merge, stream);
    if (G_UNLIKELY(merge->held->len) && passed & ORDER_MAY_FREE)
        release_held(merge);
    return r < 0 ? r : 1;
}

int merge_read(struct merge *merge, struct event_batch *ret_batch)
{
    int r = 1;
    event_batch_begin(ret_batch, merge->sequence + 1, merge->last_ticks);
    while (r == 1 && event_batch_has_room(ret_batch))
        r = step(merge, ret_batch);
    merge->last_ticks = ret_batch->last_ticks;
    return r;
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
    for (unsigned i = 0; i < merge->going.places; i++)
        if (merge->going.players[i])
            stream_free(merge->going.players[i]);
    g_ptr_array_unref(merge->waiting);
    tournament_done(&merge->going);
    g_ptr_array_unref(merge->held);
    order_rules_free(merge->rules);
    g_free(merge);
}
