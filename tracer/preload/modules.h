// SPDX-License-Identifier: MIT
// The wire's module table: which file is mapped where, from when to when. A process has one table, that of its first
// segment. Nothing here takes the loader's lock after set-up; any thread, also in a signal handler.
#ifndef TRENZA_PRELOAD_MODULES_H
#define TRENZA_PRELOAD_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

// Announces everything loaded now. At program start, before there are other threads; and in the child of a fork with
// its new segment (then it goes by what the parent had announced, as the loader may have been caught half-way).
void modules_announce_loaded(struct wire_segment *segment, uint64_t ticks);
// Makes sure that the module at this address (code or data) is in the table; 2 ns when it is. Not in any module: nothing.
void modules_announce(struct wire_segment *segment, uintptr_t address, uint64_t ticks);
// After dlclose: marks what has gone as unloaded, and calls gone(start, end, data) for each.
void modules_drop_unloaded(struct wire_segment *segment, uint64_t ticks,
    void (*gone)(uintptr_t start, uintptr_t end, void *data), void *data);
// True when the address is in this library itself.
bool modules_is_own(uintptr_t address);

#endif
