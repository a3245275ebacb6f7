// SPDX-License-Identifier: MIT
// Geometry of the timeline's picture.
#include "scene.h"

#include <math.h>

#include "lock_lane.h"

#define GUTTER_WIDE 190
#define GUTTER_NARROW 140
#define PROCESS_ROW 24
#define LANE_PAD 6 // above and below a lane's tracks
#define TRACK_MAX 28
#define TRACK_MIN 9
#define LOCKS_SHOWN 500u
#define MARGIN_SHARE 0.25 // of a finding's length, before it; twice that after it
#define SHORTEST_MARGIN_NS 2000
#define SHORTEST_SHARE 0.02 // of the trace, for a finding that is at one moment

void scene_init(struct scene *scene, const struct timeline *timeline, const struct theme *theme)
{
    *scene = (struct scene){ .timeline = timeline, .theme = theme };
    axis_init(&scene->axis, (double)timeline->begin, (double)timeline->end, timeline->model->ns_per_tick);
    scene->rows = g_array_new(false, false, sizeof(struct scene_row));
    scene->namesakes = g_new0(bool, timeline->n_lanes + 1);
    g_autoptr(GHashTable) first = g_hash_table_new(g_str_hash, g_str_equal);
    for (uint32_t i = 0; i < timeline->n_lanes; i++) {
        const char *name = timeline->lanes[i].thread->label;
        void *before;
        if (g_hash_table_lookup_extended(first, name, NULL, &before))
            scene->namesakes[i] = scene->namesakes[GPOINTER_TO_UINT(before)] = true;
        else
            g_hash_table_insert(first, (char *)name, GUINT_TO_POINTER(i));
    }
}

void scene_done(struct scene *scene)
{
    if (scene->rows)
        g_array_unref(scene->rows);
    scene->rows = NULL;
    g_clear_pointer(&scene->namesakes, g_free);
}

static void add_row(
    struct scene *scene, enum scene_row_kind kind, uint32_t id, unsigned n_tracks, unsigned n_owners)
{
    double height = kind == ROW_PROCESS ? PROCESS_ROW : n_tracks * scene->track_height + 2 * LANE_PAD;
    struct scene_row row = { kind, id, scene->content_height, height, n_tracks, n_owners };
    g_array_append_val(scene->rows, row);
    scene->content_height += height;
}

static void add_threads(struct scene *scene)
{
    uint32_t process_id = 0;
    for (uint32_t i = 0; i < scene->timeline->n_lanes; i++) {
        const struct lane *lane = &scene->timeline->lanes[i];
        if (lane->thread->row.process_id != process_id || i == 0) {
            process_id = lane->thread->row.process_id;
            add_row(scene, ROW_PROCESS, process_id, 0, 0);
        }
        add_row(scene, ROW_THREAD, i, MAX(lane->n_tracks, 1), 0);
    }
}

struct ranked {
    uint32_t id;
    const struct object_history *history;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->history->wait_ticks != y->history->wait_ticks)
        return x->history->wait_ticks > y->history->wait_ticks ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

// The locks that were waited for longest first.
static void add_locks(struct scene *scene)
{
    const struct timeline *timeline = scene->timeline;
    g_autoptr(GArray) ranked = g_array_new(false, false, sizeof(struct ranked));
    for (uint32_t i = 0; i < timeline->model->objects->len; i++) {
        struct ranked one = { i, &timeline->histories[i] };
        if (one.history->count)
            g_array_append_val(ranked, one);
    }
    g_array_sort(ranked, compare_ranked);
    for (unsigned i = 0; i < MIN(ranked->len, LOCKS_SHOWN); i++) {
        uint32_t id = g_array_index(ranked, struct ranked, i).id;
        unsigned owners;
        unsigned waiters;
        lock_lane_tracks(timeline, id, &owners, &waiters);
        add_row(scene, ROW_LOCK, id, owners + waiters, owners);
    }
}

static void add_rows(struct scene *scene, double track_height)
{
    scene->track_height = track_height;
    scene->content_height = 0;
    g_array_set_size(scene->rows, 0);
    if (scene->by_lock)
        add_locks(scene);
    else
        add_threads(scene);
}

void scene_layout(struct scene *scene, double width, double height)
{
    scene->width = width;
    scene->height = height;
    scene->gutter = width < 1200 ? GUTTER_NARROW : GUTTER_WIDE;
    scene->overview_height = height < 260 ? 0 : 40;
    scene->ruler_height = 26;
    scene->legend_height = height < 260 ? 0 : 26;
    add_rows(scene, TRACK_MAX);
    double room = scene_lanes_height(scene);
    if (scene->content_height > room) {
        double fixed = scene->content_height;
        add_rows(scene, 0);
        double flexible = fixed - scene->content_height;
        double fits = (room - scene->content_height) / fmax(flexible / TRACK_MAX, 1);
        add_rows(scene, fmin(fmax(floor(fits), TRACK_MIN), TRACK_MAX));
    }
    scene->scroll = fmin(scene->scroll, fmax(scene->content_height - room, 0));
}

const struct scene_row *scene_row_at(const struct scene *scene, double y)
{
    double at = y - scene_top(scene) + scene->scroll;
    if (y < scene_top(scene) || y >= scene_top(scene) + scene_lanes_height(scene))
        return NULL;
    unsigned low = 0;
    unsigned high = scene->rows->len;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct scene_row *row = &g_array_index(scene->rows, struct scene_row, middle);
        if (row->y + row->height <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < scene->rows->len ? &g_array_index(scene->rows, struct scene_row, low) : NULL;
}

const struct scene_row *scene_row_of_lane(const struct scene *scene, uint32_t lane)
{
    for (unsigned i = 0; i < scene->rows->len; i++) {
        const struct scene_row *row = &g_array_index(scene->rows, struct scene_row, i);
        if (row->kind == ROW_THREAD && row->id == lane)
            return row;
    }
    return NULL;
}

const struct scene_row *scene_row_of_object(const struct scene *scene, uint32_t object_id)
{
    for (unsigned i = 0; i < scene->rows->len; i++) {
        const struct scene_row *row = &g_array_index(scene->rows, struct scene_row, i);
        if (row->kind == ROW_LOCK && row->id == object_id)
            return row;
    }
    return NULL;
}

static const struct scene_row *row_of_span(const struct scene *scene, struct span_ref ref)
{
    if (!scene->by_lock)
        return scene_row_of_lane(scene, ref.lane);
    if (ref.track == TRACK_MARKS) {
        const struct span_mark *mark = timeline_mark(scene->timeline, ref);
        return model_subject_is_object(mark->kind) ? scene_row_of_object(scene, mark->subject) : NULL;
    }
    const struct span *span = timeline_span(scene->timeline, ref);
    return span_names_object(span) ? scene_row_of_object(scene, span->subject) : NULL;
}

bool scene_place_of(
    const struct scene *scene, struct span_ref ref, const struct scene_row **ret_row, unsigned *ret_track)
{
    const struct scene_row *row = row_of_span(scene, ref);
    if (!row)
        return false;
    unsigned track = ref.track == TRACK_MARKS ? 0 : ref.track;
    if (ref.track != TRACK_MARKS && row->kind == ROW_LOCK &&
        (lock_lane_count(scene, row) > SCENE_EXACT_MAX || !lock_lane_find(scene, row, ref, &track)))
        return false;
    *ret_row = row;
    *ret_track = track;
    return true;
}

void scene_thread_name(const struct scene *scene, uint32_t lane, char *ret_text, size_t size)
{
    const struct model_thread *thread = scene->timeline->lanes[lane].thread;
    if (scene->namesakes[lane])
        g_snprintf(ret_text, size, "%s (%u)", thread->label, thread->row.id);
    else
        g_strlcpy(ret_text, thread->label, size);
}

void scene_reveal_span(struct scene *scene, struct span_ref ref)
{
    const struct scene_row *row = row_of_span(scene, ref);
    if (!row)
        return;
    double room = scene_lanes_height(scene);
    if (row->y < scene->scroll)
        scene->scroll = row->y;
    else if (row->y + row->height > scene->scroll + room)
        scene->scroll = row->y + row->height - room;
}

double scene_track_y(const struct scene *scene, const struct scene_row *row, unsigned track)
{
    return scene_row_y(scene, row) + LANE_PAD + track * scene->track_height;
}

static bool thread_span_at(const struct scene *scene, const struct scene_row *row, unsigned track_id,
    double before, double after, struct span_ref *ret_span)
{
    const struct lane *lane = &scene->timeline->lanes[row->id];
    if (track_id >= lane->n_tracks)
        return false;
    const struct track *track = &lane->tracks[track_id];
    uint32_t at = track_find(track, (uint64_t)fmax(before, 0));
    if (at >= track->count || (double)track->spans[at].begin > after)
        return false;
    *ret_span = (struct span_ref){ row->id, at, (uint8_t)track_id };
    return true;
}

// The last one that is drawn there, as it lies over the others.
static bool lock_span_at(const struct scene *scene, const struct scene_row *row, unsigned track,
    double before, double after, struct span_ref *ret_span)
{
    bool found = false;
    if (lock_lane_count(scene, row) > SCENE_EXACT_MAX)
        return false;
    g_autoptr(GArray) entries = lock_lane_entries(scene, row);
    for (unsigned i = 0; i < entries->len; i++) {
        const struct lock_entry *entry = &g_array_index(entries, struct lock_entry, i);
        const struct span *span = timeline_span(scene->timeline, entry->ref);
        if (entry->track != track || (double)span->begin > after || (double)span->end < before)
            continue;
        *ret_span = entry->ref;
        found = true;
    }
    return found;
}

bool scene_span_at(const struct scene *scene, double x, double y, struct span_ref *ret_span)
{
    const struct scene_row *row = scene_row_at(scene, y);
    if (!row || row->kind == ROW_PROCESS || x < scene->gutter)
        return false;
    double track = (y - scene_track_y(scene, row, 0)) / scene->track_height;
    if (track < 0 || track >= row->n_tracks)
        return false;
    double width = scene_lanes_width(scene);
    double before = axis_time(&scene->axis, x - scene->gutter - 1.5, width);
    double after = axis_time(&scene->axis, x - scene->gutter + 1.5, width);
    return (row->kind == ROW_THREAD ? thread_span_at : lock_span_at)(
        scene, row, (unsigned)track, before, after, ret_span);
}

// One moment alone would be shown so near that nothing around it is seen.
static void widen(const struct timeline *timeline, const GArray *places, double *from, double *to)
{
    for (unsigned i = 0; i < places->len && *from == *to; i++) {
        const struct story_place *place = &g_array_index(places, struct story_place, i);
        if (!place->found || place->ref.track == TRACK_MARKS)
            continue;
        const struct span *span = timeline_span(timeline, place->ref);
        *to = fmax(*to, (double)(span->flags & SPAN_OPEN ? span->begin : span->end));
    }
    double least = (double)(timeline->end - timeline->begin) * SHORTEST_SHARE;
    *to = fmax(*to, *from + least);
}

void scene_axis_to_places(
    struct axis *axis, const struct timeline *timeline, const struct finding *finding, const GArray *places)
{
    double from;
    double to;
    if (!places || !story_range(places, &from, &to))
        return;
    if (finding->level == LEVEL_NOTE) {
        axis_fit(axis);
        return;
    }
    if (from == to)
        widen(timeline, places, &from, &to);
    double margin = fmax((to - from) * MARGIN_SHARE, SHORTEST_MARGIN_NS / axis->ns_per_tick);
    axis_show(axis, from - margin, to + 2 * margin);
}

void scene_reveal_places(struct scene *scene)
{
    for (unsigned i = scene->places ? scene->places->len : 0; i-- > 0;) {
        const struct story_place *place = &g_array_index(scene->places, struct story_place, i);
        if (place->found)
            scene_reveal_span(scene, place->ref);
    }
}
