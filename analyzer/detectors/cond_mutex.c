// SPDX-License-Identifier: MIT
// cond-unheld-mutex: a wait gives back a mutex its thread does not hold. cond-mixed-mutex: waiters of one condition give
// back different mutexes; an error when they wait at the same time (undefined by POSIX), a warning when they could.
#include "detector.h"
#include "rules.h"

const struct rule rule_cond_unheld_mutex = {
    .id = "cond-unheld-mutex",
    .level = LEVEL_ERROR,
    .summary = "A thread waits for a condition without holding the mutex",
    .help = "Lock the mutex, test in a loop what you wait for, and wait in that loop; unlock afterwards.",
};
const struct rule rule_cond_mixed_mutex = {
    .id = "cond-mixed-mutex",
    .level = LEVEL_ERROR,
    .summary = "Waiters of one condition use different mutexes",
    .help = "Give each condition one mutex, the one that protects what it is about.",
};

// The first wait with each mutex.
struct use {
    uint32_t thread_id;
    uint32_t segment;
    uint32_t stack;
    const struct model_object *mutex;
};

struct cond_mutex {
    struct detection *detection;
    GHashTable *uses; // object.id of the condition -> GArray of struct use
};

static void unref_array(void *array)
{
    g_array_unref(array);
}

static void *begin(struct detection *detection)
{
    struct cond_mutex *state = g_new0(struct cond_mutex, 1);
    state->detection = detection;
    state->uses = g_hash_table_new_full(NULL, NULL, NULL, unref_array);
    return state;
}

static void report_unheld(struct cond_mutex *state, const struct replay_step *step)
{
    const struct model *model = state->detection->model;
    struct finding *finding = finding_new(model, &rule_cond_unheld_mutex, LEVEL_ERROR);
    struct replay_thread *owner = replay_find_thread(state->detection->replay, step->ordered->owner);
    const struct hold *hold = owner ? held_set_find(&owner->held, step->mutex->row.id) : NULL;
    if (hold)
        finding_add_step(finding, step->ordered->owner, "acquire", step->mutex, hold->stack, NULL, 0);
    finding_add_step(finding, step->ordered->thread_id, "cond-wait", step->object, step->event->stack,
        step->thread->held.holds, step->thread->held.count);
    if (!hold)
        g_ptr_array_add(finding->objects, (void *)step->mutex);
    finding->site_stack = step->event->stack;
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    g_autofree char *other = hold ? finding_thread_label(finding, step->ordered->owner) : NULL;
    finding_set_message(
        finding, g_strdup_printf("%s waits for '%s' with '%s', which %s%s", self, step->object->label,
                     step->mutex->label, other ? other : "it does not hold", other ? " holds" : ""));
    g_autofree char *waits = fingerprint_stack(model, step->event->stack);
    g_autofree char *parts =
        g_strdup_printf("%s\n%s\n%s", step->object->fingerprint, step->mutex->fingerprint, waits);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

static void report_mixed(
    struct cond_mutex *state, const struct replay_step *step, const struct use *other, bool together)
{
    const struct model *model = state->detection->model;
    struct finding *finding =
        finding_new(model, &rule_cond_mixed_mutex, together ? LEVEL_ERROR : LEVEL_WARNING);
    struct hold first = { .object = other->mutex };
    struct hold second = { .object = step->mutex };
    finding_add_step(finding, other->thread_id, "cond-wait", step->object, other->stack, &first, 1);
    finding_add_step(
        finding, step->ordered->thread_id, "cond-wait", step->object, step->event->stack, &second, 1);
    finding->site_stack = step->event->stack;
    g_autofree char *a = finding_thread_label(finding, other->thread_id);
    g_autofree char *b = finding_thread_label(finding, step->ordered->thread_id);
    g_autofree char *mutex_a = finding_object_label(finding, other->mutex);
    g_autofree char *mutex_b = finding_object_label(finding, step->mutex);
    finding_set_message(
        finding, g_strdup_printf("%s waits for '%s' with '%s', %s with '%s'%s", a, step->object->label,
                     mutex_a, b, mutex_b, together ? ", at the same time" : ""));
    g_autofree char *waits_a = fingerprint_stack(model, other->stack);
    g_autofree char *waits_b = fingerprint_stack(model, step->event->stack);
    bool swapped = g_strcmp0(waits_a, waits_b) > 0;
    g_autofree char *parts = g_strdup_printf(
        "%s\n%s\n%s", step->object->fingerprint, swapped ? waits_b : waits_a, swapped ? waits_a : waits_b);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

// Somebody who waits at this moment with another mutex.
static bool look_at_waiters(struct cond_mutex *state, const struct replay_step *step)
{
    unsigned n;
    const struct waiter *waiters =
        waiters_at(replay_waiters(state->detection->replay), step->object->row.id, &n);
    for (unsigned i = 0; i < n; i++) {
        const struct model_object *mutex = model_object(state->detection->model, waiters[i].mutex);
        if (!mutex || mutex == step->mutex || waiters[i].thread_id == step->ordered->thread_id)
            continue;
        struct use other = { .thread_id = waiters[i].thread_id, .stack = waiters[i].stack, .mutex = mutex };
        report_mixed(state, step, &other, true);
        return true;
    }
    return false;
}

static void look_at_uses(struct cond_mutex *state, const struct replay_step *step, bool reported)
{
    struct thread_order *order = replay_thread_order(state->detection->replay);
    GArray *uses = g_hash_table_lookup(state->uses, GUINT_TO_POINTER(step->object->row.id));
    struct use self = {
        .thread_id = step->ordered->thread_id,
        .segment = thread_order_segment(order, step->ordered->thread_id),
        .stack = step->event->stack,
        .mutex = step->mutex,
    };
    if (!uses) {
        uses = g_array_new(false, false, sizeof(struct use));
        g_hash_table_insert(state->uses, GUINT_TO_POINTER(step->object->row.id), uses);
    }
    for (unsigned i = 0; i < uses->len; i++) {
        const struct use *other = &g_array_index(uses, struct use, i);
        if (other->mutex == step->mutex)
            return;
        if (!reported &&
            thread_order_concurrent(order, other->thread_id, other->segment, self.thread_id, self.segment))
            report_mixed(state, step, other, false);
    }
    g_array_append_val(uses, self);
}

static void event(void *data, const struct replay_step *step)
{
    struct cond_mutex *state = data;
    if (step->event->kind != EVENT_COND_WAIT) {
        if (step->object && step->object->row.kind == OBJECT_COND)
            g_hash_table_remove(state->uses, GUINT_TO_POINTER(step->object->row.id));
        return;
    }
    if (!step->object || !step->mutex || step->thread->lost)
        return;
    if (!held_set_find(&step->thread->held, step->mutex->row.id)) {
        if (!replay_is_unsure(state->detection->replay, step->mutex->row.id) &&
            !(step->mutex->row.flags & OBJECT_TAKEN))
            report_unheld(state, step);
        return;
    }
    bool reported = look_at_waiters(state, step);
    look_at_uses(state, step, reported);
}

static void finish(void *data)
{
    struct cond_mutex *state = data;
    g_hash_table_unref(state->uses);
    g_free(state);
}

const struct detector detector_cond_mutex = {
    .name = "cond-mutex",
    .kinds = DETECTOR_SEES(EVENT_COND_WAIT) | DETECTOR_SEES(EVENT_DESTROY) | DETECTOR_SEES(EVENT_OBJECT_END),
    .begin = begin,
    .event = event,
    .finish = finish,
};
