// SPDX-License-Identifier: MIT
// The recording's clock. The TSC is read by the target without a system call; it is trusted when the processor says that it
// is invariant and the kernel still offers it as a clock source (it withdraws one whose cores drift apart). Its frequency
// is not asked for but measured against CLOCK_MONOTONIC, over the whole recording.
//
// Blind spot: a recording of less than a millisecond has a rate that is off by some hundredths of a per cent.
#include "clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

#define NS_PER_SECOND 1000000000

int64_t clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

#if defined __x86_64__
static bool kernel_offers_tsc(void)
{
    char sources[256];
    int fd = open("/sys/devices/system/clocksource/clocksource0/available_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true; // no sysfs in this container: the processor's word has to do
    ssize_t size = read(fd, sources, sizeof sources - 1);
    close(fd);
    if (size <= 0)
        return true;
    sources[size] = 0;
    return strstr(sources, "tsc") != NULL;
}

static bool tsc_is_trusted(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & 1u << 8))
        return false;
    return kernel_offers_tsc();
}

static uint64_t read_ticks(enum wire_clock kind)
{
    return kind == WIRE_CLOCK_TSC ? __rdtsc() : (uint64_t)clock_now_ns();
}
#else
static bool tsc_is_trusted(void)
{
    return false;
}

static uint64_t read_ticks(enum wire_clock kind)
{
    (void)kind;
    return (uint64_t)clock_now_ns();
}
#endif

// Both clocks at one moment: of several tries the one with the least time between the two readings of CLOCK_MONOTONIC.
static void read_both(enum wire_clock kind, uint64_t *ret_ticks, int64_t *ret_ns)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 16; i++) {
        int64_t before = clock_now_ns();
        uint64_t ticks = read_ticks(kind);
        int64_t after = clock_now_ns();
        if (after - before >= best)
            continue;
        best = after - before;
        *ret_ticks = ticks;
        *ret_ns = before + best / 2;
    }
}

void clock_start(struct clock *clock)
{
    clock->kind = tsc_is_trusted() ? WIRE_CLOCK_TSC : WIRE_CLOCK_MONOTONIC;
    read_both(clock->kind, &clock->zero_ticks, &clock->zero_ns);
}

uint64_t clock_ticks(const struct clock *clock)
{
    return read_ticks(clock->kind) - clock->zero_ticks;
}

int64_t clock_ticks_per_second(const struct clock *clock)
{
    if (clock->kind == WIRE_CLOCK_MONOTONIC)
        return NS_PER_SECOND;
    uint64_t ticks = 0;
    int64_t ns = 0;
    read_both(clock->kind, &ticks, &ns);
    if (ns <= clock->zero_ns)
        return NS_PER_SECOND;
    return (int64_t)((double)(ticks - clock->zero_ticks) * NS_PER_SECOND / (double)(ns - clock->zero_ns));
}
