// SPDX-License-Identifier: MIT
// A lock's lane: who owned it above, who queued for it below. Colours are the threads' here.
#include <math.h>

#include "draw.h"
#include "lock_lane.h"

static struct colour thread_colour(const struct theme *theme, uint32_t lane)
{
    return theme_lock(theme, timeline_colour(lane + 1));
}

static void draw_entry(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    const struct lock_entry *entry)
{
    const struct span *span = timeline_span(scene->timeline, entry->ref);
    double width = scene_lanes_width(scene);
    double from = draw_clamp(axis_x(&scene->axis, (double)span->begin, width), width);
    double to = draw_clamp(axis_x(&scene->axis, (double)span->end, width), width);
    char label[128];
    scene_thread_name(scene, entry->ref.lane, label, sizeof label);
    struct draw_box box = {
        .x = scene->gutter + from,
        .y = scene_track_y(scene, row, entry->track) + 1,
        .width = to - from,
        .height = scene->track_height - 2,
        .colour = thread_colour(paint->theme, entry->ref.lane),
        .kind = span->kind,
        .flags = span->flags,
        .label = scene->track_height < 14 ? NULL
                 : entry->crowded         ? "and others"
                                          : label,
    };
    draw_box(paint, &box);
}

static void draw_counted(
    struct paint *paint, const struct scene *scene, const struct scene_row *row, const GArray *entries)
{
    struct pyramid *flat =
        pyramid_new_flat(scene->axis.from, scene->axis.to, (size_t)scene_lanes_width(scene));
    for (unsigned i = 0; i < entries->len; i++) {
        struct span_ref ref = g_array_index(entries, struct lock_entry, i).ref;
        struct pyramid_span piece =
            timeline_piece(timeline_span(scene->timeline, ref), 1, timeline_colour(ref.lane + 1));
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

    uint32_t count = lock_lane_count(scene, row);
    if (history->pyramid && count > DRAW_COUNT_MAX) {
        draw_pyramid(paint, scene, history->pyramid, row);
        return;
    }
    g_autoptr(GArray) entries = lock_lane_entries(scene, row);
    if (count > DRAW_EXACT_MAX) {
        draw_counted(paint, scene, row, entries);
        return;
    }
    for (unsigned i = 0; i < entries->len; i++)
        draw_entry(paint, scene, row, &g_array_index(entries, struct lock_entry, i));
}
