// SPDX-License-Identifier: MIT
// Steps on conditions, semaphores, barriers, once controls and variables: each requires what prediction_sync.h matches it with.
#include "prediction_builder_private.h"

#include <errno.h>

bool prediction_handoffs_count(struct prediction_builder *builder, const struct prediction_step *step)
{
    return !step->lock_only && prediction_builder_object(builder, step->object)->treatment == PREDICT_HANDOFF;
}

static bool mutex_counts(struct prediction_builder *builder, const struct prediction_step *step)
{
    return prediction_is_lock(step->mutex) &&
           prediction_builder_object(builder, step->mutex)->treatment != PREDICT_IGNORED;
}

static void add_condition_step(
    struct prediction_builder *builder, const struct prediction_step *step, struct object_state *state)
{
    uint32_t id = step->object->row.id;
    bool locks = mutex_counts(builder, step);
    switch (step->kind) {
    case EVENT_COND_WAIT:
        prediction_sync_wait(state->sync, step->thread_id, builder->clock);
        prediction_builder_append(builder, step, id, false);
        break;
    case EVENT_COND_WAKE:
        prediction_sync_wake(
            state->sync, step->thread_id, step->error == 0 || step->error == EOWNERDEAD, builder->points);
        if (step->error == ECANCELED && builder->threads[step->thread_id].cancelled.thread_id)
            g_array_append_val(builder->points, builder->threads[step->thread_id].cancelled);
        prediction_builder_append(builder, step, id, locks);
        break;
    case EVENT_COND_SIGNAL:
    case EVENT_COND_BROADCAST:
        if (prediction_sync_has_waiters(state->sync)) {
            prediction_builder_append(builder, step, id, false);
            prediction_sync_signal(state->sync, prediction_builder_here(builder, step->thread_id),
                builder->clock, step->kind == EVENT_COND_BROADCAST);
        } else {
            prediction_sync_signal(
                state->sync, prediction_builder_here(builder, step->thread_id), builder->clock, false);
        }
        break;
    default:
        break;
    }
    if (locks)
        prediction_builder_lock(builder, step, step->mutex, prediction_builder_object(builder, step->mutex));
}

static void add_semaphore_step(
    struct prediction_builder *builder, const struct prediction_step *step, struct object_state *state)
{
    struct prediction_point point = prediction_builder_next(builder, step->thread_id);
    if (event_is_acquire(step->kind))
        prediction_sync_permit(state->sync, point, builder->points);
    else if (step->kind == EVENT_POST)
        prediction_sync_post(state->sync, point, builder->points);
    else if (step->kind == EVENT_FAIL && !step->tries_first &&
             (step->error == EAGAIN || step->error == ETIMEDOUT))
        prediction_sync_no_permit(state->sync, builder->points);
    else
        return;
    prediction_builder_append(builder, step, step->object->row.id, false);
}

// Whoever runs the routine holds the control; whoever asks meanwhile waits for it as for a lock. There is one such section only, so
// nothing has to be kept in order.
static void hold_once(struct prediction_builder *builder, const struct prediction_step *step)
{
    struct thread_state *thread = &builder->threads[step->thread_id];
    if (!prediction_survey_is_once_lock(builder->survey, step->object))
        return;
    if (step->kind == EVENT_ONCE_REQUEST) {
        prediction_builder_want(builder, step, step->object, true, step->stack);
        thread->requested = step->object;
        thread->requested_stack = step->stack;
    } else if (step->kind == EVENT_ONCE_BEGIN) {
        uint32_t stack = thread->requested == step->object ? thread->requested_stack : step->stack;
        thread->requested = NULL;
        struct hold hold = { .object = step->object, .sequence = step->sequence, .stack = stack };
        held_set_add(&thread->held, &hold);
    } else if (step->kind == EVENT_ONCE_END) {
        held_set_drop(&thread->held, step->object->row.id);
    }
}

void prediction_handoffs_add(
    struct prediction_builder *builder, const struct prediction_step *step, struct object_state *state)
{
    uint32_t id = step->object->row.id;
    prediction_builder_use(builder, step, step->object, state);
    switch (step->object->row.kind) {
    case OBJECT_COND:
        add_condition_step(builder, step, state);
        return;
    case OBJECT_SEMAPHORE:
        add_semaphore_step(builder, step, state);
        return;
    default:
        break;
    }
    if (step->object->row.kind == OBJECT_ONCE)
        hold_once(builder, step);
    struct prediction_point point = prediction_builder_next(builder, step->thread_id);
    if (step->kind == EVENT_BARRIER_ARRIVE)
        prediction_sync_arrive(state->sync, point, builder->points);
    else if (step->kind == EVENT_BARRIER_LEAVE)
        prediction_sync_leave(state->sync, step->thread_id, builder->points);
    else if (step->kind == EVENT_ONCE_END || step->kind == EVENT_WRITE)
        prediction_sync_set(state->sync, point);
    else if (step->kind == EVENT_ONCE_DONE || step->kind == EVENT_READ)
        prediction_sync_see(state->sync, builder->points);
    else if (step->kind != EVENT_ONCE_BEGIN)
        return;
    prediction_builder_append(builder, step, id, false);
}

void prediction_handoffs_add_mutex(struct prediction_builder *builder, const struct prediction_step *step)
{
    if (mutex_counts(builder, step))
        prediction_builder_lock(builder, step, step->mutex, prediction_builder_object(builder, step->mutex));
}
