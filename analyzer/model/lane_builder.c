// SPDX-License-Identifier: MIT
// Follows one thread: what it holds, on which track, and what it waits for.
//
// A lock goes to the lowest free track when it is asked for and stays there until it is given back, so a wait is followed by
// its hold on the same track and nested locks lie below the outer ones. Spans are stored when they end, which is the
// order of their beginnings too, as a track has one at a time.
//
// Blind to other threads: a lock given back by somebody else seems to be held on (timeline.c repairs that).
#include "lane_builder.h"

#include <string.h>

#include "order_rules.h"

struct open_span {
    struct span span;
    unsigned depth; // of recursion
    unsigned track;
};

struct lane_builder {
    const uint8_t *kinds; // by object id
    uint32_t n_kinds;
    struct lane *lane;
    struct lock_edges *edges;
    uint32_t lane_number;
    GArray *holds; // of struct open_span, in order of acquisition
    struct open_span wait;
    bool waiting;
    struct open_span released; // the last hold that ended, in case its release turns out to be refused
    uint32_t tracks_used;      // a bit per track
    unsigned crowd;            // holds beyond the last track
};

struct lane_builder *lane_builder_new(
    const uint8_t *kinds, uint32_t n_kinds, struct lane *lane, struct lock_edges *edges, uint32_t lane_number)
{
    struct lane_builder *builder = g_new0(struct lane_builder, 1);
    builder->kinds = kinds;
    builder->n_kinds = n_kinds;
    builder->lane = lane;
    builder->edges = edges;
    builder->lane_number = lane_number;
    builder->holds = g_array_new(false, false, sizeof(struct open_span));
    return builder;
}

static void store_span(struct lane_builder *builder, unsigned track_id, const struct span *span)
{
    struct track *track = &builder->lane->tracks[track_id];
    if (track->count == track->capacity) {
        track->capacity = track->capacity ? track->capacity * 2 : 16;
        track->spans = g_renew(struct span, track->spans, track->capacity);
    }
    track->spans[track->count++] = *span;
    builder->lane->n_tracks = MAX(builder->lane->n_tracks, track_id + 1);
    builder->lane->n_spans++;
}

static void add_mark(struct lane_builder *builder, const struct trace_event *event)
{
    struct lane *lane = builder->lane;
    if (lane->n_marks == lane->marks_capacity) {
        lane->marks_capacity = lane->marks_capacity ? lane->marks_capacity * 2 : 16;
        lane->marks = g_renew(struct span_mark, lane->marks, lane->marks_capacity);
    }
    lane->marks[lane->n_marks++] = (struct span_mark){
        .ticks = event->ticks, .subject = event->subject, .stack = event->stack, .kind = event->kind
    };
}

// The last track is shared by all that find no other: it holds one span for the whole crowd.
static unsigned take_track(struct lane_builder *builder)
{
    for (unsigned i = 0; i < TRACKS_MAX - 1; i++)
        if (!(builder->tracks_used & 1u << i)) {
            builder->tracks_used |= 1u << i;
            return i;
        }
    builder->crowd++;
    return TRACKS_MAX - 1;
}

static void free_track(struct lane_builder *builder, unsigned track)
{
    if (track == TRACKS_MAX - 1)
        builder->crowd--;
    else
        builder->tracks_used &= ~(1u << track);
}

static void close_span(struct lane_builder *builder, struct open_span *open, uint64_t ticks, unsigned flags)
{
    struct span *span = &open->span;
    span->end = MAX(ticks, span->begin);
    span->flags |= (uint8_t)flags;
    struct track *last = &builder->lane->tracks[TRACKS_MAX - 1];
    if (open->track != TRACKS_MAX - 1) {
        store_span(builder, open->track, span);
    } else if (last->count && last->spans[last->count - 1].end >= span->begin) {
        // A long one that ends late may reach back over several.
        while (last->count && last->spans[last->count - 1].end >= span->begin) {
            const struct span *covered = &last->spans[--last->count];
            span->begin = MIN(span->begin, covered->begin);
            span->end = MAX(span->end, covered->end);
            builder->lane->n_spans--;
        }
        span->flags |= SPAN_CROWD;
        span->subject = 0;
        store_span(builder, open->track, span);
    } else {
        store_span(builder, open->track, span);
    }
}

static void add_edges(struct lane_builder *builder, const struct span *taken)
{
    for (unsigned i = 0; i < builder->holds->len; i++) {
        const struct span *held = &g_array_index(builder->holds, struct open_span, i).span;
        const struct lock_edge edge = {
            .held = held->subject,
            .taken = taken->subject,
            .count = 1,
            .thread_id = builder->lane->thread->row.id,
            .held_stack = held->stack,
            .taken_stack = taken->stack,
        };
        lock_edges_add(builder->edges, &edge, builder->lane_number);
    }
}

static void end_wait(struct lane_builder *builder, uint64_t ticks, unsigned flags)
{
    if (!builder->waiting)
        return;
    // Whoever waits for ever wanted it in this order, too.
    if (flags & SPAN_OPEN && builder->wait.span.kind == SPAN_WAIT_LOCK)
        add_edges(builder, &builder->wait.span);
    close_span(builder, &builder->wait, ticks, flags);
    free_track(builder, builder->wait.track);
    builder->waiting = false;
}

static void begin_wait(struct lane_builder *builder, const struct trace_event *event, enum span_kind kind)
{
    end_wait(builder, event->ticks, SPAN_FAILED);
    builder->waiting = true;
    builder->wait = (struct open_span){
        .span = { .begin = event->ticks, .subject = event->subject, .stack = event->stack, .kind = kind },
        .track = take_track(builder),
    };
    if (event_is_shared(event->kind))
        builder->wait.span.flags |= SPAN_SHARED;
    if (event->kind == EVENT_REQUEST_TIMED || event->kind == EVENT_REQUEST_TIMED_SHARED)
        builder->wait.span.flags |= SPAN_TIMED;
}

static struct open_span *find_hold(struct lane_builder *builder, uint32_t object_id)
{
    for (unsigned i = builder->holds->len; i-- > 0;) {
        struct open_span *open = &g_array_index(builder->holds, struct open_span, i);
        if (open->span.subject == object_id)
            return open;
    }
    return NULL;
}

static void begin_hold(
    struct lane_builder *builder, const struct trace_event *event, uint32_t object_id, uint32_t stack)
{
    struct open_span *known = find_hold(builder, object_id);
    if (known) {
        known->depth++;
        return;
    }
    struct open_span open = {
        .span = { .begin = event->ticks, .subject = object_id, .stack = stack, .kind = SPAN_HOLD },
        .depth = 1,
        .track = take_track(builder),
    };
    if (event_is_shared(event->kind))
        open.span.flags |= SPAN_SHARED;
    add_edges(builder, &open.span);
    g_array_append_val(builder->holds, open);
}

static void end_hold(
    struct lane_builder *builder, uint32_t object_id, uint64_t ticks, uint32_t stack, unsigned flags)
{
    struct open_span *open = find_hold(builder, object_id);
    builder->released.depth = 0;
    if (!open || --open->depth > 0)
        return;
    open->span.end_stack = stack;
    close_span(builder, open, ticks, flags);
    free_track(builder, open->track);
    builder->released = *open;
    builder->released.depth = 1;
    g_array_remove_index(builder->holds, (unsigned)(open - (struct open_span *)(void *)builder->holds->data));
}

// The release just before did not take effect: the hold goes on.
static void undo_release(struct lane_builder *builder, uint32_t object_id)
{
    struct open_span *open = &builder->released;
    struct track *track = &builder->lane->tracks[open->track];
    if (!open->depth || open->span.subject != object_id || open->track == TRACKS_MAX - 1 ||
        builder->tracks_used & 1u << open->track || !track->count)
        return;
    track->count--;
    builder->lane->n_spans--;
    builder->tracks_used |= 1u << open->track;
    g_array_append_val(builder->holds, *open);
    open->depth = 0;
}

static enum object_kind kind_of(const struct lane_builder *builder, uint32_t object_id)
{
    return object_id < builder->n_kinds ? builder->kinds[object_id] : OBJECT_NONE;
}

static bool has_owner(const struct lane_builder *builder, uint32_t object_id)
{
    enum object_kind kind = kind_of(builder, object_id);
    return kind == OBJECT_MUTEX || kind == OBJECT_RWLOCK || kind == OBJECT_SPINLOCK;
}

static void acquire(struct lane_builder *builder, const struct trace_event *event)
{
    uint32_t stack = event->stack;
    if (!stack && builder->waiting)
        stack = builder->wait.span.stack;
    end_wait(builder, event->ticks, 0);
    if (has_owner(builder, event->subject))
        begin_hold(builder, event, event->subject, stack);
    else
        add_mark(builder, event);
}

static void condition_wait(struct lane_builder *builder, const struct trace_event *event)
{
    end_hold(builder, chunk_arg_object(event->arg), event->ticks, event->stack, 0);
    begin_wait(builder, event, SPAN_WAIT_COND);
    if (chunk_arg_code(event->arg))
        builder->wait.span.flags |= SPAN_TIMED;
}

// It was no wait: the hold that seemed to end goes on.
static void refuse_wait(struct lane_builder *builder, const struct trace_event *event)
{
    uint32_t mutex_id = chunk_arg_object(event->arg);
    struct open_span *known = find_hold(builder, mutex_id);
    if (builder->waiting)
        free_track(builder, builder->wait.track);
    builder->waiting = false;
    if (known) // recursive
        known->depth++;
    else
        undo_release(builder, mutex_id);
    add_mark(builder, event);
}

static void condition_wake(struct lane_builder *builder, const struct trace_event *event)
{
    if (order_wake_was_refused(event)) {
        refuse_wait(builder, event);
        return;
    }
    uint32_t stack = builder->waiting ? builder->wait.span.stack : event->stack;
    end_wait(builder, event->ticks, chunk_arg_code(event->arg) ? SPAN_FAILED : 0);
    uint32_t mutex_id = chunk_arg_object(event->arg);
    if (order_wake_has_mutex(event) && has_owner(builder, mutex_id))
        begin_hold(builder, event, mutex_id, stack);
}

static void lose_all(struct lane_builder *builder, uint64_t ticks, unsigned flags)
{
    end_wait(builder, ticks, flags);
    while (builder->holds->len) {
        struct open_span *open = &g_array_index(builder->holds, struct open_span, 0);
        open->depth = 1;
        end_hold(builder, open->span.subject, ticks, 0, flags);
    }
}

static enum span_kind wait_kind(const struct lane_builder *builder, uint32_t object_id)
{
    return kind_of(builder, object_id) == OBJECT_SEMAPHORE ? SPAN_WAIT_SEMAPHORE : SPAN_WAIT_LOCK;
}

void lane_builder_add(struct lane_builder *builder, const struct trace_event *event)
{
    builder->lane->end = MAX(builder->lane->end, event->ticks);
    if (event_is_request(event->kind)) {
        begin_wait(builder, event, wait_kind(builder, event->subject));
        return;
    }
    if (event_is_acquire(event->kind)) {
        acquire(builder, event);
        return;
    }
    switch (event->kind) {
    case EVENT_RELEASE:
        if (!find_hold(builder, event->subject))
            add_mark(builder, event); // of what it does not hold: there is no span that could end
        end_hold(builder, event->subject, event->ticks, event->stack, 0);
        break;
    case EVENT_RELEASE_FAILED:
        undo_release(builder, event->subject);
        add_mark(builder, event);
        break;
    case EVENT_COND_WAIT:
        condition_wait(builder, event);
        break;
    case EVENT_COND_WAKE:
        condition_wake(builder, event);
        break;
    case EVENT_BARRIER_ARRIVE:
        begin_wait(builder, event, SPAN_WAIT_BARRIER);
        break;
    case EVENT_ONCE_REQUEST:
        begin_wait(builder, event, SPAN_WAIT_ONCE);
        break;
    case EVENT_JOIN_REQUEST:
        begin_wait(builder, event, SPAN_WAIT_JOIN);
        break;
    case EVENT_BLOCK_BEGIN:
        begin_wait(builder, event, SPAN_BLOCKED);
        break;
    case EVENT_BARRIER_LEAVE:
    case EVENT_ONCE_BEGIN:
    case EVENT_ONCE_DONE:
    case EVENT_JOIN:
    case EVENT_BLOCK_END:
        end_wait(builder, event->ticks, 0);
        break;
    case EVENT_FAIL:
        if (!builder->waiting)
            add_mark(builder, event);
        end_wait(builder, event->ticks, SPAN_FAILED);
        break;
    case EVENT_JOIN_FAILED:
        end_wait(builder, event->ticks, SPAN_FAILED);
        break;
    case EVENT_OBJECT_END:
        end_hold(builder, event->subject, event->ticks, event->stack, 0);
        break;
    case EVENT_LOST:
        lose_all(builder, event->ticks, SPAN_FAILED);
        add_mark(builder, event);
        break;
    case EVENT_OBJECT:
    case EVENT_THREAD_START:
    case EVENT_THREAD_NAME:
    case EVENT_READ:
    case EVENT_WRITE:
        break;
    default:
        add_mark(builder, event);
        break;
    }
}

void lane_builder_finish(struct lane_builder *builder)
{
    lose_all(builder, builder->lane->end, SPAN_OPEN);
    g_array_unref(builder->holds);
    g_free(builder);
}
