// SPDX-License-Identifier: MIT
// Steering: holding threads up at chosen places, so that a deadlock that can happen does (wire.h, struct wire_steer).
#ifndef TRENZA_PRELOAD_STEER_H
#define TRENZA_PRELOAD_STEER_H

#include "record.h"

// Perhaps waits, if this is one of the places, before the lock is taken. Any thread; leaves errno alone and is no
// cancellation point. Does nothing in a signal handler.
void steer_hold_up(struct thread *thread, const struct caller *caller, const void *object,
    enum object_kind kind, bool shared);

// In a hook's own body, before it takes a lock for however long it takes.
#define STEER(call, object, kind, shared)                                                                    \
    do {                                                                                                     \
        if (UNLIKELY((call)->thread->steered)) {                                                             \
            const struct caller steered_caller = CALLER();                                                   \
            steer_hold_up((call)->thread, &steered_caller, (object), (kind), (shared));                      \
        }                                                                                                    \
    } while (0)

#endif
