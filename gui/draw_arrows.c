// SPDX-License-Identifier: MIT
// What ties lanes together: who let whom go on, who waits for whom, and the steps of the chosen finding.
//
// Arrows are for a close look: beyond ARROWS_MAX in view they would hide what they explain, and none is drawn.
#include <math.h>

#include "draw.h"

#define ARROWS_MAX 120u
#define SCAN_MAX 600u // waits in view that are asked for their cause

static double lane_x(const struct scene *scene, uint64_t ticks)
{
    double width = scene_lanes_width(scene);
    return scene->gutter + draw_clamp(axis_x(&scene->axis, (double)ticks, width), width);
}

// Where an arrow meets a span: the edge that faces the other lane.
static double edge_y(const struct scene *scene, const struct scene_row *row, unsigned track, double other_y)
{
    double y = scene_track_y(scene, row, track);
    return other_y > y ? y + scene->track_height - 1 : y + 1;
}

static bool visible(const struct scene *scene, uint64_t ticks)
{
    return (double)ticks >= scene->axis.from && (double)ticks <= scene->axis.to;
}

static void draw_cause(struct paint *paint, const struct scene *scene, struct span_ref wait)
{
    struct span_ref cause;
    const struct span *span = timeline_span(scene->timeline, wait);
    const struct scene_row *to_row = scene_row_of_lane(scene, wait.lane);
    if (!visible(scene, span->end) || !to_row || !timeline_find_cause(scene->timeline, wait, &cause))
        return;
    const struct scene_row *from_row = scene_row_of_lane(scene, cause.lane);
    if (!from_row || cause.lane == wait.lane)
        return;
    bool mark = cause.track == TRACK_MARKS;
    uint64_t ticks =
        mark ? timeline_mark(scene->timeline, cause)->ticks : timeline_span(scene->timeline, cause)->end;
    double to_y = scene_track_y(scene, to_row, wait.track);
    double from_y = mark ? scene_row_y(scene, from_row) + 3 : edge_y(scene, from_row, cause.track, to_y);
    paint_arrow(paint, lane_x(scene, ticks), from_y, lane_x(scene, span->end),
        edge_y(scene, to_row, wait.track, from_y), paint->theme->dim, 1.2);
}

static void draw_owner(struct paint *paint, const struct scene *scene, struct span_ref wait)
{
    struct span_ref hold;
    const struct span *span = timeline_span(scene->timeline, wait);
    const struct scene_row *from_row = scene_row_of_lane(scene, wait.lane);
    if (!from_row || !timeline_find_owner(scene->timeline, wait, &hold) || hold.lane == wait.lane)
        return;
    const struct scene_row *to_row = scene_row_of_lane(scene, hold.lane);
    if (!to_row)
        return;
    const struct span *owner = timeline_span(scene->timeline, hold);
    double x = lane_x(scene, MAX(span->begin, owner->begin)) + 14 + 26 * (wait.lane > hold.lane);
    // The arrow stays inside the picture and leaves the labels at the beginnings readable.
    x = fmin(fmax(x, scene->gutter + scene_lanes_width(scene) * 0.35),
        scene->width - 12 - 26 * (wait.lane > hold.lane));
    double to_y = scene_track_y(scene, to_row, hold.track);
    double from_y = edge_y(scene, from_row, wait.track, to_y);
    paint_arrow(paint, x, from_y, x, edge_y(scene, to_row, hold.track, from_y), paint->theme->error, 2.2);
}

static void draw_create(struct paint *paint, const struct scene *scene, uint32_t lane_id)
{
    const struct lane *lane = &scene->timeline->lanes[lane_id];
    const struct lane *creator = timeline_lane(scene->timeline, lane->thread->row.creator_id);
    if (!creator || !visible(scene, lane->begin))
        return;
    const struct scene_row *from = scene_row_of_lane(scene, (uint32_t)(creator - scene->timeline->lanes));
    const struct scene_row *to = scene_row_of_lane(scene, lane_id);
    if (!from || !to)
        return;
    double x = lane_x(scene, lane->begin);
    bool down = to->y > from->y;
    paint_arrow(paint, x - 4, scene_row_y(scene, from) + (down ? from->height - 4 : 4), x,
        scene_row_y(scene, to) + (down ? 3 : to->height - 3), paint->theme->wait, 1.2);
}

// A join that waited: from the end of the joined thread to the end of the wait.
static void draw_join(struct paint *paint, const struct scene *scene, struct span_ref wait)
{
    const struct span *span = timeline_span(scene->timeline, wait);
    const struct lane *joined = timeline_lane(scene->timeline, span->subject);
    bool waited = joined && joined->ends && joined->end >= span->begin;
    if (!waited || span->flags & (SPAN_OPEN | SPAN_FAILED) || !visible(scene, span->end))
        return;
    const struct scene_row *from = scene_row_of_lane(scene, (uint32_t)(joined - scene->timeline->lanes));
    const struct scene_row *to = scene_row_of_lane(scene, wait.lane);
    if (!from || !to || from == to)
        return;
    double from_y = scene_row_y(scene, from) + (from->y > to->y ? 3 : from->height - 3);
    paint_arrow(paint, lane_x(scene, MIN(joined->end, span->end)), from_y, lane_x(scene, span->end),
        edge_y(scene, to, wait.track, from_y), paint->theme->wait, 1.2);
}

static GArray *waits_in_view(const struct scene *scene)
{
    GArray *waits = g_array_new(false, false, sizeof(struct span_ref));
    uint64_t from = (uint64_t)fmax(scene->axis.from, 0);
    for (uint32_t i = 0; i < scene->timeline->n_lanes; i++) {
        const struct lane *lane = &scene->timeline->lanes[i];
        for (unsigned j = 0; j < lane->n_tracks; j++) {
            const struct track *track = &lane->tracks[j];
            uint32_t first = track_find(track, from);
            for (uint32_t k = first; k < track->count && (double)track->spans[k].begin <= scene->axis.to;
                 k++) {
                struct span_ref ref = { i, k, (uint8_t)j };
                if (k - first > SCAN_MAX || waits->len > SCAN_MAX) {
                    g_array_set_size(waits, 0);
                    return waits;
                }
                if (track->spans[k].kind != SPAN_HOLD)
                    g_array_append_val(waits, ref);
            }
        }
    }
    return waits;
}

void draw_arrows(struct paint *paint, const struct scene *scene)
{
    if (scene->by_lock)
        return;
    g_autoptr(GArray) waits = waits_in_view(scene);
    cairo_save(paint->cr);
    cairo_rectangle(
        paint->cr, scene->gutter, scene_top(scene), scene_lanes_width(scene), scene_lanes_height(scene));
    cairo_clip(paint->cr);
    for (unsigned i = 0; waits->len <= ARROWS_MAX && i < waits->len; i++) {
        struct span_ref wait = g_array_index(waits, struct span_ref, i);
        const struct span *span = timeline_span(scene->timeline, wait);
        if (span->kind == SPAN_WAIT_JOIN)
            draw_join(paint, scene, wait);
        else if (span->kind == SPAN_WAIT_LOCK && span->flags & SPAN_OPEN)
            draw_owner(paint, scene, wait);
        else
            draw_cause(paint, scene, wait);
    }
    for (uint32_t i = 0; scene->timeline->n_lanes <= ARROWS_MAX && i < scene->timeline->n_lanes; i++)
        draw_create(paint, scene, i);
    cairo_restore(paint->cr);
}

static void draw_step_frame(
    struct paint *paint, const struct scene *scene, const struct span *span, double y, bool current)
{
    if ((double)span->end < scene->axis.from || (double)span->begin > scene->axis.to)
        return;
    double x = lane_x(scene, span->begin);
    paint_frame(paint, x - 1, y, lane_x(scene, span->end) - x + 2, scene->track_height, paint->theme->error,
        current ? 3.5 : 2);
}

static void draw_place(
    struct paint *paint, const struct scene *scene, unsigned number, const struct story_place *place)
{
    const struct scene_row *row;
    unsigned track;
    if (!scene_place_of(scene, place->ref, &row, &track))
        return;
    double y = scene_track_y(scene, row, track);
    double x = lane_x(scene, place->ticks);
    bool mark = place->ref.track == TRACK_MARKS;
    if (!mark)
        draw_step_frame(
            paint, scene, timeline_span(scene->timeline, place->ref), y, number == scene->current_step);
    if (visible(scene, place->ticks))
        paint_badge(paint, number, mark ? x : x - 9, y + scene->track_height / 2, paint->theme->error);
}

void draw_story(struct paint *paint, const struct scene *scene)
{
    if (!scene->finding || !scene->places)
        return;
    cairo_save(paint->cr);
    cairo_rectangle(paint->cr, scene->gutter - 18, scene_top(scene), scene_lanes_width(scene) + 18,
        scene_lanes_height(scene));
    cairo_clip(paint->cr);
    for (unsigned i = 0; i < scene->places->len; i++) {
        const struct story_place *place = &g_array_index(scene->places, struct story_place, i);
        if (place->found)
            draw_place(paint, scene, i + 1, place);
    }
    cairo_restore(paint->cr);
}
