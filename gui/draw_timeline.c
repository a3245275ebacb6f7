// SPDX-License-Identifier: MIT
// The timeline as a whole: background, lanes from top to bottom, and what lies over them.
#include <math.h>
#include <string.h>

#include "call_stack.h"
#include "draw.h"

static void process_title(const struct scene *scene, const struct scene_row *row, char *ret_text, size_t size)
{
    const struct trace_process *process = model_process(scene->timeline->model, row->id);
    const char *name = process ? path_base(process->executable) : NULL;
    if (process)
        g_snprintf(
            ret_text, size, "%s (process %" G_GINT64_FORMAT ")", name ? name : "process", process->pid);
    else
        g_snprintf(ret_text, size, "process");
}

static void draw_gutter(struct paint *paint, const struct scene *scene, const struct scene_row *row)
{
    const struct theme *theme = paint->theme;
    const struct model *model = scene->timeline->model;
    double y = scene_row_y(scene, row);
    double room = scene->gutter - 22;
    char small[64] = "";
    const char *name = "?";
    if (row->kind == ROW_THREAD) {
        const struct lane *lane = &scene->timeline->lanes[row->id];
        name = lane->thread->label;
        g_snprintf(small, sizeof small, "thread %u", lane->thread->row.id);
    } else {
        const struct model_object *object = model_object(model, row->id);
        const struct object_history *history = &scene->timeline->histories[row->id];
        char waited[32];
        axis_format((double)history->wait_ticks * model->ns_per_tick, waited, sizeof waited);
        name = object->label;
        g_snprintf(small, sizeof small, "%s, %s%s", object_kind_name(object->row.kind),
            history->wait_ticks ? "waited " : "never waited", history->wait_ticks ? waited : "");
        paint_fill(paint, 0, y + 3, 4, row->height - 6, theme_lock(theme, timeline_colour(row->id)));
    }
    if (row->height >= 36) {
        paint_text(paint, name, 12, y + row->height / 2 - 8, room, TEXT_BOLD, theme->text);
        paint_text(paint, small, 12, y + row->height / 2 + 8, room, TEXT_SMALL, theme->dim);
    } else {
        double used = paint_text(
            paint, name, 12, y + row->height / 2, room, row->height < 24 ? TEXT_SMALL : 0, theme->text);
        if (used + 70 < room && row->kind == ROW_THREAD)
            paint_text(paint, small, scene->gutter - 8, y + row->height / 2, room, TEXT_SMALL | TEXT_RIGHT,
                theme->dim);
    }
}

static void draw_row(struct paint *paint, const struct scene *scene, const struct scene_row *row)
{
    const struct theme *theme = paint->theme;
    double y = scene_row_y(scene, row);
    if (row->kind == ROW_PROCESS) {
        char title[256];
        process_title(scene, row, title, sizeof title);
        paint_fill(paint, 0, y, scene->width, row->height, theme->header);
        paint_text(
            paint, title, 12, y + row->height / 2, scene->width - 24, TEXT_SMALL | TEXT_BOLD, theme->dim);
    } else {
        cairo_save(paint->cr);
        cairo_rectangle(paint->cr, scene->gutter, y, scene_lanes_width(scene), row->height);
        cairo_clip(paint->cr);
        if (row->kind == ROW_THREAD)
            draw_thread_lane(paint, scene, row);
        else
            draw_lock_lane(paint, scene, row);
        cairo_restore(paint->cr);
        draw_gutter(paint, scene, row);
    }
    paint_line(paint, 0, y + row->height - 0.5, scene->width, y + row->height - 0.5, theme->line, 1);
}

static void draw_selection(struct paint *paint, const struct scene *scene)
{
    if (!scene->selecting)
        return;
    double width = scene_lanes_width(scene);
    double from = draw_clamp(axis_x(&scene->axis, fmin(scene->select_from, scene->select_to), width), width);
    double to = draw_clamp(axis_x(&scene->axis, fmax(scene->select_from, scene->select_to), width), width);
    double top = scene->overview_height;
    double height = scene->height - top - scene->legend_height;
    struct colour accent = paint->theme->accent;
    char text[32];
    paint_fill(paint, scene->gutter + from, top, to - from, height, colour_alpha(accent, 0.14));
    paint_line(paint, scene->gutter + from, top, scene->gutter + from, top + height, accent, 1);
    paint_line(paint, scene->gutter + to, top, scene->gutter + to, top + height, accent, 1);
    axis_format(fabs(scene->select_to - scene->select_from) * scene->axis.ns_per_tick, text, sizeof text);
    double text_width = paint_text_width(paint, text, TEXT_SMALL | TEXT_BOLD) + 10;
    double x = scene->gutter + (from + to) / 2;
    paint_fill(paint, x - text_width / 2, top + 3, text_width, scene->ruler_height - 7, accent);
    paint_text(paint, text, x, top + scene->ruler_height / 2 - 1, 0, TEXT_SMALL | TEXT_BOLD | TEXT_CENTRE,
        theme_text_on(accent));
}

// With a line through all lanes, to see what the others were doing then.
static void draw_focus(struct paint *paint, const struct scene *scene)
{
    const struct scene_row *row;
    unsigned track;
    if (!scene->has_focus_span || !scene_place_of(scene, scene->focus_span, &row, &track))
        return;
    const struct span *span = timeline_span(scene->timeline, scene->focus_span);
    double width = scene_lanes_width(scene);
    double from = draw_clamp(axis_x(&scene->axis, (double)span->begin, width), width);
    double to = draw_clamp(axis_x(&scene->axis, (double)span->end, width), width);
    if (from >= 0 && from <= width)
        paint_line(paint, scene->gutter + from, scene_top(scene), scene->gutter + from,
            scene->height - scene->legend_height, colour_alpha(paint->theme->accent, 0.55), 1);
    paint_frame(paint, scene->gutter + from - 2, scene_track_y(scene, row, track) - 1, fmax(to - from, 1) + 4,
        scene->track_height + 2, paint->theme->accent, 2.5);
}

static void draw_scrollbar(struct paint *paint, const struct scene *scene)
{
    double room = scene_lanes_height(scene);
    if (scene->content_height <= room)
        return;
    double height = fmax(room * room / scene->content_height, 20);
    double y = scene_top(scene) + scene->scroll / (scene->content_height - room) * (room - height);
    paint_rounded(paint, scene->width - 7, y, 5, height, 2.5);
    paint_colour(paint, colour_alpha(paint->theme->dim, 0.6));
    cairo_fill(paint->cr);
}

void draw_timeline(struct paint *paint, const struct scene *scene)
{
    const struct theme *theme = paint->theme;
    paint_fill(paint, 0, 0, scene->width, scene->height, theme->background);
    draw_ruler(paint, scene);
    cairo_save(paint->cr);
    cairo_rectangle(paint->cr, 0, scene_top(scene), scene->width, scene_lanes_height(scene));
    cairo_clip(paint->cr);
    paint_line(
        paint, scene->gutter - 0.5, scene_top(scene), scene->gutter - 0.5, scene->height, theme->line, 1);
    for (unsigned i = 0; i < scene->rows->len; i++) {
        const struct scene_row *row = &g_array_index(scene->rows, struct scene_row, i);
        double y = row->y - scene->scroll;
        if (y + row->height >= 0 && y <= scene_lanes_height(scene))
            draw_row(paint, scene, row);
    }
    draw_arrows(paint, scene);
    draw_story(paint, scene);
    draw_focus(paint, scene);
    cairo_restore(paint->cr);
    draw_scrollbar(paint, scene);
    draw_selection(paint, scene);
    draw_overview(paint, scene);
    draw_legend(paint, scene);
}
