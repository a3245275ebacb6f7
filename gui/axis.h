// SPDX-License-Identifier: MIT
// The visible stretch of time and how it maps to pixels. Plain values: no widget, no allocation.
#ifndef TRENZA_AXIS_H
#define TRENZA_AXIS_H

#include <stddef.h>
#include <stdint.h>

// Times are ticks as in the trace, kept as doubles: exact up to 2^53.
struct axis {
    double begin; // the whole: what fits, and where panning ends
    double end;
    double from; // the visible part; from < to
    double to;
    double ns_per_tick;
};

void axis_init(struct axis *axis, double begin, double end, double ns_per_tick);
// Shows [from, to], moved and widened as far as needed to lie inside the whole and to be no shorter than a few nanoseconds.
void axis_show(struct axis *axis, double from, double to);
// The whole, with a little room at both sides.
void axis_fit(struct axis *axis);
// factor below 1 zooms in; the time at anchor (0: left edge, 1: right edge) stays where it is.
void axis_zoom(struct axis *axis, double factor, double anchor);
// By a share of the visible width; positive: later.
void axis_pan(struct axis *axis, double share);
// Another whole of the same time, as when a recording goes on: who sees all of it goes on to, who sees its end stays there,
// and anybody else sees what they saw.
void axis_grow(struct axis *axis, double begin, double end);
// Moves as little as needed to see [from, to]; zooms out when it does not fit.
void axis_reveal(struct axis *axis, double from, double to);

static inline double axis_x(const struct axis *axis, double ticks, double width)
{
    return (ticks - axis->from) / (axis->to - axis->from) * width;
}
static inline double axis_time(const struct axis *axis, double x, double width)
{
    return axis->from + x / width * (axis->to - axis->from);
}

// The distance of ruler marks: 1, 2 or 5 times a power of ten nanoseconds, at least min_px apart. Ticks.
double axis_step(const struct axis *axis, double width, double min_px);
// "12.5 ms": a length of time in the unit that suits it.
void axis_format(double ns, char *ret_text, size_t size);
// A moment, with just so many digits that two moments a step apart differ: "1.204 35 s" in the unit of the step's magnitude.
void axis_format_moment(double ns, double step_ns, char *ret_text, size_t size);

#endif
