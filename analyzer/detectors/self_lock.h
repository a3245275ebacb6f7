// SPDX-License-Identifier: MIT
// The double-lock finding, for the two places that come across one: the events, and a deadlock of one thread.
#ifndef TRENZA_SELF_LOCK_H
#define TRENZA_SELF_LOCK_H

#include "detector.h"

struct self_lock {
    uint32_t thread_id;
    const struct model_object *object;
    uint32_t hold_stack;
    bool hold_shared;
    uint32_t again_stack;
    bool again_shared;
    bool refused;  // with EDEADLK
    bool incident; // told by the recorder: the same as what its events tell, if they do
};

void self_lock_report(struct detection *detection, const struct self_lock *self);

#endif
