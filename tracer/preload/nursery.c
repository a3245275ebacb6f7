// SPDX-License-Identifier: MIT
// A child that takes no lock and starts no thread writes a line in its cradle when it begins and one when it ends: two page
// faults instead of a handshake, which took three times as long as the fork (0.3 ms of 0.15). Others go on to write
// events in the segment beside it, which costs them the pages that they touch.
//
// Which cradles are not mapped here, because ancestors live in them, is inherited with the memory. Async-signal-safe.
//
// Blind: the memory of a killed process may still be in use by its vfork child, which could write an event into a cradle
// that is somebody else's by then.
#include "nursery.h"

#include <sys/mman.h>

#include "runtime.h"

_Static_assert(WIRE_CRADLES < 32, "a bit for each");

static struct wire_session *session; // NULL: there is no nursery
static uint32_t not_here;            // bit n: the segment of cradle n is not mapped

static struct wire_nursery *nursery(void)
{
    return (struct wire_nursery *)((char *)session + WIRE_PAGE);
}

void nursery_open(struct wire_session *shared)
{
    session = shared;
}

struct wire_session *nursery_session(void)
{
    return session;
}

AFTER_FORK static uint64_t now(void)
{
    const struct thread clock = { .zero_ticks = session->zero_ticks,
        .clock_monotonic = session->clock == WIRE_CLOCK_MONOTONIC };
    return ticks_now(&clock);
}

static void ring_doorbell(void)
{
    if (atomic_load(&session->sleeping) != 0) {
        atomic_fetch_add(&session->doorbell, 1);
        sys_futex_wake(&session->doorbell, 1);
    }
}

AFTER_FORK static void say_born(struct wire_cradle *cradle, uint32_t parent_pid, uint32_t forked_from)
{
    cradle->pid = sys_getpid();
    cradle->parent_pid = parent_pid;
    cradle->forked_from = forked_from;
    cradle->born_ticks = now();
    atomic_store(&cradle->state, WIRE_CRADLE_BORN);
    // The recorder looks by itself when it is awake, thirty times a second at least; it should not find the nursery full.
    const uint32_t births = atomic_fetch_add(&nursery()->births, 1) + 1;
    if (births % WIRE_CRADLES_NEWS == 0)
        ring_doorbell();
}

AFTER_FORK uint32_t nursery_be_born(uint32_t parent_pid, uint32_t forked_from)
{
    if (session == NULL || atomic_load(&session->closed) != 0 || atomic_load(&nursery()->abandoned) != 0)
        return 0;
    // The parent is in another pid namespace. There and below, pids do not mean what they mean to the recorder.
    if (parent_pid == 0) {
        session = NULL;
        return 0;
    }
    const uint32_t first = atomic_load_explicit(&nursery()->births, memory_order_relaxed);
    for (uint32_t i = 0; i < WIRE_CRADLES; i++) {
        const uint32_t index = (first + i) % WIRE_CRADLES;
        struct wire_cradle *cradle = &nursery()->cradles[index];
        uint32_t state = WIRE_CRADLE_FREE;
        if ((not_here >> index & 1) == 0 &&
            atomic_load_explicit(&cradle->state, memory_order_relaxed) == WIRE_CRADLE_FREE &&
            atomic_compare_exchange_strong(&cradle->state, &state, WIRE_CRADLE_TAKEN)) {
            say_born(cradle, parent_pid, forked_from);
            return index + 1;
        }
    }
    return 0;
}

struct wire_segment *nursery_segment(uint32_t cradle)
{
    if (session == NULL || atomic_load(&session->closed) != 0)
        return NULL;
    struct wire_segment *segment = (struct wire_segment *)((char *)session + WIRE_CRADLE_OFFSET(cradle - 1));
    not_here |= 1u << (cradle - 1);
    // A child must not write into its parent's rings.
    if (SYS3(SYS_madvise, segment, WIRE_SEGMENT_BYTES(WIRE_CRADLE_SLOTS), MADV_DONTFORK) != 0)
        return NULL;
    atomic_store(&segment->pid, sys_getpid());
    atomic_store(&nursery()->cradles[cradle - 1].used, 1);
    // Its events should not be seen long after those that others record meanwhile, above all of what it shares with them.
    ring_doorbell();
    return segment;
}

AFTER_FORK void nursery_say_exit(uint32_t cradle, int status)
{
    if (session == NULL)
        return;
    struct wire_cradle *own = &nursery()->cradles[cradle - 1];
    atomic_store(&own->exited_ticks, now());
    atomic_store(&own->exit_said, 1 + (uint32_t)(status & 255));
}

void nursery_abandon(void)
{
    if (session != NULL)
        atomic_store(&nursery()->abandoned, 1);
}

void nursery_close(void)
{
    char *const memory = (char *)session;
    if (memory == NULL)
        return;
    // First: another thread may be forking.
    session = NULL;
    for (uint32_t i = 0; i < WIRE_CRADLES; i++)
        if ((not_here >> i & 1) == 0)
            SYS3(SYS_munmap, memory + WIRE_CRADLE_OFFSET(i), WIRE_SEGMENT_BYTES(WIRE_CRADLE_SLOTS), 0);
}
