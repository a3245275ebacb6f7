// SPDX-License-Identifier: MIT
// Statistics by lock class. Semaphores count as locks that are waited for, but nobody holds them. A reader's hold time counts like
// a writer's, so that of a rwlock may exceed the time that passed.
#include "lock_stats.h"

#include "waited.h"

static void add_hold(struct lock_stats *stats, uint64_t ticks)
{
    stats->hold_ticks += ticks;
    stats->max_hold_ticks = MAX(stats->max_hold_ticks, ticks);
}

static void add_wait(struct lock_stats *stats, const struct waited *waited, const struct replay_step *step)
{
    uint64_t ticks;
    if (!waited_for(waited, step, &ticks))
        return;
    stats->wait_ticks += ticks;
    stats->max_wait_ticks = MAX(stats->max_wait_ticks, ticks);
    stats->contended += event_is_acquire(step->event->kind);
}

static void count_step(struct lock_stats *all, struct waited *waited, const struct replay_step *step)
{
    const struct model_object *object = step->mutex ? step->mutex : step->object;
    if (!object)
        return;
    struct lock_stats *stats = &all[object->class_id];
    const struct trace_event *event = step->event;
    if (event_is_acquire(event->kind)) {
        stats->acquisitions++;
        add_wait(stats, waited, step);
    } else if (event->kind == EVENT_FAIL) {
        stats->failed++;
        add_wait(stats, waited, step);
    } else if ((event->kind == EVENT_RELEASE && !step->ordered->refused) || event->kind == EVENT_COND_WAIT) {
        const struct hold *hold = held_set_find(&step->thread->held, object->row.id);
        if (hold && hold->depth == 1)
            add_hold(stats, event->ticks > hold->ticks ? event->ticks - hold->ticks : 0);
    }
    waited_apply(waited, step);
}

static int by_wait(const void *a, const void *b)
{
    const struct lock_stats *x = a;
    const struct lock_stats *y = b;
    if (x->wait_ticks != y->wait_ticks)
        return x->wait_ticks > y->wait_ticks ? -1 : 1;
    if (x->acquisitions != y->acquisitions)
        return x->acquisitions > y->acquisitions ? -1 : 1;
    return x->object->row.id < y->object->row.id ? -1 : 1;
}

GArray *lock_stats_of(const struct model *model, GError **error)
{
    g_autofree struct lock_stats *all = g_new0(struct lock_stats, model->n_classes + 1);
    for (unsigned i = 0; i < model->objects->len; i++) {
        const struct model_object *object = model->objects->pdata[i];
        if (object && !all[object->class_id].objects++)
            all[object->class_id].object = object;
    }
    struct waited waited;
    waited_init(&waited, model);
    struct replay *replay = replay_new(model);
    struct replay_step step;
    int r;
    while ((r = replay_next(replay, &step)) == 1)
        count_step(all, &waited, &step);
    replay_free(replay);
    waited_done(&waited);
    if (r < 0) {
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s", store_message(model->store));
        return NULL;
    }
    GArray *used = g_array_new(false, false, sizeof(struct lock_stats));
    for (unsigned i = 1; i <= model->n_classes; i++)
        if (all[i].acquisitions || all[i].failed || all[i].hold_ticks)
            g_array_append_val(used, all[i]);
    g_array_sort(used, by_wait);
    return used;
}
