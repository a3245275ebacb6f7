// SPDX-License-Identifier: MIT
// Many traces at a time: found in folders, analysed side by side.
#ifndef TRENZA_TRACES_H
#define TRENZA_TRACES_H

#include <glib.h>
#include <stdbool.h>

// The operands as paths of traces; a folder stands for every *.db below it that is a SQLite file, by name. Of char *; the
// caller unrefs it. NULL and *error when a folder cannot be read or holds none.
GPtrArray *traces_find(char **operands, GError **error);

// Opens and analyses all of them, as many at once as there are processors; tells progress on a terminal's standard error when
// there are several. Of struct analysis *, in the same order; their stores are closed, so a thousand traces need no
// thousand descriptors. The caller unrefs it. NULL and *error for the first that cannot be analysed.
GPtrArray *traces_analyse(const GPtrArray *paths, bool all, GError **error);

#endif
