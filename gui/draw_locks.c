// SPDX-License-Identifier: MIT
// A lock's lane: who owned it on the first track, who queued for it on the two below. Colours are the threads' here.
#include <math.h>

#include "draw.h"

#define LOOK_BACK 64u // entries before the view that may reach into it

static struct colour thread_colour(const struct theme *theme, uint32_t lane)
{
    return theme_lock(theme, timeline_colour(lane + 1));
}

static void draw_entry(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    struct span_ref ref, double *queue_ends)
{
    const struct span *span = timeline_span(scene->timeline, ref);
    double width = scene_lanes_width(scene);
    double from = draw_clamp(axis_x(&scene->axis, (double)span->begin, width), width);
    double to = draw_clamp(axis_x(&scene->axis, (double)span->end, width), width);
    if (to < 0 || from > width)
        return;
    unsigned track = 0;
    if (span->kind != SPAN_HOLD) {
        track = from >= queue_ends[0] || from < queue_ends[1] ? 1 : 2;
        queue_ends[track - 1] = to;
    }
    struct draw_box box = {
        .x = scene->gutter + from,
        .y = scene_track_y(scene, row, track) + 1,
        .width = to - from,
        .height = scene->track_height - 2,
        .colour = thread_colour(paint->theme, ref.lane),
        .kind = span->kind,
        .flags = span->flags,
        .label = scene->track_height < 14 ? NULL : scene->timeline->lanes[ref.lane].thread->label,
    };
    draw_box(paint, &box);
}

static void draw_counted(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    const struct object_history *history, uint32_t first, uint32_t last)
{
    struct pyramid *flat =
        pyramid_new_flat(scene->axis.from, scene->axis.to, (size_t)scene_lanes_width(scene));
    for (uint32_t i = first; i < last; i++) {
        if (history->refs[i].track == TRACK_MARKS)
            continue;
        struct pyramid_span piece = timeline_piece(
            timeline_span(scene->timeline, history->refs[i]), 1, timeline_colour(history->refs[i].lane + 1));
        pyramid_add(flat, &piece);
    }
    pyramid_finish(flat);
    draw_density(paint, scene, pyramid_bins(flat), row);
    pyramid_free(flat);
}

void draw_lock_lane(struct paint *paint, const struct scene *scene, const struct scene_row *row)
{
    const struct object_history *history = &scene->timeline->histories[row->id];
    const struct model_object *object = model_object(scene->timeline->model, row->id);
    double width = scene_lanes_width(scene);
    double y = scene_row_y(scene, row);
    double born = object->row.created_ticks >= 0 ? (double)object->row.created_ticks : scene->axis.begin;
    double died = object->row.ended_ticks >= 0 ? (double)object->row.ended_ticks : scene->axis.end;
    double from = draw_clamp(axis_x(&scene->axis, born, width), width);
    double to = draw_clamp(axis_x(&scene->axis, died, width), width);
    paint_fill(paint, scene->gutter + from, y + 2, fmax(to - from, 1), row->height - 4, paint->theme->lane);

    uint32_t first = timeline_history_until(scene->timeline, history, (uint64_t)fmax(scene->axis.from, 0));
    uint32_t last = timeline_history_until(scene->timeline, history, (uint64_t)fmax(scene->axis.to, 0));
    if (history->pyramid && last - first > DRAW_COUNT_MAX) {
        draw_pyramid(paint, scene, history->pyramid, row);
        return;
    }
    if (last - first > DRAW_EXACT_MAX) {
        draw_counted(paint, scene, row, history, first > LOOK_BACK ? first - LOOK_BACK : 0, last);
        return;
    }
    double queue_ends[2] = { -1, -1 };
    for (uint32_t i = first > LOOK_BACK ? first - LOOK_BACK : 0; i < last; i++)
        if (history->refs[i].track != TRACK_MARKS)
            draw_entry(paint, scene, row, history->refs[i], queue_ends);
}
