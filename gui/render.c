// SPDX-License-Identifier: MIT
// Draws a trace into a PNG, SVG or PDF file. Needs cairo and Pango only: no display, no GTK.
#include "render.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <gio/gio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "draw_graph.h"
#include "draw_table.h"
#include "draw_witness.h"
#include "loaded.h"

#define SIZE_MAX_PX 20000

static cairo_status_t write_png(cairo_surface_t *surface, const char *output)
{
    return cairo_surface_write_to_png(surface, output);
}

static cairo_surface_t *make_surface(const char *output, double width, double height)
{
    if (g_str_has_suffix(output, ".svg"))
        return cairo_svg_surface_create(output, width, height);
    if (g_str_has_suffix(output, ".pdf"))
        return cairo_pdf_surface_create(output, width, height);
    if (g_str_has_suffix(output, ".png"))
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    return NULL;
}

bool render_to(const char *output, double width, double height, render_draw draw, void *data, GError **error)
{
    cairo_surface_t *surface = make_surface(output, width, height);
    if (!surface) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "'%s' does not end in .png, .svg or .pdf",
            output);
        return false;
    }
    cairo_t *cr = cairo_create(surface);
    draw(cr, data);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    if (status == CAIRO_STATUS_SUCCESS && g_str_has_suffix(output, ".png"))
        status = write_png(surface, output);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot write '%s': %s", output,
            cairo_status_to_string(status));
    return status == CAIRO_STATUS_SUCCESS;
}

// "250us", "1.5 ms", "3": seconds when there is no unit. Nanoseconds; NAN: not a time.
static double parse_time(const char *text)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = { { "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "µs", 1e3 }, { "ns", 1 } };
    char *end;
    double value = g_ascii_strtod(text, &end);
    if (end == text || !isfinite(value))
        return NAN;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
        if (strcmp(end, units[i].name) == 0)
            return value * units[i].ns;
    return NAN;
}

static bool bad_option(GError **error, const char *option, const char *value)
{
    g_set_error(
        error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s: '%s' is not understood", option, value);
    return false;
}

static bool set_range(struct scene *scene, const struct render_options *options, GError **error)
{
    double from = scene->axis.from;
    double to = scene->axis.to;
    double per_ns = 1 / scene->axis.ns_per_tick;
    if (options->from) {
        from = scene->axis.begin + parse_time(options->from) * per_ns;
        if (isnan(from))
            return bad_option(error, "from", options->from);
    }
    if (options->to) {
        to = scene->axis.begin + parse_time(options->to) * per_ns;
        if (isnan(to))
            return bad_option(error, "to", options->to);
    }
    if (to <= from)
        return bad_option(error, "to", options->to ? options->to : "");
    if (options->from || options->to)
        axis_show(&scene->axis, from, to);
    return true;
}

#define WITNESS_ROOM 500 // px; a lower picture of a timeline has none below it

struct picture {
    struct scene scene;
    const struct play *play; // drawn below the timeline; NULL: nothing is
    double height;
};

static void draw_picture(cairo_t *cr, void *data)
{
    struct picture *picture = data;
    struct scene *scene = &picture->scene;
    struct paint paint;
    paint_init(&paint, cr, scene->theme);
    draw_timeline(&paint, scene);
    if (picture->play) {
        cairo_translate(cr, 0, scene->height);
        draw_witness(
            &paint, picture->play, picture->play->steps->len, scene->width, picture->height - scene->height);
        paint_line(&paint, 0, 0.5, scene->width, 0.5, scene->theme->line, 1);
    }
    paint_done(&paint);
}

static bool render_timeline(const struct loaded *loaded, const struct finding *finding,
    const struct render_options *options, double width, double height, GError **error)
{
    g_autoptr(GArray) places =
        finding ? story_locate(loaded->timeline, loaded_united(loaded, finding), finding) : NULL;
    struct play *play = finding && height >= WITNESS_ROOM ? play_new(finding, places) : NULL;
    struct picture picture = { .play = play, .height = height };
    struct scene *scene = &picture.scene;
    scene_init(scene, loaded->timeline, options->dark ? &theme_dark : &theme_light);
    scene->by_lock = g_strcmp0(options->view, "locks") == 0;
    scene->marks = loaded->marks;
    scene->finding = finding;
    scene->places = places;
    scene_layout(scene, width, height - (play ? fmin(draw_witness_height(play), height / 2) : 0));
    if (finding)
        scene_axis_to_places(&scene->axis, loaded->timeline, finding, places);
    scene_reveal_places(scene);
    bool done = set_range(scene, options, error) &&
                render_to(options->output, width, height, draw_picture, &picture, error);
    scene_done(scene);
    play_free(play);
    return done;
}

struct played {
    const struct play *play;
    const struct theme *theme;
    double width;
    double height;
};

static void draw_play(cairo_t *cr, void *data)
{
    const struct played *played = data;
    struct paint paint;
    paint_init(&paint, cr, played->theme);
    draw_witness(&paint, played->play, played->play->steps->len, played->width, played->height);
    paint_done(&paint);
}

static bool render_witness(const struct loaded *loaded, const struct finding *finding,
    const struct render_options *options, double width, double height, GError **error)
{
    g_autoptr(GArray) places =
        finding ? story_locate(loaded->timeline, loaded_united(loaded, finding), finding) : NULL;
    struct play *play = finding ? play_new(finding, places) : NULL;
    if (!play) {
        g_set_error(
            error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "there is no finding with a witness to draw");
        return false;
    }
    struct played played = { play, options->dark ? &theme_dark : &theme_light, width, height };
    bool done = render_to(options->output, width, height, draw_play, &played, error);
    play_free(play);
    return done;
}

struct graphs {
    struct graph *order;
    struct graph *waits;
    const struct theme *theme;
    double width;
    double height;
};

static void draw_both(cairo_t *cr, void *data)
{
    const struct graphs *graphs = data;
    struct paint paint;
    paint_init(&paint, cr, graphs->theme);
    draw_graphs(&paint, graphs->order, graphs->waits, NULL, graphs->width, graphs->height);
    paint_done(&paint);
}

static bool render_graph(const struct loaded *loaded, const struct finding *finding,
    const struct render_options *options, double width, double height, GError **error)
{
    struct graphs graphs = { graph_new_order(loaded), graph_new_waits(loaded, finding),
        options->dark ? &theme_dark : &theme_light, width, height };
    bool done = render_to(options->output, width, height, draw_both, &graphs, error);
    graph_free(graphs.order);
    graph_free(graphs.waits);
    return done;
}

struct tabled {
    const GArray *rows;
    const struct theme *theme;
    double width;
    double height;
};

static void draw_rows(cairo_t *cr, void *data)
{
    const struct tabled *tabled = data;
    struct paint paint;
    paint_init(&paint, cr, tabled->theme);
    draw_table(&paint, tabled->rows, tabled->width, tabled->height);
    paint_done(&paint);
}

static bool render_table(const struct loaded *loaded, const struct render_options *options, double width,
    double height, GError **error)
{
    g_autoptr(GArray) rows = lock_table_new(loaded->timeline);
    struct tabled tabled = { rows, options->dark ? &theme_dark : &theme_light, width, height };
    return render_to(options->output, width, height, draw_rows, &tabled, error);
}

static bool render_view(const struct loaded *loaded, const struct finding *finding,
    const struct render_options *options, double width, double height, GError **error)
{
    const char *view = options->view ? options->view : "timeline";
    if (g_str_equal(view, "timeline") || g_str_equal(view, "locks"))
        return render_timeline(loaded, finding, options, width, height, error);
    if (g_str_equal(view, "witness"))
        return render_witness(loaded, finding, options, width, height, error);
    if (g_str_equal(view, "graph"))
        return render_graph(loaded, finding, options, width, height, error);
    if (g_str_equal(view, "table"))
        return render_table(loaded, options, width, height, error);
    return bad_option(error, "view", view);
}

static bool parse_size(const char *text, int *ret_width, int *ret_height, GError **error)
{
    char rest;
    if (text && (sscanf(text, "%dx%d%c", ret_width, ret_height, &rest) != 2 || *ret_width < 200 ||
                    *ret_height < 100 || *ret_width > SIZE_MAX_PX || *ret_height > SIZE_MAX_PX))
        return bad_option(error, "size", text);
    return true;
}

bool render_file(const char *trace, const struct render_options *options, GError **error)
{
    int width = 1600;
    int height = 900;
    if (!parse_size(options->size, &width, &height, error))
        return false;
    struct loaded *loaded = loaded_new(trace, NULL, NULL, error);
    if (!loaded)
        return false;
    bool done = false;
    loaded_compare(loaded, options->with);
    if (loaded_analyse(loaded, error) && loaded->not_compared) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--with: %s", loaded->not_compared);
    } else if (loaded->result) {
        bool none = g_strcmp0(options->finding, "none") == 0;
        const struct finding *finding = none ? NULL : loaded_find(loaded, options->finding);
        if (options->finding && !none && !finding)
            bad_option(error, "finding", options->finding);
        else
            done = render_view(loaded, finding, options, width, height, error);
    }
    loaded_unref(loaded);
    return done;
}
