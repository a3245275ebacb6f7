// SPDX-License-Identifier: MIT
// Shapes and text. Fonts are in pixels: the caller scales the cairo context for high resolutions.
#include "paint.h"

#include <math.h>
#include <stdio.h>

#define FONT_PX 13
#define SMALL_PX 11
#define HATCH_PX 8 // the pattern's period
#define HATCH_SCALE 2

static cairo_pattern_t *make_hatch(enum paint_hatch hatch)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_A8, HATCH_PX * HATCH_SCALE, HATCH_PX * HATCH_SCALE);
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, HATCH_SCALE, HATCH_SCALE);
    cairo_set_line_width(cr, 2);
    if (hatch == HATCH_LINES) {
        for (int i = -1; i <= 1; i++) {
            cairo_move_to(cr, i * HATCH_PX - 1, HATCH_PX + 1);
            cairo_line_to(cr, (i + 1) * HATCH_PX + 1, -1);
        }
        cairo_stroke(cr);
    } else {
        cairo_arc(cr, HATCH_PX * 0.25, HATCH_PX * 0.25, 1.1, 0, 2 * M_PI);
        cairo_fill(cr);
        cairo_arc(cr, HATCH_PX * 0.75, HATCH_PX * 0.75, 1.1, 0, 2 * M_PI);
        cairo_fill(cr);
    }
    cairo_destroy(cr);
    cairo_pattern_t *pattern = cairo_pattern_create_for_surface(surface);
    cairo_pattern_set_extend(pattern, CAIRO_EXTEND_REPEAT);
    cairo_matrix_t matrix;
    cairo_matrix_init_scale(&matrix, HATCH_SCALE, HATCH_SCALE);
    cairo_pattern_set_matrix(pattern, &matrix);
    cairo_surface_destroy(surface);
    return pattern;
}

void paint_init(struct paint *paint, cairo_t *cr, const struct theme *theme)
{
    *paint = (struct paint){ .cr = cr, .theme = theme };
    paint->layout = pango_cairo_create_layout(cr);
    paint->font = pango_font_description_from_string("Cantarell, DejaVu Sans, Sans");
    paint->hatch[HATCH_LINES] = make_hatch(HATCH_LINES);
    paint->hatch[HATCH_DOTS] = make_hatch(HATCH_DOTS);
}

void paint_done(struct paint *paint)
{
    g_object_unref(paint->layout);
    pango_font_description_free(paint->font);
    cairo_pattern_destroy(paint->hatch[HATCH_LINES]);
    cairo_pattern_destroy(paint->hatch[HATCH_DOTS]);
}

void paint_colour(struct paint *paint, struct colour colour)
{
    cairo_set_source_rgba(paint->cr, colour.red, colour.green, colour.blue, colour.alpha);
}

void paint_fill(struct paint *paint, double x, double y, double width, double height, struct colour colour)
{
    paint_colour(paint, colour);
    cairo_rectangle(paint->cr, x, y, width, height);
    cairo_fill(paint->cr);
}

void paint_frame(struct paint *paint, double x, double y, double width, double height, struct colour colour,
    double line_width)
{
    paint_colour(paint, colour);
    cairo_set_line_width(paint->cr, line_width);
    double half = line_width / 2;
    cairo_rectangle(paint->cr, x + half, y + half, fmax(width - line_width, 0), fmax(height - line_width, 0));
    cairo_stroke(paint->cr);
}

void paint_rounded(struct paint *paint, double x, double y, double width, double height, double radius)
{
    cairo_new_sub_path(paint->cr);
    cairo_arc(paint->cr, x + width - radius, y + radius, radius, -M_PI / 2, 0);
    cairo_arc(paint->cr, x + width - radius, y + height - radius, radius, 0, M_PI / 2);
    cairo_arc(paint->cr, x + radius, y + height - radius, radius, M_PI / 2, M_PI);
    cairo_arc(paint->cr, x + radius, y + radius, radius, M_PI, 1.5 * M_PI);
    cairo_close_path(paint->cr);
}

void paint_line(
    struct paint *paint, double x1, double y1, double x2, double y2, struct colour colour, double line_width)
{
    paint_colour(paint, colour);
    cairo_set_line_width(paint->cr, line_width);
    cairo_move_to(paint->cr, x1, y1);
    cairo_line_to(paint->cr, x2, y2);
    cairo_stroke(paint->cr);
}

void paint_hatch(struct paint *paint, enum paint_hatch hatch, double x, double y, double width, double height,
    struct colour colour)
{
    cairo_save(paint->cr);
    cairo_rectangle(paint->cr, x, y, width, height);
    cairo_clip(paint->cr);
    paint_colour(paint, colour);
    cairo_mask(paint->cr, paint->hatch[hatch]);
    cairo_restore(paint->cr);
}

static void set_text(struct paint *paint, const char *text, unsigned style)
{
    pango_font_description_set_family(
        paint->font, style & TEXT_MONO ? "DejaVu Sans Mono, Monospace" : "Cantarell, DejaVu Sans, Sans");
    pango_font_description_set_absolute_size(
        paint->font, (style & TEXT_SMALL ? SMALL_PX : FONT_PX) * PANGO_SCALE);
    pango_font_description_set_weight(
        paint->font, style & TEXT_BOLD ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(paint->layout, paint->font);
    pango_layout_set_width(paint->layout, -1);
    pango_layout_set_ellipsize(paint->layout, PANGO_ELLIPSIZE_NONE);
    pango_layout_set_text(paint->layout, text, -1);
}

double paint_text_width(struct paint *paint, const char *text, unsigned style)
{
    int width;
    set_text(paint, text, style);
    pango_layout_get_pixel_size(paint->layout, &width, NULL);
    return width;
}

double paint_text(struct paint *paint, const char *text, double x, double y, double max_width, unsigned style,
    struct colour colour)
{
    int width;
    int height;
    set_text(paint, text, style);
    pango_layout_get_pixel_size(paint->layout, &width, &height);
    if (max_width > 0 && width > max_width) {
        pango_layout_set_ellipsize(paint->layout, PANGO_ELLIPSIZE_END);
        pango_layout_set_width(paint->layout, (int)(max_width * PANGO_SCALE));
        pango_layout_get_pixel_size(paint->layout, &width, &height);
    }
    if (style & TEXT_RIGHT)
        x -= width;
    else if (style & TEXT_CENTRE)
        x -= width / 2.0;
    paint_colour(paint, colour);
    cairo_move_to(paint->cr, x, round(y - height / 2.0));
    pango_cairo_show_layout(paint->cr, paint->layout);
    return width;
}

double paint_paragraph(struct paint *paint, const char *text, double x, double y, double width,
    unsigned style, struct colour colour)
{
    int height;
    set_text(paint, text, style);
    pango_layout_set_width(paint->layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(paint->layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_get_pixel_size(paint->layout, NULL, &height);
    paint_colour(paint, colour);
    cairo_move_to(paint->cr, x, y);
    pango_cairo_show_layout(paint->cr, paint->layout);
    return height;
}

static void arrow_head(struct paint *paint, double x, double y, double angle, double size)
{
    cairo_move_to(paint->cr, x, y);
    cairo_line_to(paint->cr, x - size * cos(angle - 0.42), y - size * sin(angle - 0.42));
    cairo_line_to(paint->cr, x - size * cos(angle + 0.42), y - size * sin(angle + 0.42));
    cairo_close_path(paint->cr);
    cairo_fill(paint->cr);
}

void paint_arrow(
    struct paint *paint, double x1, double y1, double x2, double y2, struct colour colour, double line_width)
{
    double bend = fmin(fabs(y2 - y1) / 2, 40) * (y2 > y1 ? 1 : -1);
    double size = 5 + line_width;
    paint_colour(paint, colour);
    cairo_set_line_width(paint->cr, line_width);
    cairo_move_to(paint->cr, x1, y1);
    cairo_curve_to(paint->cr, x1, y1 + bend, x2, y2 - bend, x2, y2 - (y2 > y1 ? size : -size) * 0.7);
    cairo_stroke(paint->cr);
    arrow_head(paint, x2, y2, y2 > y1 ? M_PI / 2 : -M_PI / 2, size);
}

void paint_straight_arrow(
    struct paint *paint, double x1, double y1, double x2, double y2, struct colour colour, double line_width)
{
    double angle = atan2(y2 - y1, x2 - x1);
    double size = 7 + line_width;
    paint_line(paint, x1, y1, x2 - cos(angle) * size * 0.7, y2 - sin(angle) * size * 0.7, colour, line_width);
    arrow_head(paint, x2, y2, angle, size);
}

void paint_badge(struct paint *paint, unsigned number, double x, double y, struct colour colour)
{
    char text[12];
    snprintf(text, sizeof text, "%u", number);
    paint_colour(paint, paint->theme->background);
    cairo_arc(paint->cr, x, y, 9.5, 0, 2 * M_PI);
    cairo_fill(paint->cr);
    paint_colour(paint, colour);
    cairo_arc(paint->cr, x, y, 8, 0, 2 * M_PI);
    cairo_fill(paint->cr);
    paint_text(paint, text, x, y, 0, TEXT_SMALL | TEXT_BOLD | TEXT_CENTRE, theme_text_on(colour));
}
