// SPDX-License-Identifier: MIT
// Decides who runs when, so that every run of a sample is the same run. A real program has luck in these places.
// As a rule the threads take turns and nothing bad happens; called with the argument `unlucky`, they meet at the worst
// moment, and the bug strikes; with `hurried`, nobody waits for a turn for more than half a second, so that who holds a
// thread up can bring the bug about. It is made of one atomic counter and naps: no lock, and no order that a tool can see.
#ifndef SAMPLES_LUCK_H
#define SAMPLES_LUCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

static atomic_int luck_turns_over, luck_arrived;
static bool luck_is_bad, luck_is_hurried;

static inline void luck_from_arguments(int count, char **arguments)
{
    luck_is_bad = count > 1 && strcmp(arguments[1], "unlucky") == 0;
    luck_is_hurried = count > 1 && strcmp(arguments[1], "hurried") == 0;
}

static inline void luck_wait_until(atomic_int *counter, int value)
{
    while (atomic_load(counter) < value)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

// With good luck: goes on when that many turns are over.
static inline void luck_turn(int turns_before)
{
    for (int naps = 0; !luck_is_bad && atomic_load(&luck_turns_over) < turns_before; naps++) {
        if (luck_is_hurried && naps == 500)
            return;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
}

static inline void luck_turn_over(void)
{
    atomic_fetch_add(&luck_turns_over, 1);
}

// With bad luck: goes on when that many threads are here.
static inline void luck_meet(int threads)
{
    if (!luck_is_bad)
        return;
    atomic_fetch_add(&luck_arrived, 1);
    luck_wait_until(&luck_arrived, threads);
}

#endif
