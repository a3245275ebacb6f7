// SPDX-License-Identifier: MIT
// Reads the threads, several at once: each by itself, not in the merged order, which is several times faster. The largest come first, so
// that none is left to one processor at the end. The store is one thread's at a time: who reads from it holds a lock for a block of events.
//
// Blind to other threads (lane_builder.c): what that gets wrong is repaired from the histories.
#include <string.h>

#include "lane_builder.h"
#include "timeline_private.h"
#include "work.h"

#define BLOCK_EVENTS 2048u
// What it will all come to in the end: the entry of a history, and bins of two pyramids.
#define SPAN_BYTES (sizeof(struct span) + sizeof(struct span_ref) + 3 * sizeof(struct pyramid_bin))
#define MARK_BYTES (sizeof(struct span_mark) + sizeof(struct span_ref))

struct worker_state {
    struct trace_event *events; // BLOCK_EVENTS
    uint32_t *refs;             // by object id: spans and marks of it
    struct lock_edges *edges;
};

struct reading {
    struct timeline *timeline;
    GArray *order;  // of uint32_t: lanes
    uint8_t *kinds; // enum object_kind by object id
    struct worker_state workers[WORKERS_MAX];
    GMutex store;
    char *message;  // what went wrong first; under the same lock
    uint64_t bytes; // atomic: that lanes and histories will take, as far as read
    uint64_t bytes_max;
};

static void fail(struct reading *reading, struct work *work)
{
    const char *message = store_message(reading->timeline->model->store);
    if (!reading->message)
        reading->message =
            g_strdup(message && *message ? message : "the trace is damaged: its events cannot be read");
    work_stop(work);
}

static struct store_cursor *open_cursor(struct reading *reading, struct work *work, uint32_t thread_id)
{
    struct store_cursor *cursor = NULL;
    g_mutex_lock(&reading->store);
    if (store_cursor_new(reading->timeline->model->store, thread_id, &cursor) < 0)
        fail(reading, work);
    g_mutex_unlock(&reading->store);
    return cursor;
}

// 0: there are no more, or they cannot be read.
static unsigned read_block(
    struct reading *reading, struct work *work, struct store_cursor *cursor, struct trace_event *events)
{
    g_mutex_lock(&reading->store);
    int r = store_cursor_read(cursor, events, BLOCK_EVENTS);
    if (r < 0)
        fail(reading, work);
    g_mutex_unlock(&reading->store);
    return (unsigned)MAX(r, 0);
}

static void close_cursor(struct reading *reading, struct store_cursor *cursor)
{
    g_mutex_lock(&reading->store);
    store_cursor_free(cursor);
    g_mutex_unlock(&reading->store);
}

// False: what has been read already takes more than there is.
static bool account(struct reading *reading, struct work *work, const struct lane *lane, uint64_t *bytes)
{
    const uint64_t now = lane->n_spans * SPAN_BYTES + lane->n_marks * MARK_BYTES;
    const uint64_t all = __atomic_add_fetch(&reading->bytes, now - *bytes, __ATOMIC_RELAXED);
    *bytes = now;
    if (all <= reading->bytes_max)
        return true;
    work_stop(work);
    return false;
}

// How long the histories will be; while the lane is still near at hand.
static void count_refs(const struct timeline *timeline, const struct lane *lane, uint32_t *refs)
{
    uint64_t begin;
    for (unsigned i = 0; i <= TRACK_MARKS; i++)
        for (uint32_t j = 0, n = lane_count(lane, i); j < n; j++) {
            uint32_t object_id = timeline_object_at(lane, i, j, &begin);
            if (object_id < timeline->model->objects->len)
                refs[object_id]++;
        }
}

static void end_lane(const struct model *model, struct lane *lane)
{
    const struct trace_process *process = model_process(model, lane->thread->row.process_id);
    if (!lane->ends && process && process->ended_ticks >= 0) {
        lane->end = MAX(lane->end, (uint64_t)process->ended_ticks);
        lane->ends = true;
    }
}

static void read_lane(struct work *work, unsigned worker, uint32_t number)
{
    struct reading *reading = work->data;
    struct timeline *timeline = reading->timeline;
    struct worker_state *state = &reading->workers[worker];
    uint32_t lane_number = g_array_index(reading->order, uint32_t, number);
    struct lane *lane = &timeline->lanes[lane_number];
    struct store_cursor *cursor = open_cursor(reading, work, lane->thread->row.id);
    struct lane_builder *builder =
        lane_builder_new(reading->kinds, timeline->model->objects->len, lane, state->edges, lane_number);
    uint64_t bytes = 0;
    unsigned n;
    bool go_on = true;
    while (cursor && go_on && (n = read_block(reading, work, cursor, state->events)) > 0) {
        for (unsigned i = 0; i < n; i++)
            lane_builder_add(builder, &state->events[i]);
        go_on = work_done(work, worker, n) && account(reading, work, lane, &bytes);
    }
    close_cursor(reading, cursor);
    end_lane(timeline->model, lane);
    lane_builder_finish(builder);
    count_refs(timeline, lane, state->refs);
}

static uint8_t *kinds_of_objects(const struct model *model)
{
    uint8_t *kinds = g_new0(uint8_t, model->objects->len + 1);
    for (uint32_t i = 0; i < model->objects->len; i++) {
        const struct model_object *object = model->objects->pdata[i];
        kinds[i] = object ? (uint8_t)object->row.kind : OBJECT_NONE;
    }
    return kinds;
}

static int compare_sizes(const void *a, const void *b, void *data)
{
    const struct lane *lanes = data;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    if (lanes[x].thread->row.events != lanes[y].thread->row.events)
        return lanes[x].thread->row.events > lanes[y].thread->row.events ? -1 : 1;
    return x < y ? -1 : 1;
}

static GArray *largest_first(const struct timeline *timeline)
{
    GArray *order = g_array_sized_new(false, false, sizeof(uint32_t), timeline->n_lanes);
    for (uint32_t i = 0; i < timeline->n_lanes; i++)
        g_array_append_val(order, i);
    g_array_sort_with_data(order, compare_sizes, timeline->lanes);
    return order;
}

static void begin_workers(struct reading *reading, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        reading->workers[i] = (struct worker_state){
            .events = g_new(struct trace_event, BLOCK_EVENTS),
            .refs = g_new0(uint32_t, reading->timeline->model->objects->len + 1),
            .edges = lock_edges_new(),
        };
}

static void unite_workers(struct reading *reading, unsigned n)
{
    struct timeline *timeline = reading->timeline;
    for (unsigned i = 0; i < n; i++) {
        struct worker_state *state = &reading->workers[i];
        for (uint32_t j = 1; j < timeline->model->objects->len; j++)
            timeline->histories[j].count += state->refs[j];
        if (i > 0) {
            lock_edges_add_all(reading->workers[0].edges, state->edges);
            lock_edges_free(state->edges);
        }
        g_free(state->events);
        g_free(state->refs);
    }
    timeline->edges = lock_edges_sorted(reading->workers[0].edges);
    lock_edges_free(reading->workers[0].edges);
    for (unsigned i = 0; i < timeline->n_lanes; i++) {
        timeline->n_spans += timeline->lanes[i].n_spans;
        timeline->n_marks += timeline->lanes[i].n_marks;
    }
}

static void set_error(const struct reading *reading, const struct work *work, GError **error)
{
    if (reading->message)
        g_set_error_literal(error, MODEL_ERROR, MODEL_ERROR_TRACE, reading->message);
    else if (reading->bytes > reading->bytes_max)
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_MEMORY,
            "the trace is too long to be shown on this machine: %.0f %% of its %" G_GUINT64_FORMAT
            " events fill the %.1f GB of memory that are free (a check needs far less)",
            100.0 * (double)work->done_units / (double)MAX(work->units, 1), work->units,
            (double)reading->bytes_max / 1e9);
    else
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_CANCELLED, "cancelled");
}

bool timeline_read_lanes(
    struct timeline *timeline, uint64_t bytes_max, const struct timeline_step *step, GError **error)
{
    struct reading reading = {
        .timeline = timeline,
        .order = largest_first(timeline),
        .kinds = kinds_of_objects(timeline->model),
        .bytes_max = bytes_max,
    };
    struct work work = {
        .piece = read_lane,
        .data = &reading,
        .n_pieces = timeline->n_lanes,
        .units = timeline->model->n_events,
        .progress = step->progress,
        .progress_data = step->data,
        .from = step->from,
        .to = step->to,
    };
    unsigned n_workers = work_workers(work.n_pieces, work.units);
    g_mutex_init(&reading.store);
    begin_workers(&reading, n_workers);
    bool done = work_share(&work);
    unite_workers(&reading, n_workers);
    g_mutex_clear(&reading.store);
    g_array_unref(reading.order);
    g_free(reading.kinds);
    if (!done)
        set_error(&reading, &work, error);
    g_free(reading.message);
    return done;
}
