// SPDX-License-Identifier: MIT
// The way to the trace, for everything on the drain thread: the store, and what happens when it cannot be written to any more.
#ifndef TRENZA_RECORDER_WRITER_H
#define TRENZA_RECORDER_WRITER_H

#include <stdbool.h>

#include "store.h"

struct writer {
    struct store *store;
    bool
        failed; // once true nothing is written any more; draining goes on, so that no target ever waits for a disk
    char *message; // why, in one line
};

// Notes the result of a call of the store.
void writer_note(struct writer *writer, int result);
void writer_done(struct writer *writer);

// WRITER_PUT(writer, store_put_thread, &row): calls the store unless writing has failed before.
#define WRITER_PUT(writer, function, ...)                                                                    \
    do {                                                                                                     \
        if (!(writer)->failed)                                                                               \
            writer_note((writer), function((writer)->store, __VA_ARGS__));                                   \
    } while (0)

#endif
