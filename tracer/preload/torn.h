// SPDX-License-Identifier: MIT
// Events that were begun and never ended.
#ifndef TRENZA_PRELOAD_TORN_H
#define TRENZA_PRELOAD_TORN_H

#include "runtime.h"

// Notes n slots, filled from `first`, that only wait for being published.
void torn_note_whole(struct thread *thread, uint64_t first, uint64_t n);
// Where what waits for an interrupted event fills the ring by itself, and no draining can help: publishes without it.
void torn_make_room(struct thread *thread);

#endif
