// SPDX-License-Identifier: MIT
// Builds all lanes (timeline_read.c), then what ties them together, the history of each object (timeline_histories.c), then sums of them
// for every zoom; and answers questions about it all.
//
// Each thread is read by itself. That gives the same spans as the merged order but for two things, both repaired from the
// histories: a lock given back by another thread, and an acquisition whose time was read a little early (merge.c
// says why). Blind to what a refused release by another thread would change.
#include "timeline.h"

#include <string.h>

#include "timeline_private.h"
#include "work.h"

// Of the whole work: how much is done when all is read, and when the histories are there.
#define READ_SHARE 0.4
#define TIED_SHARE 0.85
#define TELL_SPANS 65536u
#define LOOK_BACK 4096u // entries of a history that are searched for a cause

const char *span_kind_text(enum span_kind kind)
{
    static const char *const texts[SPAN_KINDS] = { "holds", "waits for", "waits for a permit of",
        "waits for a signal of", "waits at", "waits for the end of", "waits for the once routine of",
        "is in" };
    return kind < SPAN_KINDS ? texts[kind] : "?";
}

uint8_t timeline_colour(uint32_t object_id)
{
    return (uint8_t)(object_id ? (object_id - 1) % 251 : 0);
}

uint32_t track_find(const struct track *track, uint64_t ticks)
{
    uint32_t low = 0;
    uint32_t high = track->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (track->spans[middle].end > ticks)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint32_t lane_find_mark(const struct lane *lane, uint64_t ticks)
{
    uint32_t low = 0;
    uint32_t high = lane->n_marks;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lane->marks[middle].ticks >= ticks)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct lane *timeline_lane(const struct timeline *timeline, uint32_t thread_id)
{
    if (thread_id >= timeline->model->threads->len || timeline->lane_of_thread[thread_id] == UINT32_MAX)
        return NULL;
    return &timeline->lanes[timeline->lane_of_thread[thread_id]];
}

// --- reading the threads ---

static int compare_lanes(const void *a, const void *b)
{
    const struct trace_thread *x = &((const struct lane *)a)->thread->row;
    const struct trace_thread *y = &((const struct lane *)b)->thread->row;
    if (x->process_id != y->process_id)
        return x->process_id < y->process_id ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static void make_lanes(struct timeline *timeline)
{
    const struct model *model = timeline->model;
    timeline->lanes = g_aligned_alloc0(model->n_threads + 1, sizeof(struct lane), _Alignof(struct lane));
    timeline->lane_of_thread = g_new(uint32_t, model->threads->len + 1);
    memset(timeline->lane_of_thread, 0xff, (model->threads->len + 1) * sizeof(uint32_t));
    for (unsigned i = 0; i < model->threads->len; i++) {
        const struct model_thread *thread = model->threads->pdata[i];
        if (!thread)
            continue;
        struct lane *lane = &timeline->lanes[timeline->n_lanes++];
        lane->thread = thread;
        lane->begin = (uint64_t)MAX(thread->row.started_ticks, 0);
        lane->end = (uint64_t)MAX(thread->row.ended_ticks, (int64_t)lane->begin);
        lane->ends = thread->row.ended_ticks >= 0;
    }
    qsort(timeline->lanes, timeline->n_lanes, sizeof *timeline->lanes, compare_lanes);
    for (unsigned i = 0; i < timeline->n_lanes; i++)
        timeline->lane_of_thread[timeline->lanes[i].thread->row.id] = i;
}

static void set_bounds(struct timeline *timeline)
{
    const struct model *model = timeline->model;
    timeline->begin = UINT64_MAX;
    timeline->end = 0;
    for (unsigned i = 0; i < timeline->n_lanes; i++) {
        timeline->begin = MIN(timeline->begin, timeline->lanes[i].begin);
        timeline->end = MAX(timeline->end, timeline->lanes[i].end);
    }
    for (unsigned i = 0; i < model->incidents->len; i++) {
        const struct model_incident *incident = model->incidents->pdata[i];
        timeline->end = MAX(timeline->end, (uint64_t)MAX(incident->ticks, 0));
    }
    timeline->begin = MIN(timeline->begin, timeline->end);
    if (timeline->end == timeline->begin)
        timeline->end = timeline->begin + 1;
}

// A thread that never ended lives, and keeps and waits for what it does, as long as the recording.
static void extend_lanes(struct timeline *timeline)
{
    uint64_t end = (uint64_t)MAX(store_get_number(timeline->model->store, "duration_ticks", 0), 0);
    end = MAX(end, timeline->end);
    for (unsigned i = 0; i < timeline->n_lanes; i++) {
        struct lane *lane = &timeline->lanes[i];
        if (lane->ends)
            continue;
        lane->end = end;
        for (unsigned j = 0; j < lane->n_tracks; j++) {
            struct track *track = &lane->tracks[j];
            struct span *last = track->count ? &track->spans[track->count - 1] : NULL;
            if (last && last->flags & SPAN_OPEN)
                last->end = end;
        }
    }
}

struct pyramid_span timeline_piece(const struct span *span, unsigned depth, uint8_t colour)
{
    return (struct pyramid_span){
        .begin = span->begin,
        .end = span->end,
        .kind = span->kind,
        .share = span->kind == SPAN_HOLD        ? PYRAMID_HELD
                 : span->kind == SPAN_WAIT_LOCK ? PYRAMID_CONTENDED
                                                : PYRAMID_WAITING,
        .depth = (uint8_t)depth,
        .colour = colour,
    };
}

static void make_overview(struct timeline *timeline)
{
    g_autofree struct pyramid_bin *bins = g_new(struct pyramid_bin, OVERVIEW_BINS);
    double step = (double)(timeline->end - timeline->begin) / OVERVIEW_BINS;
    timeline->overview = g_new0(struct timeline_overview, 1);
    for (unsigned i = 0; i < timeline->n_lanes; i++) {
        if (!timeline->lanes[i].n_spans)
            continue;
        pyramid_sample(timeline->lanes[i].pyramid, (double)timeline->begin, step, OVERVIEW_BINS, bins);
        for (unsigned j = 0; j < OVERVIEW_BINS; j++) {
            timeline->overview->held[j] += bins[j].share[PYRAMID_HELD] / 255.0f;
            timeline->overview->contended[j] += bins[j].share[PYRAMID_CONTENDED] / 255.0f;
        }
    }
}

static void sum_up_lane(struct work *work, unsigned worker, uint32_t number)
{
    const struct timeline *timeline = work->data;
    struct lane *lane = &timeline->lanes[number];
    lane->pyramid = pyramid_new(timeline->begin, timeline->end, lane->n_spans);
    uint32_t n = 0;
    bool go_on = true;
    for (unsigned i = 0; i < lane->n_tracks; i++)
        for (uint32_t j = 0; j < lane->tracks[i].count && go_on; j++) {
            const struct span *span = &lane->tracks[i].spans[j];
            uint8_t colour = span_names_object(span) ? timeline_colour(span->subject) : 0;
            struct pyramid_span piece = timeline_piece(span, i + 1, colour);
            pyramid_add(lane->pyramid, &piece);
            if (++n % TELL_SPANS == 0)
                go_on = work_done(work, worker, TELL_SPANS);
        }
    work_done(work, worker, n % TELL_SPANS);
    pyramid_finish(lane->pyramid);
}

static bool make_pyramids(struct timeline *timeline, const struct timeline_step *step)
{
    struct work work = {
        .piece = sum_up_lane,
        .data = timeline,
        .n_pieces = timeline->n_lanes,
        .units = timeline->n_spans,
        .progress = step->progress,
        .progress_data = step->data,
        .from = step->from,
        .to = step->to,
    };
    return work_share(&work);
}

static bool read_lanes(
    struct timeline *timeline, uint64_t bytes_max, const struct timeline_step *step, GError **error)
{
    set_bounds(timeline);
    if (!timeline_read_lanes(timeline, bytes_max, step, error))
        return false;
    set_bounds(timeline);
    extend_lanes(timeline);
    set_bounds(timeline);
    return true;
}

// Once the histories are there, spans are only read.
static bool tie_lanes(struct timeline *timeline, work_progress progress, void *data, GError **error)
{
    bool done = timeline_make_histories(
                    timeline, &(struct timeline_step){ progress, data, READ_SHARE, TIED_SHARE }) &&
                make_pyramids(timeline, &(struct timeline_step){ progress, data, TIED_SHARE, 1 });
    if (done)
        make_overview(timeline);
    else
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_CANCELLED, "cancelled");
    return done;
}

// Blind to the limits of a container; without /proc there is none.
static uint64_t free_memory(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL))
        return UINT64_MAX;
    const char *line = strstr(text, "MemAvailable:");
    return line ? 1024 * g_ascii_strtoull(line + strlen("MemAvailable:"), NULL, 10) : UINT64_MAX;
}

struct timeline *timeline_new(const struct model *model, work_progress progress, void *data, GError **error)
{
    return timeline_new_within(model, free_memory(), progress, data, error);
}

struct timeline *timeline_new_within(
    const struct model *model, uint64_t bytes_max, work_progress progress, void *data, GError **error)
{
    struct timeline *timeline = g_new0(struct timeline, 1);
    timeline->model = model;
    make_lanes(timeline);
    timeline->histories = g_new0(struct object_history, model->objects->len + 1);
    struct timeline_step reading = { progress, data, 0, READ_SHARE };
    bool done =
        read_lanes(timeline, bytes_max, &reading, error) && tie_lanes(timeline, progress, data, error);
    if (done)
        return timeline;
    timeline_free(timeline);
    return NULL;
}

void timeline_free(struct timeline *timeline)
{
    if (!timeline)
        return;
    for (unsigned i = 0; i < timeline->n_lanes; i++) {
        struct lane *lane = &timeline->lanes[i];
        for (unsigned j = 0; j < TRACKS_MAX; j++)
            g_free(lane->tracks[j].spans);
        g_free(lane->marks);
        pyramid_free(lane->pyramid);
    }
    for (uint32_t i = 0; timeline->histories && i < timeline->model->objects->len; i++)
        pyramid_free(timeline->histories[i].pyramid);
    if (timeline->edges)
        g_array_unref(timeline->edges);
    g_aligned_free(timeline->lanes);
    g_free(timeline->lane_of_thread);
    g_free(timeline->refs);
    g_free(timeline->overview);
    g_free(timeline->histories);
    g_free(timeline);
}

// --- questions ---

static bool starts_after(const struct timeline *timeline, struct span_ref ref, uint64_t ticks)
{
    uint64_t begin;
    timeline_object_at(&timeline->lanes[ref.lane], ref.track, ref.index, &begin);
    return begin > ticks;
}

uint32_t timeline_history_until(
    const struct timeline *timeline, const struct object_history *history, uint64_t ticks)
{
    uint32_t low = 0;
    uint32_t high = history->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (starts_after(timeline, history->refs[middle], ticks))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool mark_wakes(unsigned kind)
{
    return kind == EVENT_COND_SIGNAL || kind == EVENT_COND_BROADCAST || kind == EVENT_POST;
}

bool timeline_find_cause(const struct timeline *timeline, struct span_ref wait, struct span_ref *ret_cause)
{
    const struct span *span = timeline_span(timeline, wait);
    if (span->kind == SPAN_HOLD || span->kind == SPAN_BLOCKED || span->kind == SPAN_WAIT_JOIN ||
        span->flags & (SPAN_OPEN | SPAN_FAILED) || span->subject >= timeline->model->objects->len)
        return false;
    const struct object_history *history = &timeline->histories[span->subject];
    uint32_t at = timeline_history_until(timeline, history, span->end);
    uint64_t best = 0;
    for (uint32_t n = 0; at-- > 0 && n < LOOK_BACK; n++) {
        struct span_ref ref = history->refs[at];
        if (ref.lane == wait.lane)
            continue;
        if (ref.track == TRACK_MARKS) {
            if (span->kind != SPAN_WAIT_LOCK && mark_wakes(timeline_mark(timeline, ref)->kind)) {
                *ret_cause = ref;
                return true;
            }
            continue;
        }
        const struct span *other = timeline_span(timeline, ref);
        if (span->kind == SPAN_WAIT_LOCK && other->kind == SPAN_HOLD && other->end <= span->end &&
            other->end > best) {
            best = other->end;
            *ret_cause = ref;
            if (!(other->flags & SPAN_SHARED))
                return true;
        }
    }
    return best > 0;
}

bool timeline_find_owner(const struct timeline *timeline, struct span_ref wait, struct span_ref *ret_hold)
{
    const struct span *span = timeline_span(timeline, wait);
    if (span->kind != SPAN_WAIT_LOCK || span->subject >= timeline->model->objects->len)
        return false;
    const struct object_history *history = &timeline->histories[span->subject];
    // Who has it at the end of the wait matters most: it may have changed hands meanwhile.
    uint32_t at = timeline_history_until(timeline, history, span->end);
    for (uint32_t n = 0; at-- > 0 && n < LOOK_BACK; n++) {
        struct span_ref ref = history->refs[at];
        if (ref.track == TRACK_MARKS || (ref.lane == wait.lane && ref.track == wait.track))
            continue;
        const struct span *other = timeline_span(timeline, ref);
        bool still = other->end > span->begin || other->flags & SPAN_OPEN;
        if (other->kind == SPAN_HOLD && still && other->begin < span->end) {
            *ret_hold = ref;
            return true;
        }
    }
    return false;
}
