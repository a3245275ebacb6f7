// SPDX-License-Identifier: MIT
// The way to the trace. The first error is kept and ends all writing: after a full disk, half of the later rows would be
// there and half not, which is worse than a clean end.
#include "writer.h"

#include <glib.h>

void writer_note(struct writer *writer, int result)
{
    if (result >= 0 || writer->failed)
        return;
    writer->failed = true;
    const char *message = store_message(writer->store);
    writer->message = g_strdup(message && *message ? message : g_strerror(-result));
}

void writer_done(struct writer *writer)
{
    g_free(writer->message);
    writer->message = NULL;
}
