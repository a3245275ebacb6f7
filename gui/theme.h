// SPDX-License-Identifier: MIT
// Colours, in light and dark. Locks have one of eight each, told apart by people of any colour vision (after Okabe and Ito).
#ifndef TRENZA_THEME_H
#define TRENZA_THEME_H

#include <stdbool.h>
#include <stdint.h>

struct colour {
    double red, green, blue, alpha;
};

struct theme {
    bool dark;
    struct colour background;
    struct colour lane;   // where a thread lives
    struct colour header; // ruler, gutter
    struct colour line;   // separators
    struct colour grid;
    struct colour text;
    struct colour dim;    // less important text
    struct colour faint;  // text of what cannot happen
    struct colour accent; // selection
    struct colour error;
    struct colour warning;
    struct colour note;
    struct colour wait; // what waits for anything but a lock
    struct colour heat; // contention
};

extern const struct theme theme_light;
extern const struct theme theme_dark;

// The colour of a lock by its tag (timeline_colour).
struct colour theme_lock(const struct theme *theme, unsigned tag);
// Black or white, whichever is easier to read on it.
struct colour theme_text_on(struct colour background);
struct colour colour_mix(struct colour a, struct colour b, double share_of_b);
struct colour colour_alpha(struct colour colour, double alpha);
// For CAIRO_FORMAT_RGB24 and premultiplied opaque ARGB32.
uint32_t colour_pixel(struct colour colour);

#endif
