// SPDX-License-Identifier: MIT
// Copies the source lines around the places a trace names into it.
#ifndef TRENZA_SOURCE_LINES_H
#define TRENZA_SOURCE_LINES_H

#include <glib.h>

#include "store.h"

struct source_lines;

struct source_lines *source_lines_new(void);
void source_lines_free(struct source_lines *lines);
// Asks for a line and the few around it.
void source_lines_want(struct source_lines *lines, const char *file, int line);
// Writes what was asked for and can be read; a negative errno of the store. Files that are not there, not regular or
// absurdly large are skipped.
int source_lines_write(struct source_lines *lines, struct store *store);

// Text as the trace has it: bytes that are not UTF-8, and control characters but tab, become "\xNN". g_free.
char *source_lines_escape(const char *text, size_t length);

#endif
