// SPDX-License-Identifier: MIT
// A cursor over one thread. Damage was told by the pass over all events already, and ends this one silently.
#include "thread_scan.h"

void thread_scan(const struct model *model, uint32_t thread_id,
    bool (*each)(const struct trace_event *event, void *data), void *data)
{
    struct store_cursor *cursor;
    if (store_cursor_new(model->store, thread_id, &cursor) < 0)
        return;
    struct trace_event event;
    while (store_cursor_next(cursor, &event) == 1 && each(&event, data))
        ;
    store_cursor_free(cursor);
}

bool thread_scan_takes(const struct trace_event *event, uint32_t lock_id, bool *ret_shared)
{
    switch (event->kind) {
    case EVENT_REQUEST:
    case EVENT_REQUEST_SHARED:
    case EVENT_ACQUIRE:
    case EVENT_ACQUIRE_SHARED:
        *ret_shared = event_is_shared(event->kind);
        return event->subject == lock_id;
    case EVENT_COND_WAKE:
        *ret_shared = false;
        return chunk_arg_object(event->arg) == lock_id;
    default:
        return false;
    }
}
