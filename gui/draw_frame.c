// SPDX-License-Identifier: MIT
// What surrounds the lanes: overview, ruler, legend, and the names in the gutter.
#include <math.h>
#include <string.h>

#include "draw.h"

#define RULER_MARK_PX 110

// The most of the pieces that a pixel covers, so that nothing short is lost.
static double overview_at(const float *values, int at, int n)
{
    unsigned from = (unsigned)((double)at / n * OVERVIEW_BINS);
    unsigned to = MAX(from + 1, (unsigned)((double)(at + 1) / n * OVERVIEW_BINS));
    double most = 0;
    for (unsigned i = from; i < MIN(to, OVERVIEW_BINS); i++)
        most = fmax(most, (double)values[i]);
    return most;
}

static double overview_maximum(const struct timeline_overview *overview)
{
    double most = 1e-9;
    for (unsigned i = 0; i < OVERVIEW_BINS; i++)
        most = fmax(most, (double)fmaxf(overview->held[i], overview->contended[i]));
    return most;
}

// Columns of pixels are drawn into an image first: thousands of little rectangles would be slow.
static void draw_columns(struct paint *paint, const struct scene *scene, int n, int room)
{
    const struct theme *theme = paint->theme;
    const struct timeline_overview *overview = scene->timeline->overview;
    double most = overview_maximum(overview);
    uint32_t held = colour_pixel(colour_mix(theme->header, theme->wait, 0.5));
    uint32_t heat = colour_pixel(theme->heat);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, n, room);
    unsigned char *pixels = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (int i = 0; i < n; i++) {
        double held_at = overview_at(overview->held, i, n);
        double contended_at = overview_at(overview->contended, i, n);
        int held_height = held_at > 0 ? (int)fmax(held_at / most * room, 2) : 0;
        int heat_height = contended_at > 0 ? (int)fmax(contended_at / most * room, 2) : 0;
        for (int j = 0; j < MIN(MAX(held_height, heat_height), room); j++)
            ((uint32_t *)(void *)(pixels + (room - 1 - j) * stride))[i] = j < heat_height ? heat : held;
    }
    cairo_surface_mark_dirty(surface);
    cairo_set_source_surface(paint->cr, surface, scene->gutter, scene->overview_height - 3 - room);
    cairo_paint(paint->cr);
    cairo_surface_destroy(surface);
}

static struct colour level_colour(const struct theme *theme, const struct finding *finding)
{
    return finding->level == LEVEL_ERROR     ? theme->error
           : finding->level == LEVEL_WARNING ? theme->warning
                                             : theme->note;
}

static void draw_finding_marks(struct paint *paint, const struct scene *scene, double width)
{
    for (unsigned i = 0; scene->marks && i < scene->marks->len; i++) {
        const struct scene_mark *mark = &g_array_index(scene->marks, struct scene_mark, i);
        double share = (mark->ticks - scene->axis.begin) / (scene->axis.end - scene->axis.begin);
        double x = scene->gutter + fmin(fmax(share, 0), 1) * width;
        double size = mark->finding == scene->finding ? 6 : 4;
        paint_colour(paint, level_colour(paint->theme, mark->finding));
        cairo_move_to(paint->cr, x - size, 1);
        cairo_line_to(paint->cr, x + size, 1);
        cairo_line_to(paint->cr, x, 1 + size * 1.6);
        cairo_close_path(paint->cr);
        cairo_fill(paint->cr);
    }
}

void draw_overview(struct paint *paint, const struct scene *scene)
{
    if (scene->overview_height <= 0)
        return;
    const struct theme *theme = paint->theme;
    double width = scene_lanes_width(scene);
    paint_fill(paint, 0, 0, scene->width, scene->overview_height, theme->header);
    draw_columns(paint, scene, (int)width, (int)scene->overview_height - 14);

    double length = scene->axis.end - scene->axis.begin;
    double from = fmax((scene->axis.from - scene->axis.begin) / length, 0) * width;
    double to = fmin((scene->axis.to - scene->axis.begin) / length, 1) * width;
    struct colour veil = colour_alpha(theme->background, 0.6);
    paint_fill(paint, scene->gutter, 0, from, scene->overview_height, veil);
    paint_fill(paint, scene->gutter + to, 0, width - to, scene->overview_height, veil);
    paint_frame(paint, scene->gutter + fmin(from, width - 3), 0, fmax(to - from, 3), scene->overview_height,
        theme->accent, 1.5);
    draw_finding_marks(paint, scene, width);
    paint_text(paint, "whole trace", scene->gutter - 10, scene->overview_height * 0.32, 0,
        TEXT_SMALL | TEXT_RIGHT, theme->dim);
    char text[32];
    axis_format(length * scene->axis.ns_per_tick, text, sizeof text);
    paint_text(paint, text, scene->gutter - 10, scene->overview_height * 0.7, 0, TEXT_SMALL | TEXT_RIGHT,
        theme->dim);
}

void draw_ruler(struct paint *paint, const struct scene *scene)
{
    const struct theme *theme = paint->theme;
    const struct axis *axis = &scene->axis;
    double width = scene_lanes_width(scene);
    double top = scene->overview_height;
    double step = axis_step(axis, width, RULER_MARK_PX);
    double first = ceil((axis->from - axis->begin) / step) * step + axis->begin;
    paint_fill(paint, 0, top, scene->width, scene->ruler_height, theme->header);
    paint_text(paint, scene->by_lock ? "locks" : "threads", 12, top + scene->ruler_height / 2, 0,
        TEXT_SMALL | TEXT_BOLD, theme->dim);
    cairo_save(paint->cr);
    cairo_rectangle(paint->cr, scene->gutter, top, width, scene->height - scene->legend_height - top);
    cairo_clip(paint->cr);
    for (double at = first; at < axis->to; at += step) {
        double x = scene->gutter + round(axis_x(axis, at, width)) + 0.5;
        char text[48];
        axis_format_moment(
            (at - axis->begin) * axis->ns_per_tick, step * axis->ns_per_tick, text, sizeof text);
        paint_line(
            paint, x, top + scene->ruler_height - 5, x, scene->height - scene->legend_height, theme->grid, 1);
        paint_line(paint, x, top + scene->ruler_height - 6, x, top + scene->ruler_height, theme->dim, 1);
        paint_text(paint, text, x + 4, top + scene->ruler_height / 2 - 2, 0, TEXT_SMALL, theme->dim);
    }
    cairo_restore(paint->cr);
    paint_line(paint, 0, top + scene->ruler_height - 0.5, scene->width, top + scene->ruler_height - 0.5,
        theme->line, 1);
}

// One entry of the legend: what it looks like, then what it means.
struct entry {
    enum { ENTRY_SPAN, ENTRY_ALIVE, ENTRY_ARROW, ENTRY_MARK } look;
    enum span_kind kind;
    const char *text;
};

static const struct entry by_thread[] = {
    { ENTRY_SPAN, SPAN_HOLD, "holds a lock (one colour each)" },
    { ENTRY_SPAN, SPAN_WAIT_LOCK, "waits for a lock" },
    { ENTRY_SPAN, SPAN_WAIT_COND, "waits for a signal, a permit, a thread ..." },
    { ENTRY_ARROW, SPAN_HOLD, "lets go on" },
    { ENTRY_ARROW, SPAN_WAIT_LOCK, "waits for its owner" },
    { ENTRY_ALIVE, SPAN_HOLD, "alive" },
    { ENTRY_MARK, SPAN_HOLD, "signals, posts, creates ..." },
};
static const struct entry by_lock[] = {
    { ENTRY_SPAN, SPAN_HOLD, "held by a thread (one colour each)" },
    { ENTRY_SPAN, SPAN_WAIT_LOCK, "a thread waits for it" },
    { ENTRY_ALIVE, SPAN_HOLD, "in use" },
};

static double draw_entry(struct paint *paint, const struct entry *entry, double x, double middle)
{
    const struct theme *theme = paint->theme;
    double at = x + (entry->look == ENTRY_ARROW ? 22 : entry->look == ENTRY_MARK ? 14 : 33);
    bool owner = entry->kind == SPAN_WAIT_LOCK;
    if (entry->look == ENTRY_SPAN) {
        struct draw_box box = { x, middle - 6, 26, 12,
            entry->kind == SPAN_WAIT_COND ? theme->wait : theme_lock(theme, 0), entry->kind, 0, NULL };
        draw_box(paint, &box);
    } else if (entry->look == ENTRY_ALIVE) {
        paint_fill(paint, x, middle - 6, 26, 12, theme->lane);
    } else if (entry->look == ENTRY_MARK) {
        draw_mark(paint, x + 5, middle - 3);
    } else {
        paint_arrow(
            paint, x + 2, middle - 7, x + 14, middle + 7, owner ? theme->error : theme->dim, owner ? 2 : 1.2);
    }
    return at + paint_text(paint, entry->text, at, middle, 0, TEXT_SMALL, theme->dim) + 22;
}

// An entry for which there is no room is left out rather than cut.
void draw_legend(struct paint *paint, const struct scene *scene)
{
    if (scene->legend_height <= 0)
        return;
    const struct theme *theme = paint->theme;
    const struct entry *entries = scene->by_lock ? by_lock : by_thread;
    size_t n = scene->by_lock ? G_N_ELEMENTS(by_lock) : G_N_ELEMENTS(by_thread);
    double y = scene->height - scene->legend_height;
    paint_fill(paint, 0, y, scene->width, scene->legend_height, theme->header);
    paint_line(paint, 0, y + 0.5, scene->width, y + 0.5, theme->line, 1);
    double x = 12;
    for (size_t i = 0; i < n; i++) {
        double width = 33 + paint_text_width(paint, entries[i].text, TEXT_SMALL) + 8;
        if (x + width <= scene->width)
            x = draw_entry(paint, &entries[i], x, y + scene->legend_height / 2);
    }
}
