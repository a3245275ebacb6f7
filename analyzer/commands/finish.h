// SPDX-License-Identifier: MIT
// What remains to be done with a trace when its recording is over.
#ifndef TRENZA_FINISH_H
#define TRENZA_FINISH_H

#include <glib.h>
#include <stdbool.h>

#include "finding.h"

struct store;

// Puts names, lines and source text into the trace at path, so that it can be read without the binaries. Does nothing when
// that has been done before. False and *error when the trace cannot be opened or written.
bool finish_trace(const char *path, GError **error);

// The same for the trace that store holds, open for writing. Closes it.
bool finish_open_trace(struct store *store, const char *path, GError **error);

// Keeps the findings of a report in the trace at path, whole, in place of those that were there.
bool store_findings(const char *path, const struct finding_list *list, GError **error);

#endif
