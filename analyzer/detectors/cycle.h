// SPDX-License-Identifier: MIT
// A circle of threads, each of which holds a lock the one before it wants: as it could happen, or as it did.
#ifndef TRENZA_CYCLE_H
#define TRENZA_CYCLE_H

#include "detector.h"

// One thread of the circle.
struct cycle_edge {
    uint32_t thread_id;
    const struct hold *held; // all it holds, in order of acquisition; only object, stack and shared count
    unsigned n_held;
    unsigned
        key; // index in held of the lock the thread before it in the circle wants; n_held: it wants this thread's end
    const struct model_object *wanted; // NULL: it waits to join the next thread
    uint32_t wanted_stack;
    bool wanted_shared;
};

// The action of a step that takes, or wants, an object of a circle.
const char *cycle_take_action(const struct model_object *object, bool shared);
const char *cycle_want_action(const struct model_object *object, bool shared);

// What identifies the circle: classes of locks and places in the code, the same wherever one begins to tell it. The caller
// frees it.
char *cycle_fingerprint(const struct model *model, const struct cycle_edge *edges, unsigned n);
// A finding that tells the circle; reason, verdict and message are the caller's to add. Its id comes from the fingerprint.
struct finding *cycle_finding(const struct model *model, const struct rule *rule, enum finding_level level,
    const struct cycle_edge *edges, unsigned n);

#endif
