// SPDX-License-Identifier: MIT
// The pictures. Each is a function of what it is told: no widget, no state between two calls.
#ifndef TRENZA_DRAW_H
#define TRENZA_DRAW_H

#include "paint.h"
#include "scene.h"

#define DRAW_EXACT_MAX SCENE_EXACT_MAX // a lane with more spans in view is drawn as density ...
#define DRAW_COUNT_MAX 2500u // ... made from the spans themselves up to so many, from the pyramid beyond

// Everything of the timeline: overview, ruler, lanes (of threads or of locks), arrows, the chosen finding, legend.
void draw_timeline(struct paint *paint, const struct scene *scene);

// Its parts, each into its own region of the scene.
void draw_overview(struct paint *paint, const struct scene *scene);
void draw_ruler(struct paint *paint, const struct scene *scene);
void draw_legend(struct paint *paint, const struct scene *scene);
void draw_thread_lane(struct paint *paint, const struct scene *scene, const struct scene_row *row);
void draw_lock_lane(struct paint *paint, const struct scene *scene, const struct scene_row *row);
void draw_arrows(struct paint *paint, const struct scene *scene);
void draw_story(struct paint *paint, const struct scene *scene);

// One span as a box; label NULL: none. Used by lanes of both kinds and by the witness.
struct draw_box {
    double x, y, width, height;
    struct colour colour;
    enum span_kind kind;
    unsigned flags; // enum span_flags
    const char *label;
};
void draw_box(struct paint *paint, const struct draw_box *box);
// An event that takes no time: a small triangle that points down from (x, y).
void draw_mark(struct paint *paint, double x, double y);
// How busy something is, as two strips: holding above, waiting below. A bin per pixel.
void draw_density(struct paint *paint, const struct scene *scene, const struct pyramid_bin *bins,
    const struct scene_row *row);
// The same, from a pyramid.
void draw_pyramid(struct paint *paint, const struct scene *scene, const struct pyramid *pyramid,
    const struct scene_row *row);
// The colour of a span: its lock's, or that of waiting.
struct colour draw_span_colour(const struct theme *theme, const struct span *span);
// "accounts", "worker" (of a join), "read" ...
void draw_span_label(const struct scene *scene, const struct span *span, char *ret_text, size_t size);

// Coordinates that stay in the range where cairo is exact.
static inline double draw_clamp(double x, double width)
{
    return x < -4 ? -4 : x > width + 4 ? width + 4 : x;
}

#endif
