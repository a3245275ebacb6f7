// SPDX-License-Identifier: MIT
// A thread's lane: each span as a box while there are few in view, else the lane's density from its pyramid.
#include <math.h>

#include "draw.h"

#define EDGE_MIN 5      // px; narrower boxes have no edge
#define LABEL_MIN 22    // px; narrower boxes have no label
#define ENDED_HEIGHT 24 // px; lower lanes have no room for words
#define ENDED_WIDTH 52
#define HELD_SHARE 0.6 // of a dense lane's height; the rest shows waiting

struct colour draw_span_colour(const struct theme *theme, const struct span *span)
{
    if (span->kind == SPAN_BLOCKED || span->kind == SPAN_WAIT_JOIN || span->flags & SPAN_CROWD)
        return theme->wait;
    return theme_lock(theme, timeline_colour(span->subject));
}

void draw_span_label(const struct scene *scene, const struct span *span, char *ret_text, size_t size)
{
    const struct model *model = scene->timeline->model;
    const struct model_object *object = span_names_object(span) ? model_object(model, span->subject) : NULL;
    const char *call = span->kind == SPAN_BLOCKED ? model_call_name(span->subject) : NULL;
    const struct lane *joined =
        span->kind == SPAN_WAIT_JOIN ? timeline_lane(scene->timeline, span->subject) : NULL;
    if (joined)
        scene_thread_name(scene, (uint32_t)(joined - scene->timeline->lanes), ret_text, size);
    else
        g_strlcpy(ret_text,
            span->flags & SPAN_CROWD       ? "more locks"
            : span->kind == SPAN_WAIT_JOIN ? "a thread"
            : call                         ? call
            : span->kind == SPAN_BLOCKED   ? "system call"
            : object                       ? object->label
                                           : "?",
            size);
}

void draw_box(struct paint *paint, const struct draw_box *box)
{
    const struct theme *theme = paint->theme;
    double x = box->x;
    double width = fmax(box->width, 1);
    if (box->kind == SPAN_HOLD) {
        struct colour fill =
            box->flags & SPAN_SHARED ? colour_mix(theme->lane, box->colour, 0.45) : box->colour;
        // Two fills are several times faster than a fill and a stroke.
        bool edged = width > EDGE_MIN;
        if (edged)
            paint_fill(paint, x, box->y, width, box->height, colour_mix(box->colour, theme->text, 0.3));
        paint_fill(paint, x + edged, box->y + edged, width - 2 * edged, box->height - 2 * edged, fill);
        if (box->label && width > LABEL_MIN)
            paint_text(paint, box->label, x + 5, box->y + box->height / 2, width - 8, TEXT_SMALL,
                theme_text_on(fill));
        return;
    }
    bool lock = box->kind == SPAN_WAIT_LOCK;
    struct colour edge = lock ? theme->heat : box->colour;
    struct colour base = colour_mix(theme->background, box->colour, lock ? 0.18 : 0.10);
    paint_fill(paint, x, box->y, width, box->height, edge);
    if (width <= EDGE_MIN)
        return;
    paint_fill(paint, x + 1, box->y + 1, width - 2, box->height - 2, base);
    paint_hatch(paint, lock ? HATCH_LINES : HATCH_DOTS, x + 1, box->y + 1, width - 2, box->height - 2,
        colour_alpha(box->colour, lock ? 0.75 : 0.8));
    if (!box->label || width <= LABEL_MIN + 8)
        return;
    // A plain background under the label keeps it readable on the hatching.
    double text_width = fmin(paint_text_width(paint, box->label, TEXT_SMALL), width - 12);
    paint_fill(paint, x + 4, box->y + 2, text_width + 4, box->height - 4, base);
    paint_text(paint, box->label, x + 6, box->y + box->height / 2, text_width + 1, TEXT_SMALL, theme->text);
}

struct view {
    uint64_t from;
    uint64_t to;
    double width;
};

static struct view view_of(const struct scene *scene)
{
    return (struct view){ (uint64_t)fmax(scene->axis.from, 0), (uint64_t)fmax(scene->axis.to, 0),
        scene_lanes_width(scene) };
}

static uint32_t count_visible(const struct lane *lane, const struct view *view)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < lane->n_tracks; i++)
        count += track_find(&lane->tracks[i], view->to) - track_find(&lane->tracks[i], view->from);
    return count;
}

static const char *wait_word(enum span_kind kind)
{
    switch (kind) {
    case SPAN_WAIT_COND:
        return "signal";
    case SPAN_WAIT_SEMAPHORE:
        return "permit";
    case SPAN_WAIT_BARRIER:
        return "barrier";
    case SPAN_WAIT_JOIN:
        return "join";
    case SPAN_WAIT_ONCE:
        return "once";
    case SPAN_WAIT_LOCK:
        return "wants";
    default:
        return NULL;
    }
}

static void draw_span(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    unsigned track_id, const struct span *span, const struct view *view)
{
    double from = draw_clamp(axis_x(&scene->axis, (double)span->begin, view->width), view->width);
    double to = draw_clamp(axis_x(&scene->axis, (double)span->end, view->width), view->width);
    char name[128];
    char label[160];
    const char *word = wait_word(span->kind);
    draw_span_label(scene, span, name, sizeof name);
    bool plain = !word || g_str_has_prefix(name, word); // "barrier at a.c:3"
    g_snprintf(label, sizeof label, "%s%s%s", plain ? "" : word, plain ? "" : " ", name);
    struct draw_box box = {
        .x = scene->gutter + from,
        .y = scene_track_y(scene, row, track_id) + 1,
        .width = to - from,
        .height = scene->track_height - 2,
        .colour = draw_span_colour(paint->theme, span),
        .kind = span->kind,
        .flags = span->flags,
        .label = scene->track_height < 14 ? NULL : label,
    };
    draw_box(paint, &box);
}

// The row's pixels as images of height 1, stretched: the cost does not depend on what they show.
static void draw_strip(
    struct paint *paint, const uint32_t *pixels, int n, double x, double y, double width, double height)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, n, 1);
    memcpy(cairo_image_surface_get_data(surface), pixels, (size_t)n * sizeof *pixels);
    cairo_surface_mark_dirty(surface);
    cairo_save(paint->cr);
    cairo_rectangle(paint->cr, x, y, width, height);
    cairo_clip(paint->cr);
    cairo_translate(paint->cr, x, y);
    cairo_scale(paint->cr, width / n, height);
    cairo_set_source_surface(paint->cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(paint->cr), CAIRO_FILTER_NEAREST);
    cairo_paint(paint->cr);
    cairo_restore(paint->cr);
    cairo_surface_destroy(surface);
}

static uint32_t share_pixel(struct colour empty, struct colour full, uint8_t share)
{
    // What is there at all is seen: a quarter of the colour at least.
    return share ? colour_pixel(colour_mix(empty, full, 0.25 + 0.75 * share / 255.0)) : 0;
}

void draw_density(struct paint *paint, const struct scene *scene, const struct pyramid_bin *bins,
    const struct scene_row *row)
{
    const struct theme *theme = paint->theme;
    double width = scene_lanes_width(scene);
    int n = (int)width;
    g_autofree uint32_t *held = g_new(uint32_t, n);
    g_autofree uint32_t *waited = g_new(uint32_t, n);
    for (int i = 0; i < n; i++) {
        const struct pyramid_bin *bin = &bins[i];
        held[i] =
            share_pixel(theme->lane, theme_lock(theme, bin->colour[PYRAMID_HELD]), bin->share[PYRAMID_HELD]);
        waited[i] = bin->share[PYRAMID_CONTENDED]
                        ? share_pixel(theme->lane, theme->heat, bin->share[PYRAMID_CONTENDED])
                        : share_pixel(theme->lane, theme->wait, bin->share[PYRAMID_WAITING]);
    }
    double y = scene_track_y(scene, row, 0) + 1;
    double height = row->n_tracks * scene->track_height - 2;
    draw_strip(paint, held, n, scene->gutter, y, width, height * HELD_SHARE - 1);
    draw_strip(
        paint, waited, n, scene->gutter, y + height * HELD_SHARE + 1, width, height * (1 - HELD_SHARE) - 1);
}

void draw_pyramid(struct paint *paint, const struct scene *scene, const struct pyramid *pyramid,
    const struct scene_row *row)
{
    size_t n = (size_t)scene_lanes_width(scene);
    g_autofree struct pyramid_bin *bins = g_new(struct pyramid_bin, n);
    pyramid_sample(pyramid, scene->axis.from, (scene->axis.to - scene->axis.from) / (double)n, n, bins);
    draw_density(paint, scene, bins, row);
}

// Too many for boxes, too few for the pyramid's bins to be as narrow as a pixel.
static void draw_counted(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    const struct lane *lane, const struct view *view)
{
    struct pyramid *flat = pyramid_new_flat(scene->axis.from, scene->axis.to, (size_t)view->width);
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        for (uint32_t j = track_find(track, view->from);
             j < track->count && track->spans[j].begin <= view->to; j++) {
            const struct span *span = &track->spans[j];
            struct pyramid_span piece =
                timeline_piece(span, i + 1, span_names_object(span) ? timeline_colour(span->subject) : 0);
            pyramid_add(flat, &piece);
        }
    }
    pyramid_finish(flat);
    draw_density(paint, scene, pyramid_bins(flat), row);
    pyramid_free(flat);
}

static void draw_boxes(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    const struct lane *lane, const struct view *view)
{
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        for (uint32_t j = track_find(track, view->from);
             j < track->count && track->spans[j].begin <= view->to; j++)
            draw_span(paint, scene, row, i, &track->spans[j], view);
    }
}

void draw_mark(struct paint *paint, double x, double y)
{
    paint_colour(paint, paint->theme->dim);
    cairo_move_to(paint->cr, x - 3, y);
    cairo_line_to(paint->cr, x + 3, y);
    cairo_line_to(paint->cr, x, y + 5);
    cairo_close_path(paint->cr);
    cairo_fill(paint->cr);
}

static void draw_marks(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    const struct lane *lane, const struct view *view)
{
    uint32_t from = lane_find_mark(lane, view->from);
    uint32_t to = lane_find_mark(lane, view->to);
    if (to - from > DRAW_EXACT_MAX)
        return;
    double y = scene_row_y(scene, row) + 1;
    for (uint32_t i = from; i < to; i++) {
        double x = scene->gutter + axis_x(&scene->axis, (double)lane->marks[i].ticks, view->width);
        draw_mark(paint, x, y);
    }
}

static void draw_life(struct paint *paint, const struct scene *scene, const struct scene_row *row,
    const struct lane *lane, const struct view *view)
{
    double from = draw_clamp(axis_x(&scene->axis, (double)lane->begin, view->width), view->width);
    double to = draw_clamp(axis_x(&scene->axis, (double)lane->end, view->width), view->width);
    double y = scene_row_y(scene, row);
    if (to <= 0 || from >= view->width)
        return;
    paint_fill(paint, scene->gutter + from, y + 2, fmax(to - from, 1), row->height - 4, paint->theme->lane);
    if (from > 0)
        paint_fill(paint, scene->gutter + from, y + 2, 2, row->height - 4, paint->theme->wait);
    if (!lane->ends || to >= view->width)
        return;
    paint_fill(paint, scene->gutter + to - 2, y + 2, 2, row->height - 4, paint->theme->wait);
    bool room = to >= 0 && to + ENDED_WIDTH < view->width && row->height >= ENDED_HEIGHT;
    if (room)
        paint_text(
            paint, "ended", scene->gutter + to + 12, y + row->height / 2, 0, TEXT_SMALL, paint->theme->faint);
}

void draw_thread_lane(struct paint *paint, const struct scene *scene, const struct scene_row *row)
{
    const struct lane *lane = &scene->timeline->lanes[row->id];
    struct view view = view_of(scene);
    draw_life(paint, scene, row, lane, &view);
    uint32_t count = count_visible(lane, &view);
    if (count > DRAW_COUNT_MAX)
        draw_pyramid(paint, scene, lane->pyramid, row);
    else if (count > DRAW_EXACT_MAX)
        draw_counted(paint, scene, row, lane, &view);
    else
        draw_boxes(paint, scene, row, lane, &view);
    draw_marks(paint, scene, row, lane, &view);
}
