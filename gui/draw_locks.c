// SPDX-License-Identifier: MIT
// A lock's lane: who owned it on the first track, who queued for it on the two below. Colours are the threads' here.
#include <math.h>

#include "draw.h"

#define SPANS_MAX 4000u // looked at; beyond that only what is a pixel wide is drawn

static struct colour thread_colour(const struct theme *theme, uint32_t lane)
{
    return theme_lock(theme, lane);
}

// The first entry of the history that may reach into view: entries are sorted by beginning, so this looks back a little.
static uint32_t first_in_view(const struct scene *scene, const struct object_history *history)
{
    uint32_t low = 0;
    uint32_t high = history->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct span_ref ref = history->refs[middle];
        uint64_t begin = ref.track == TRACK_MARKS ? timeline_mark(scene->timeline, ref)->ticks
                                                  : timeline_span(scene->timeline, ref)->begin;
        if ((double)begin > scene->axis.from)
            high = middle;
        else
            low = middle + 1;
    }
    return low > 64 ? low - 64 : 0;
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

    double queue_ends[2] = { -1, -1 };
    double pixel = (scene->axis.to - scene->axis.from) / width;
    double drawn_until[2] = { -INFINITY, -INFINITY };
    uint32_t looked = 0;
    for (uint32_t i = first_in_view(scene, history); i < history->count; i++) {
        struct span_ref ref = history->refs[i];
        if (ref.track == TRACK_MARKS)
            continue;
        const struct span *span = timeline_span(scene->timeline, ref);
        if ((double)span->begin > scene->axis.to)
            break;
        // Dense stretches: one box per pixel and track is all that can be seen.
        double *until = &drawn_until[span->kind != SPAN_HOLD];
        if (++looked > SPANS_MAX && (double)span->end < *until + pixel)
            continue;
        *until = (double)span->end;
        draw_entry(paint, scene, row, ref, queue_ends);
    }
}
