// SPDX-License-Identifier: MIT
// Did whoever asked for a lock have to wait for it? Calls with a time-out say that they ask also where the lock is free: they have
// waited when somebody has given it back meanwhile.
#ifndef TRENZA_WAITED_H
#define TRENZA_WAITED_H

#include "replay.h"

struct waited {
    uint64_t *given; // by object id: the sequence of what gave it back last
};

static inline void waited_init(struct waited *waited, const struct model *model)
{
    waited->given = g_new0(uint64_t, model->objects->len);
}

static inline void waited_done(struct waited *waited)
{
    g_free(waited->given);
}

// Call it for each step, after asking about it.
static inline void waited_apply(struct waited *waited, const struct replay_step *step)
{
    const struct model_object *object = step->mutex ? step->mutex : step->object;
    const unsigned kind = step->event->kind;
    if (object && (kind == EVENT_RELEASE || kind == EVENT_POST || kind == EVENT_COND_WAIT))
        waited->given[object->row.id] = step->ordered->sequence;
}

// How long the thread has waited for what it now gets, or fails to get. False: it has not.
static inline bool waited_for(
    const struct waited *waited, const struct replay_step *step, uint64_t *ret_ticks)
{
    const struct replay_request *request = &step->thread->request;
    if (!event_is_request(request->kind) || request->subject != step->event->subject)
        return false;
    const bool timed = request->kind == EVENT_REQUEST_TIMED || request->kind == EVENT_REQUEST_TIMED_SHARED;
    if (timed && step->event->kind != EVENT_FAIL && waited->given[request->subject] < request->sequence)
        return false;
    *ret_ticks = step->event->ticks > request->ticks ? step->event->ticks - request->ticks : 0;
    return true;
}

#endif
