// SPDX-License-Identifier: MIT
// double-lock: a thread asks for what it already holds and cannot have twice. Seen when it blocks for it, or when an
// error-checking lock refuses with EDEADLK. Blind to a trylock that fails on the thread's own lock: that is a question, not a bug.
#include <errno.h>

#include "detector.h"
#include "rules.h"
#include "self_lock.h"

static void *begin(struct detection *detection)
{
    return detection;
}

static bool blocks_itself(const struct replay_step *step)
{
    const struct hold *hold = step->hold;
    bool shared = event_is_shared(step->event->kind);
    switch (hold->object->row.kind) {
    case OBJECT_MUTEX:
        return !(hold->object->row.flags & OBJECT_RECURSIVE);
    case OBJECT_SPINLOCK:
        return true;
    case OBJECT_RWLOCK:
        return !shared || !hold->shared;
    default:
        return false;
    }
}

static void event(void *state, const struct replay_step *step)
{
    struct detection *detection = state;
    if (!step->hold)
        return;
    if (step->event->kind == EVENT_FAIL) {
        bool asked = event_is_request(step->thread->request.kind);
        if (step->event->arg != EDEADLK || (asked && step->thread->request.subject == step->event->subject))
            return; // reported when it asked
    } else if (!blocks_itself(step)) {
        return;
    }
    struct self_lock self = {
        .thread_id = step->ordered->thread_id,
        .object = step->object,
        .hold_stack = step->hold->stack,
        .hold_shared = step->hold->shared,
        .again_stack = step->event->stack,
        .again_shared = event_is_shared(step->event->kind),
        .refused = step->event->kind == EVENT_FAIL,
    };
    self_lock_report(detection, &self);
}

static void finish(void *state)
{
    (void)state;
}

const struct detector detector_double_lock = {
    .name = "double-lock",
    .kinds = DETECTOR_SEES(EVENT_REQUEST) | DETECTOR_SEES(EVENT_REQUEST_SHARED) |
             DETECTOR_SEES(EVENT_REQUEST_TIMED) | DETECTOR_SEES(EVENT_REQUEST_TIMED_SHARED) |
             DETECTOR_SEES(EVENT_FAIL),
    .begin = begin,
    .event = event,
    .finish = finish,
};
