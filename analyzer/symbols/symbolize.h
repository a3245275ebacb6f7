// SPDX-License-Identifier: MIT
// Makes a finished trace readable without the binaries: names its code addresses and locks, and copies the source
// lines around them into it.
#ifndef TRENZA_SYMBOLIZE_H
#define TRENZA_SYMBOLIZE_H

#include <glib.h>
#include <stdbool.h>

#include "store.h"

// All zero is a good default.
struct symbolize_options {
    const char *debug_root; // where separate debug files are looked for; NULL: /usr/lib/debug
    // Called once a second while it takes longer than that; done of total are modules. NULL: never.
    void (*progress)(unsigned done, unsigned total, void *data);
    void *progress_data;
};

#define SYMBOLIZE_ERROR (symbolize_error_quark())
GQuark symbolize_error_quark(void);
enum symbolize_error {
    SYMBOLIZE_ERROR_STORE, // the trace could not be read or written
};

// Writes the tables symbol and source, the names of objects that live in a module's data, and coverage rows
// 'module-changed' for files that are no longer what was traced. The store is open for writing; options may be NULL.
// Whatever cannot be found (no file, no symbols, no debug information) stays unnamed: that is not an error. Never asks
// the network. Names that objects already have are kept.
bool symbolize_trace(struct store *store, const struct symbolize_options *options, GError **error);

#endif
