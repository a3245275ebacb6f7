// SPDX-License-Identifier: MIT
// A thin layer over cairo and Pango: what all pictures are made of.
#ifndef TRENZA_PAINT_H
#define TRENZA_PAINT_H

#include <pango/pangocairo.h>

#include "theme.h"

struct paint {
    cairo_t *cr;
    const struct theme *theme;
    PangoLayout *layout; // used again for every text
    PangoFontDescription *font;
    cairo_pattern_t *hatch[2]; // masks: diagonal lines, dots
};

enum paint_text_style {
    TEXT_BOLD = 1 << 0,
    TEXT_SMALL = 1 << 1,
    TEXT_RIGHT = 1 << 2,  // x is the right end
    TEXT_CENTRE = 1 << 3, // x is the middle
    TEXT_MONO = 1 << 4,
};

void paint_init(struct paint *paint, cairo_t *cr, const struct theme *theme);
void paint_done(struct paint *paint);

void paint_colour(struct paint *paint, struct colour colour);
void paint_fill(struct paint *paint, double x, double y, double width, double height, struct colour colour);
void paint_frame(struct paint *paint, double x, double y, double width, double height, struct colour colour,
    double line_width);
void paint_rounded(struct paint *paint, double x, double y, double width, double height, double radius);
void paint_line(
    struct paint *paint, double x1, double y1, double x2, double y2, struct colour colour, double line_width);
enum paint_hatch { HATCH_LINES, HATCH_DOTS };
void paint_hatch(struct paint *paint, enum paint_hatch hatch, double x, double y, double width, double height,
    struct colour colour);
// One line of text, its middle at height y, cut with an ellipsis at max_width (0: never). Returns its width.
double paint_text(struct paint *paint, const char *text, double x, double y, double max_width, unsigned style,
    struct colour colour);
double paint_text_width(struct paint *paint, const char *text, unsigned style);
// Lines as needed within width; y is the top. Returns the height.
double paint_paragraph(struct paint *paint, const char *text, double x, double y, double width,
    unsigned style, struct colour colour);
// An arrow with its head at (x2, y2), bent like a river when it goes across.
void paint_arrow(
    struct paint *paint, double x1, double y1, double x2, double y2, struct colour colour, double line_width);
// A straight arrow.
void paint_straight_arrow(
    struct paint *paint, double x1, double y1, double x2, double y2, struct colour colour, double line_width);
// A numbered disc.
void paint_badge(struct paint *paint, unsigned number, double x, double y, struct colour colour);

#endif
