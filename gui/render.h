// SPDX-License-Identifier: MIT
// Pictures of a trace as files, without a display: for CI and for documents.
#ifndef TRENZA_RENDER_H
#define TRENZA_RENDER_H

#include <cairo.h>
#include <glib.h>
#include <stdbool.h>

struct render_options {
    const char *output; // ends in .png, .svg or .pdf
    const char *view;   // "timeline", "locks", "graph", "witness"; NULL: the timeline
    const char
        *finding; // an id or its first characters; NULL: the gravest, where the view shows one; "none": none
    const char *from; // "12.5ms" since the trace's beginning; NULL: as the view chooses
    const char *to;
    const char *size; // "1600x900"; NULL: that
    bool dark;
    const char *const *with; // traces of other runs; NULL: none
};

// False and *error when the trace cannot be read, an option is wrong or the file cannot be written.
bool render_file(const char *trace, const struct render_options *options, GError **error);

// Draws with a picture's own function onto a file of the given size; for exports of what a window shows.
typedef void (*render_draw)(cairo_t *cr, void *data);
bool render_to(const char *output, double width, double height, render_draw draw, void *data, GError **error);

#endif
