// SPDX-License-Identifier: MIT
// The recording's clock: which one, its zero, and how long a tick is.
#ifndef TRENZA_RECORDER_CLOCK_H
#define TRENZA_RECORDER_CLOCK_H

#include <stdint.h>

#include "wire.h"

struct clock {
    enum wire_clock kind;
    uint64_t zero_ticks; // the reading that counts as 0
    int64_t zero_ns;     // CLOCK_MONOTONIC at that moment
};

// Chooses the TSC where the processor and the kernel trust it, and takes this moment as zero.
void clock_start(struct clock *clock);
// Ticks since zero. Any thread.
uint64_t clock_ticks(const struct clock *clock);
// Ticks per second, measured from zero to now: the longer the recording, the better.
int64_t clock_ticks_per_second(const struct clock *clock);

// CLOCK_MONOTONIC in ns.
int64_t clock_now_ns(void);

#endif
