// SPDX-License-Identifier: MIT
// Builds all lanes, then what ties them together: each object's history over all lanes, by merging their sorted tracks.
//
// Each thread is read by itself, not in the merged order: that is several times faster and gives the same spans but for two
// things, both repaired from the histories: a lock given back by another thread, and an acquisition whose time was
// read a little early (merge.c says why). Blind to what a refused release by another thread would change.
#include "timeline.h"

#include <string.h>

#include "lane_builder.h"

#define EARLY_NS 5000.0        // as in merge.c
#define PROGRESS_EVENTS 262144 // between two calls
#define FEW_ENTRIES 512u       // a history so short needs no pyramid
#define LOOK_BACK 4096u        // entries of a history that are searched for a cause
#define LOOK_AHEAD 12u         // entries of a history whose spans are fetched before they are needed

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
    timeline->lanes = g_new0(struct lane, model->n_threads + 1);
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

static uint32_t run_subject(const struct timeline *timeline, struct span_ref ref, uint64_t *ret_key)
{
    if (ref.track == TRACK_MARKS) {
        const struct span_mark *mark = timeline_mark(timeline, ref);
        *ret_key = mark->ticks;
        return model_subject_is_object(mark->kind) ? mark->subject : 0;
    }
    const struct span *span = timeline_span(timeline, ref);
    *ret_key = span->begin;
    return span_names_object(span) ? span->subject : 0;
}

// How long the histories will be; while the lane is still near at hand.
static void count_refs(struct timeline *timeline, uint32_t number)
{
    const struct lane *lane = &timeline->lanes[number];
    uint64_t key;
    for (unsigned i = 0; i <= TRACK_MARKS; i++) {
        uint32_t count = i == TRACK_MARKS ? lane->n_marks : lane->tracks[i].count;
        for (uint32_t j = 0; j < count; j++) {
            uint32_t subject = run_subject(timeline, (struct span_ref){ number, j, (uint8_t)i }, &key);
            if (subject && subject < timeline->model->objects->len)
                timeline->histories[subject].count++;
        }
    }
}

struct reading {
    struct timeline *timeline;
    GHashTable *edges;
    timeline_progress progress;
    void *data;
    uint64_t done; // events
    bool cancelled;
};

static int read_lane(struct reading *reading, struct lane *lane)
{
    const struct model *model = reading->timeline->model;
    struct store_cursor *cursor = NULL;
    int r = store_cursor_new(model->store, lane->thread->row.id, &cursor);
    if (r < 0)
        return r;
    struct lane_builder *builder = lane_builder_new(model, lane, reading->edges);
    struct trace_event event;
    while ((r = store_cursor_next(cursor, &event)) == 1) {
        lane_builder_add(builder, &event);
        if (++reading->done % PROGRESS_EVENTS == 0 && reading->progress) {
            // Half of the work is still to come when all is read.
            double share = 0.5 * (double)reading->done / (double)MAX(model->n_events, reading->done);
            if (!reading->progress(share, reading->data)) {
                reading->cancelled = true;
                break;
            }
        }
    }
    store_cursor_free(cursor);
    const struct trace_process *process = model_process(model, lane->thread->row.process_id);
    if (!lane->ends && process && process->ended_ticks >= 0) {
        lane->end = MAX(lane->end, (uint64_t)process->ended_ticks);
        lane->ends = true;
    }
    lane_builder_finish(builder);
    return r < 0 ? r : 0;
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

static bool read_lanes(struct reading *reading, GError **error)
{
    struct timeline *timeline = reading->timeline;
    set_bounds(timeline);
    for (unsigned i = 0; i < timeline->n_lanes; i++) {
        int r = read_lane(reading, &timeline->lanes[i]);
        if (reading->cancelled) {
            g_set_error(error, MODEL_ERROR, MODEL_ERROR_CANCELLED, "cancelled");
            return false;
        }
        if (r < 0) {
            const char *message = store_message(timeline->model->store);
            g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s",
                message && *message ? message : "the trace is damaged: its events cannot be read");
            return false;
        }
        count_refs(timeline, i);
        timeline->n_spans += timeline->lanes[i].n_spans;
        timeline->n_marks += timeline->lanes[i].n_marks;
    }
    set_bounds(timeline);
    extend_lanes(timeline);
    set_bounds(timeline);
    return true;
}

// --- histories ---

struct run {
    uint64_t key;
    struct span_ref next;
    uint32_t count;
};

static bool run_before(const struct run *a, const struct run *b)
{
    return a->key != b->key ? a->key < b->key : a->next.lane < b->next.lane;
}

static void runs_sink(struct run *runs, unsigned n, unsigned at)
{
    struct run run = runs[at];
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && run_before(&runs[child + 1], &runs[child]))
            child++;
        if (!run_before(&runs[child], &run))
            break;
        runs[at] = runs[child];
        at = child;
    }
    runs[at] = run;
}

// A heap of all tracks and mark lists, the earliest beginning on top.
static GArray *make_runs(const struct timeline *timeline)
{
    GArray *runs = g_array_new(false, false, sizeof(struct run));
    for (unsigned i = 0; i < timeline->n_lanes; i++) {
        const struct lane *lane = &timeline->lanes[i];
        for (unsigned j = 0; j <= TRACK_MARKS; j++) {
            uint32_t count = j == TRACK_MARKS ? lane->n_marks : lane->tracks[j].count;
            if (!count)
                continue;
            struct run run = { .next = { .lane = i, .track = (uint8_t)j }, .count = count };
            run_subject(timeline, run.next, &run.key);
            g_array_append_val(runs, run);
        }
    }
    for (unsigned i = runs->len / 2; i-- > 0;)
        runs_sink((struct run *)(void *)runs->data, runs->len, i);
    return runs;
}

// Each history gets its stretch of refs, to be filled.
static void place_histories(struct timeline *timeline)
{
    const struct span_ref *at = timeline->refs;
    for (uint32_t i = 0; i < timeline->model->objects->len; i++) {
        timeline->histories[i].refs = at;
        at += timeline->histories[i].count;
        timeline->histories[i].count = 0;
    }
}

struct telling {
    timeline_progress progress;
    void *data;
    double from;
    double to;
};

static bool tell(const struct telling *telling, double share)
{
    return !telling->progress ||
           telling->progress(telling->from + share * (telling->to - telling->from), telling->data);
}

// False: progress said no.
static bool make_histories(struct timeline *timeline, const struct telling *telling)
{
    uint32_t n_objects = timeline->model->objects->len;
    timeline->refs = g_new(struct span_ref, timeline->n_spans + timeline->n_marks + 1);
    place_histories(timeline);
    GArray *runs = make_runs(timeline);
    struct run *heap = (struct run *)(void *)runs->data;
    unsigned n = runs->len;
    uint64_t done = 0;
    bool go_on = true;
    while (n && go_on) {
        if (++done % PROGRESS_EVENTS == 0)
            go_on = tell(telling, (double)done / (double)(timeline->n_spans + timeline->n_marks));
        uint64_t key;
        uint32_t subject = run_subject(timeline, heap->next, &key);
        if (subject && subject < n_objects) {
            struct object_history *history = &timeline->histories[subject];
            ((struct span_ref *)history->refs)[history->count++] = heap->next;
        }
        if (++heap->next.index < heap->count)
            run_subject(timeline, heap->next, &heap->key);
        else
            heap[0] = heap[--n];
        if (n)
            runs_sink(heap, n, 0);
    }
    g_array_unref(runs);
    return go_on;
}

// Two owners at once are a clock's error when they overlap by little, else a release by somebody else.
static void repair_overlap(
    struct timeline *timeline, struct span_ref first, struct span_ref second, uint64_t early)
{
    struct span *a = (struct span *)timeline_span(timeline, first);
    struct span *b = (struct span *)timeline_span(timeline, second);
    if (b->begin >= a->end)
        return;
    if (a->end - b->begin > early || b->end < a->end) {
        a->end = b->begin;
        a->flags &= (uint8_t)~SPAN_OPEN;
        return;
    }
    if (second.index) {
        struct span *wait = b - 1;
        // In this order: of a span of another lock the times may be repaired just now, by another thread.
        if (wait->kind == SPAN_WAIT_LOCK && wait->subject == b->subject && wait->end == b->begin)
            wait->end = a->end;
    }
    b->begin = a->end;
}

// A history's spans lie all over the memory; most of the time would go into waiting for them.
static void fetch_ahead(const struct timeline *timeline, const struct object_history *history, uint32_t at)
{
    if (at + LOOK_AHEAD < history->count && history->refs[at + LOOK_AHEAD].track != TRACK_MARKS)
        __builtin_prefetch(timeline_span(timeline, history->refs[at + LOOK_AHEAD]));
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

static void add_to_history_pyramid(
    const struct timeline *timeline, struct object_history *history, struct span_ref ref)
{
    if (!history->pyramid)
        return;
    struct pyramid_span piece =
        timeline_piece(timeline_span(timeline, ref), 1, timeline_colour(ref.lane + 1));
    pyramid_add(history->pyramid, &piece);
}

static void take_hold(struct timeline *timeline, struct object_history *history,
    const struct span_ref **owner, uint32_t at, uint64_t early)
{
    const struct span *span = timeline_span(timeline, history->refs[at]);
    if (*owner && !(span->flags & SPAN_SHARED))
        repair_overlap(timeline, **owner, history->refs[at], early);
    history->holds++;
    history->hold_ticks += span->end - span->begin;
    if (span->flags & SPAN_SHARED) {
        add_to_history_pyramid(timeline, history, history->refs[at]);
        return;
    }
    // Only now can its end not be repaired any more.
    if (*owner)
        add_to_history_pyramid(timeline, history, **owner);
    *owner = &history->refs[at];
}

// In one pass, as most of its time goes into fetching spans.
static void finish_history(struct timeline *timeline, struct object_history *history, uint64_t early)
{
    const struct span_ref *owner = NULL;
    if (history->count > FEW_ENTRIES)
        history->pyramid = pyramid_new(timeline->begin, timeline->end, history->count);
    for (uint32_t i = 0; i < history->count; i++) {
        fetch_ahead(timeline, history, i);
        if (history->refs[i].track == TRACK_MARKS)
            continue;
        const struct span *span = timeline_span(timeline, history->refs[i]);
        if (span->kind == SPAN_HOLD) {
            take_hold(timeline, history, &owner, i, early);
            continue;
        }
        history->waits++;
        history->wait_ticks += span->end - span->begin;
        add_to_history_pyramid(timeline, history, history->refs[i]);
    }
    if (owner)
        add_to_history_pyramid(timeline, history, *owner);
    if (history->pyramid)
        pyramid_finish(history->pyramid);
}

static void make_lane_pyramid(const struct timeline *timeline, struct lane *lane)
{
    lane->pyramid = pyramid_new(timeline->begin, timeline->end, lane->n_spans);
    for (unsigned i = 0; i < lane->n_tracks; i++)
        for (uint32_t j = 0; j < lane->tracks[i].count; j++) {
            const struct span *span = &lane->tracks[i].spans[j];
            uint8_t colour = span_names_object(span) ? timeline_colour(span->subject) : 0;
            struct pyramid_span piece = timeline_piece(span, i + 1, colour);
            pyramid_add(lane->pyramid, &piece);
        }
    pyramid_finish(lane->pyramid);
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

// --- work for all processors ---

#define WORKERS_MAX 8u

// Pieces of work that touch nothing in common, taken by whoever is free.
struct work {
    struct timeline *timeline;
    void (*piece)(struct timeline *timeline, uint32_t number);
    uint32_t n_pieces;
    int next; // atomic
    int stop; // atomic
};

static bool do_piece(struct work *work, uint32_t *ret_number)
{
    *ret_number = (uint32_t)g_atomic_int_add(&work->next, 1);
    if (*ret_number >= work->n_pieces || g_atomic_int_get(&work->stop))
        return false;
    work->piece(work->timeline, *ret_number);
    return true;
}

static void *do_work(void *data)
{
    uint32_t number;
    while (do_piece(data, &number))
        ;
    return NULL;
}

// False: progress said no, and not everything is done.
static bool share_work(struct work *work, const struct telling *telling)
{
    GThread *threads[WORKERS_MAX];
    unsigned n_threads = MIN(g_get_num_processors(), MIN(WORKERS_MAX, work->n_pieces)) - (work->n_pieces > 0);
    uint32_t number;
    for (unsigned i = 0; i < n_threads; i++)
        threads[i] = g_thread_new("timeline", do_work, work);
    while (do_piece(work, &number)) {
        if (!tell(telling, (double)(number + 1) / work->n_pieces))
            g_atomic_int_set(&work->stop, 1);
    }
    for (unsigned i = 0; i < n_threads; i++)
        g_thread_join(threads[i]);
    return !g_atomic_int_get(&work->stop) && tell(telling, 1);
}

static void history_piece(struct timeline *timeline, uint32_t number)
{
    uint64_t early = (uint64_t)(EARLY_NS / timeline->model->ns_per_tick);
    finish_history(timeline, &timeline->histories[number], early);
}

static void lane_piece(struct timeline *timeline, uint32_t number)
{
    make_lane_pyramid(timeline, &timeline->lanes[number]);
}

static bool tie_lanes(struct timeline *timeline, timeline_progress progress, void *data, GError **error)
{
    uint32_t n_objects = timeline->model->objects->len;
    // Histories share no span; once they are finished, spans are only read.
    struct work histories = { .timeline = timeline, .piece = history_piece, .n_pieces = n_objects };
    struct work lanes = { .timeline = timeline, .piece = lane_piece, .n_pieces = timeline->n_lanes };
    bool go_on = make_histories(timeline, &(struct telling){ progress, data, 0.5, 0.7 }) &&
                 share_work(&histories, &(struct telling){ progress, data, 0.7, 0.9 }) &&
                 share_work(&lanes, &(struct telling){ progress, data, 0.9, 1.0 });
    if (go_on)
        make_overview(timeline);
    else
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_CANCELLED, "cancelled");
    return go_on;
}

static GArray *edges_of(GHashTable *set)
{
    GArray *edges = g_array_new(false, false, sizeof(struct lock_edge));
    GHashTableIter iter;
    void *edge;
    g_hash_table_iter_init(&iter, set);
    while (g_hash_table_iter_next(&iter, &edge, NULL))
        g_array_append_vals(edges, edge, 1);
    return edges;
}

static int compare_edges(const void *a, const void *b)
{
    const struct lock_edge *x = a;
    const struct lock_edge *y = b;
    if (x->held != y->held)
        return x->held < y->held ? -1 : 1;
    return x->taken < y->taken ? -1 : x->taken > y->taken;
}

struct timeline *timeline_new(
    const struct model *model, timeline_progress progress, void *data, GError **error)
{
    struct timeline *timeline = g_new0(struct timeline, 1);
    timeline->model = model;
    make_lanes(timeline);
    timeline->histories = g_new0(struct object_history, model->objects->len + 1);
    struct reading reading = {
        .timeline = timeline, .edges = lane_builder_edges_new(), .progress = progress, .data = data
    };
    bool done = read_lanes(&reading, error) && tie_lanes(timeline, progress, data, error);
    timeline->edges = edges_of(reading.edges);
    g_array_sort(timeline->edges, compare_edges);
    g_hash_table_unref(reading.edges);
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
    g_array_unref(timeline->edges);
    g_free(timeline->lanes);
    g_free(timeline->lane_of_thread);
    g_free(timeline->refs);
    g_free(timeline->overview);
    g_free(timeline->histories);
    g_free(timeline);
}

// --- questions ---

static bool starts_after(const struct timeline *timeline, struct span_ref ref, uint64_t ticks)
{
    uint64_t key;
    run_subject(timeline, ref, &key);
    return key > ticks;
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
