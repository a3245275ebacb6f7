// SPDX-License-Identifier: MIT
// Arithmetic of the visible time, and its units.
#include "axis.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define AT_END_SHARE 0.002 // of the visible time: so near to the end is at the end
#define SHORTEST_NS 20.0   // of what can be visible
#define MARGIN 0.03        // of the whole, at each side

static double margin(const struct axis *axis)
{
    return (axis->end - axis->begin) * MARGIN;
}

void axis_init(struct axis *axis, double begin, double end, double ns_per_tick)
{
    *axis = (struct axis){ .begin = begin, .end = end > begin ? end : begin + 1, .ns_per_tick = ns_per_tick };
    axis_fit(axis);
}

void axis_show(struct axis *axis, double from, double to)
{
    double least = axis->begin - margin(axis);
    double most = axis->end + margin(axis);
    double length = fmax(to - from, SHORTEST_NS / axis->ns_per_tick);
    if (length >= most - least) {
        axis->from = least;
        axis->to = most;
        return;
    }
    double middle = from + (to - from) / 2;
    axis->from = fmin(fmax(middle - length / 2, least), most - length);
    axis->to = axis->from + length;
}

void axis_fit(struct axis *axis)
{
    axis_show(axis, axis->begin - margin(axis), axis->end + margin(axis));
}

void axis_zoom(struct axis *axis, double factor, double anchor)
{
    double length = axis->to - axis->from;
    double fixed = axis->from + anchor * length;
    axis_show(axis, fixed - anchor * length * factor, fixed + (1 - anchor) * length * factor);
}

void axis_pan(struct axis *axis, double share)
{
    double by = share * (axis->to - axis->from);
    axis_show(axis, axis->from + by, axis->to + by);
}

void axis_reveal(struct axis *axis, double from, double to)
{
    double length = axis->to - axis->from;
    if (from >= axis->from && to <= axis->to)
        return;
    if (to - from > length)
        axis_show(axis, from - (to - from) * 0.1, to + (to - from) * 0.1);
    else
        axis_show(axis, (from + to - length) / 2, (from + to + length) / 2);
}

double axis_step(const struct axis *axis, double width, double min_px)
{
    double ns = (axis->to - axis->from) * axis->ns_per_tick * min_px / width;
    double power = pow(10, floor(log10(fmax(ns, 1))));
    double step = ns <= power       ? power
                  : ns <= 2 * power ? 2 * power
                  : ns <= 5 * power ? 5 * power
                                    : 10 * power;
    return step / axis->ns_per_tick;
}

struct unit {
    double ns;
    const char *name;
    int power;
};
static const struct unit units[] = { { 1e9, "s", 9 }, { 1e6, "ms", 6 }, { 1e3, "µs", 3 }, { 1, "ns", 0 } };

static const struct unit *unit_of(double ns)
{
    const struct unit *unit = units;
    while (unit->ns > 1 && fabs(ns) < unit->ns * 0.9995)
        unit++;
    return unit;
}

void axis_format(double ns, char *ret_text, size_t size)
{
    const struct unit *unit = unit_of(ns);
    double value = ns / unit->ns;
    int digits = unit->ns <= 1 || fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;
    snprintf(ret_text, size, "%.*f %s", digits, value, unit->name);
}

void axis_format_moment(double ns, double step_ns, char *ret_text, size_t size)
{
    const struct unit *unit = unit_of(fmax(fabs(ns), step_ns));
    int digits = (int)ceil(unit->power - log10(fmax(step_ns, 1)) - 1e-9);
    snprintf(ret_text, size, "%.*f %s", digits < 0 ? 0 : digits, ns / unit->ns, unit->name);
}

void axis_grow(struct axis *axis, double begin, double end)
{
    struct axis before = *axis;
    bool whole = before.from <= before.begin && before.to >= before.end;
    bool pinned = before.to >= before.end - (before.to - before.from) * AT_END_SHARE;
    axis_init(axis, begin, end, before.ns_per_tick);
    if (whole)
        return;
    double by = pinned ? end - before.end : 0;
    axis_show(axis, before.from + by, before.to + by);
}
