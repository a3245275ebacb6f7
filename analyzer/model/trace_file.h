// SPDX-License-Identifier: MIT
// A trace by its path: opened for reading and loaded in one go, for readers that have no use for the store itself.
#ifndef TRENZA_TRACE_FILE_H
#define TRENZA_TRACE_FILE_H

#include "model.h"

struct trace_file {
    char *path;
    struct store *store; // used by one thread at a time
    struct model *model;
};

// NULL and *error (one clear line) when there is no trace, or it is damaged, foreign or newer. Never changes the file.
struct trace_file *trace_file_open(const char *path, GError **error);
void trace_file_close(struct trace_file *file);

#endif
