// SPDX-License-Identifier: MIT
// Where a process-shared object really lives.
#ifndef TRENZA_PRELOAD_SHARED_PLACE_H
#define TRENZA_PRELOAD_SHARED_PLACE_H

#include <stdint.h>

#include "wire.h"

// Fills device, inode and file offset of the shared mapping that covers an address; leaves them 0 when it is private
// memory or cannot be told. Reads /proc/self/maps: only for an object's first event. Async-signal-safe.
void shared_place(uintptr_t address, struct wire_object *object);

#endif
