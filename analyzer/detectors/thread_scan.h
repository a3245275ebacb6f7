// SPDX-License-Identifier: MIT
// One thread's events again, for a detector that learns only at the end what it should have looked for. Cost: reading them.
#ifndef TRENZA_THREAD_SCAN_H
#define TRENZA_THREAD_SCAN_H

#include "model.h"

// Calls back for each event of the thread in its order until the callback returns false or they end.
void thread_scan(const struct model *model, uint32_t thread_id,
    bool (*each)(const struct trace_event *event, void *data), void *data);

// True when the event takes the lock, or asks for it, in a way that could block for ever; ret_shared: as a reader.
bool thread_scan_takes(const struct trace_event *event, uint32_t lock_id, bool *ret_shared);

#endif
