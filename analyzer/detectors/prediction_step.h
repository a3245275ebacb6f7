// SPDX-License-Identifier: MIT
// One event of a run, as the prediction takes it in: what the survey and the builder have in common.
#ifndef TRENZA_PREDICTION_STEP_H
#define TRENZA_PREDICTION_STEP_H

#include "model.h"

struct prediction_step {
    uint64_t sequence; // place in the run
    uint32_t thread_id;
    uint32_t stack;
    uint32_t segment;                  // of the thread's life (thread_order.h)
    uint32_t other_thread;             // created, forked, joined, cancelled
    const struct model_object *object; // NULL: none
    const struct model_object *mutex;  // of a condition wait; NULL: it was not given away, or not taken back
    int64_t error;                     // of FAIL and COND_WAKE
    uint8_t kind;                      // enum event_kind; what was refused is left out
    bool timed;                        // JOIN_REQUEST: with a time-out
    bool owner_died;                   // an acquisition that returned EOWNERDEAD
    bool tries_first;                  // a trylock whose failure leads to waiting: it would have blocked
    bool lock_only;                    // a condition that hands nothing on: only its mutex counts
};

// How the prediction looks at an object.
enum prediction_treatment {
    PREDICT_IGNORED, // one thread only has to do with it
    PREDICT_LOCK,    // critical sections, free to change places
    PREDICT_HANDOFF, // orders threads: semaphores, conditions, barriers ...
    PREDICT_ORDERED, // a lock that is given back by others than its owner: everything about it stays in its order
};

// Objects above all others stand for threads: one that waits to join a thread wants what that thread holds until its end.
static inline uint32_t prediction_join_id(uint32_t n_objects, uint32_t thread_id)
{
    return n_objects + thread_id;
}

static inline bool prediction_is_lock(const struct model_object *object)
{
    return object && (object->row.kind == OBJECT_MUTEX || object->row.kind == OBJECT_RWLOCK ||
                         object->row.kind == OBJECT_SPINLOCK);
}

static inline bool prediction_is_semaphore(const struct model_object *object)
{
    return object && object->row.kind == OBJECT_SEMAPHORE;
}

#endif
