// SPDX-License-Identifier: MIT
// What the window remembers between runs: sizes, the last view, light or dark. A small file in the user's configuration folder.
#ifndef TRENZA_SETTINGS_H
#define TRENZA_SETTINGS_H

#include <glib.h>
#include <stdbool.h>

struct settings {
    int width; // px
    int height;
    bool maximized;
    bool findings; // whether they are shown
    int sidebar;   // px, its width
    int story;     // px, where the list ends and the story begins
    bool dark;
    bool dark_chosen; // by the user; else the desktop's wish counts
    char *view;       // "timeline" ...; owned
};

// What was remembered, or the defaults for whatever is missing or makes no sense.
void settings_load(struct settings *settings);
// Failing to write is no reason to bother anybody.
void settings_save(const struct settings *settings);
void settings_done(struct settings *settings);

#endif
