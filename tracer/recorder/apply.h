// SPDX-License-Identifier: MIT
// What one ring event means: it changes what is known of threads and objects and goes into its thread's chunk.
#ifndef TRENZA_RECORDER_APPLY_H
#define TRENZA_RECORDER_APPLY_H

#include "process.h"

// Takes the events in [tail, head) of the ring, which the target has published, one after the other. Returns the new
// tail: head, unless the last event's payload is not all there.
uint64_t apply_events(struct recording *recording, struct ring *ring, uint64_t tail, uint64_t head);

#endif
