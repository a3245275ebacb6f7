// SPDX-License-Identifier: MIT
// invalid-object: used after destroy or without having been initialised, a copy of a locked lock, initialised again while in
// use, destroyed while threads wait for it.
//
// What an object's memory looks like at its first use is told by the recording (OBJECT_DESTROYED and the flags behind it).
// Destroying a condition right after a broadcast is legal, although the waiters have not left yet. Destroying or freeing a
// lock that is held is unreleased-lock's matter. Blind to a copy of an unlocked lock, and to an object in memory that only
// the program itself recycles.
#include <errno.h>

#include "detector.h"
#include "rules.h"
#include "wire.h"

const struct rule rule_invalid_object = {
    .id = "invalid-object",
    .level = LEVEL_ERROR,
    .summary = "Something is used that is not, or no longer, a valid object",
    .help =
        "Initialise once before anybody can use it, destroy once when nobody can any more; never copy it.",
};

struct place {
    uint32_t thread_id;
    uint32_t stack;
};

// An object initialised again while in use; the INIT event that follows tells where.
struct again {
    const struct model_object *object;
    const char *action; // what the other thread does with it
    struct place other;
};

struct invalid_object {
    struct detection *detection;
    GHashTable *destroyed; // address, by process -> struct place
    GHashTable *again;     // thread.id -> struct again
    GHashTable *arrivals;  // object.id of a barrier -> how many have come
};

static guint64 *address_key(const struct model_object *object)
{
    guint64 *key = g_new(guint64, 1);
    *key = object->row.address ^ (guint64)object->row.process_id << 48;
    return key;
}

static void *begin(struct detection *detection)
{
    struct invalid_object *state = g_new0(struct invalid_object, 1);
    state->detection = detection;
    state->destroyed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    state->again = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    state->arrivals = g_hash_table_new(NULL, NULL);
    return state;
}

static const char *kind_name(const struct model_object *object)
{
    const char *name = object_kind_name(object->row.kind);
    return name ? name : "object";
}

static void add(struct invalid_object *state, struct finding *finding, const struct replay_step *step,
    const char *how, uint32_t other_stack)
{
    const struct model *model = state->detection->model;
    if (!finding->site_stack)
        finding->site_stack = step->event->stack;
    g_autofree char *here = fingerprint_stack(model, finding->site_stack);
    g_autofree char *there = fingerprint_stack(model, other_stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s\n%s\n%s", how, kind_name(step->object), there, here);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

// --- at its first use ---

static void report_destroyed(struct invalid_object *state, const struct replay_step *step)
{
    struct finding *finding = finding_new(state->detection->model, &rule_invalid_object, LEVEL_ERROR);
    g_autofree guint64 *key = address_key(step->object);
    const struct place *end = g_hash_table_lookup(state->destroyed, key);
    if (end)
        finding_add_step(finding, end->thread_id, "destroy", step->object, end->stack, NULL, 0);
    finding_add_step(finding, step->ordered->thread_id, "use", step->object, step->event->stack,
        step->thread->held.holds, step->thread->held.count);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    g_autofree char *other = end ? finding_thread_label(finding, end->thread_id) : NULL;
    bool itself = end && end->thread_id == step->ordered->thread_id;
    finding_set_message(finding, g_strdup_printf("%s uses the %s '%s' after %s has destroyed it", self,
                                     kind_name(step->object), step->object->label,
                                     itself  ? "it"
                                     : other ? other
                                             : "somebody"));
    add(state, finding, step, "destroyed", end ? end->stack : 0);
}

static void report_uninitialised(struct invalid_object *state, const struct replay_step *step)
{
    const struct model_object *object = step->object;
    const struct trace_process *process = model_process(state->detection->model, object->row.process_id);
    bool taken = object->row.flags & OBJECT_TAKEN;
    if (taken && process && process->threads_unrecorded)
        return;
    // In memory that happens to be zero these work all the same.
    bool mild = object->row.kind == OBJECT_SEMAPHORE || object->row.kind == OBJECT_SPINLOCK;
    struct finding *finding =
        finding_new(state->detection->model, &rule_invalid_object, mild ? LEVEL_WARNING : LEVEL_ERROR);
    finding_add_step(finding, step->ordered->thread_id, "use", object, step->event->stack,
        step->thread->held.holds, step->thread->held.count);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    finding_set_message(finding,
        taken ? g_strdup_printf("%s uses the %s '%s', which is locked although nobody has locked it: "
                                "a copy of a locked one, or never initialised",
                    self, kind_name(object), object->label)
              : g_strdup_printf("%s uses the %s '%s', which was never initialised there", self,
                    kind_name(object), object->label));
    add(state, finding, step, taken ? "copied" : "uninitialised", 0);
}

static void first_use(struct invalid_object *state, const struct replay_step *step)
{
    uint32_t flags = step->object->row.flags;
    if (flags & OBJECT_BY_INIT)
        return;
    if (flags & OBJECT_DESTROYED)
        report_destroyed(state, step);
    else if (flags & OBJECT_UNINITIALISED)
        report_uninitialised(state, step);
}

// A mutex that was good once and is none now: its memory was overwritten.
static void refused(struct invalid_object *state, const struct replay_step *step)
{
    const struct model_object *object = step->object;
    bool timed = step->thread->request.kind == EVENT_REQUEST_TIMED ||
                 step->thread->request.kind == EVENT_REQUEST_TIMED_SHARED;
    if (object->row.kind != OBJECT_MUTEX || timed ||
        object->row.flags & (OBJECT_PRIO_PROTECT | OBJECT_DESTROYED | OBJECT_UNINITIALISED))
        return;
    struct finding *finding = finding_new(state->detection->model, &rule_invalid_object, LEVEL_ERROR);
    finding_add_step(finding, step->ordered->thread_id, "use", object, step->event->stack,
        step->thread->held.holds, step->thread->held.count);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    finding_set_message(finding, g_strdup_printf("%s uses the mutex '%s', whose memory is no mutex any more "
                                                 "(refused with EINVAL)",
                                     self, object->label));
    add(state, finding, step, "overwritten", 0);
}

// --- while in use ---

// What some other thread does with the object at this moment; NULL: nothing.
static const char *use_by_other(
    struct invalid_object *state, const struct replay_step *step, struct place *ret_other)
{
    struct replay *replay = state->detection->replay;
    uint32_t id = step->object->row.id;
    unsigned n;
    const struct waiter *waiters = waiters_at(replay_waiters(replay), id, &n);
    if (n && waiters_unsignalled(replay_waiters(replay), id)) {
        *ret_other = (struct place){ waiters[0].thread_id, waiters[0].stack };
        return "cond-wait";
    }
    const struct hold *hold = step->hold;
    uint32_t holder_id = step->ordered->thread_id;
    if (!hold)
        hold = replay_find_holder(replay, id, 0, &holder_id);
    if (!hold)
        return NULL;
    *ret_other = (struct place){ holder_id, hold->stack };
    return hold->shared ? "acquire-shared" : "acquire";
}

static void initialise_again(struct invalid_object *state, const struct replay_step *step)
{
    struct again *again = g_new0(struct again, 1);
    again->object = step->object;
    again->action = use_by_other(state, step, &again->other);
    if (again->action && !replay_is_unsure(state->detection->replay, step->object->row.id))
        g_hash_table_insert(state->again, GUINT_TO_POINTER(step->ordered->thread_id), again);
    else
        g_free(again);
}

static void report_again(struct invalid_object *state, const struct replay_step *step)
{
    const struct again *again = g_hash_table_lookup(state->again, GUINT_TO_POINTER(step->ordered->thread_id));
    if (!again)
        return;
    if (step->object && again->object->row.address == step->object->row.address) {
        struct finding *finding = finding_new(state->detection->model, &rule_invalid_object, LEVEL_ERROR);
        finding_add_step(
            finding, again->other.thread_id, again->action, again->object, again->other.stack, NULL, 0);
        finding_add_step(finding, step->ordered->thread_id, "init", again->object, step->event->stack,
            step->thread->held.holds, step->thread->held.count);
        g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
        g_autofree char *other = finding_thread_label(finding, again->other.thread_id);
        bool itself = again->other.thread_id == step->ordered->thread_id;
        finding_set_message(
            finding, g_strdup_printf("%s initialises the %s '%s' again while %s %s it", self,
                         kind_name(again->object), again->object->label, itself ? "it" : other,
                         g_str_equal(again->action, "cond-wait") ? "waits at" : "holds"));
        add(state, finding, step, "again", again->other.stack);
    }
    g_hash_table_remove(state->again, GUINT_TO_POINTER(step->ordered->thread_id));
}

static void report_waiters(struct invalid_object *state, const struct replay_step *step, const char *action,
    const struct place *waiter, unsigned n)
{
    struct finding *finding = finding_new(state->detection->model, &rule_invalid_object, LEVEL_ERROR);
    finding_add_step(finding, waiter->thread_id, action, step->object, waiter->stack, NULL, 0);
    finding_add_step(finding, step->ordered->thread_id, "destroy", step->object, step->event->stack,
        step->thread->held.holds, step->thread->held.count);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    g_autofree char *other = finding_thread_label(finding, waiter->thread_id);
    finding_set_message(finding, n == 1
                                     ? g_strdup_printf("%s destroys the %s '%s' while %s waits at it", self,
                                           kind_name(step->object), step->object->label, other)
                                     : g_strdup_printf("%s destroys the %s '%s' while %u threads wait at it",
                                           self, kind_name(step->object), step->object->label, n));
    add(state, finding, step, "waiters", waiter->stack);
}

static void destroy_condition(struct invalid_object *state, const struct replay_step *step)
{
    const struct waiters *book = replay_waiters(state->detection->replay);
    unsigned n;
    const struct waiter *waiters = waiters_at(book, step->object->row.id, &n);
    unsigned left = waiters_unsignalled(book, step->object->row.id);
    const struct waiter *first = NULL;
    for (unsigned i = 0; i < n; i++) {
        if (waiters[i].timed) // may leave in this very moment
            left -= left > 0;
        else if (!first)
            first = &waiters[i];
    }
    if (left && first) {
        struct place place = { first->thread_id, first->stack };
        report_waiters(state, step, "cond-wait", &place, left);
    }
}

static void destroy_barrier(struct invalid_object *state, const struct replay_step *step)
{
    guint64 come =
        GPOINTER_TO_SIZE(g_hash_table_lookup(state->arrivals, GUINT_TO_POINTER(step->object->row.id)));
    g_hash_table_remove(state->arrivals, GUINT_TO_POINTER(step->object->row.id));
    guint64 count = step->object->row.value;
    if (!count || come % count == 0)
        return;
    for (uint32_t i = 0; i < state->detection->model->threads->len; i++) {
        const struct replay_thread *thread = replay_find_thread(state->detection->replay, i);
        if (!thread || thread->request.kind != EVENT_BARRIER_ARRIVE ||
            thread->request.subject != step->object->row.id)
            continue;
        struct place place = { i, thread->request.stack };
        report_waiters(state, step, "barrier-arrive", &place, (unsigned)(come % count));
        return;
    }
}

static void destroy(struct invalid_object *state, const struct replay_step *step)
{
    if (step->object->row.kind == OBJECT_COND)
        destroy_condition(state, step);
    else if (step->object->row.kind == OBJECT_BARRIER)
        destroy_barrier(state, step);
    if (step->ordered->refused)
        return;
    struct place *place = g_new(struct place, 1);
    *place = (struct place){ step->ordered->thread_id, step->event->stack };
    g_hash_table_replace(state->destroyed, address_key(step->object), place);
}

static void arrive(struct invalid_object *state, const struct replay_step *step)
{
    gpointer key = GUINT_TO_POINTER(step->object->row.id);
    gsize come = GPOINTER_TO_SIZE(g_hash_table_lookup(state->arrivals, key));
    g_hash_table_insert(state->arrivals, key, GSIZE_TO_POINTER(come + 1));
}

static void event(void *data, const struct replay_step *step)
{
    struct invalid_object *state = data;
    if (!step->object)
        return;
    switch (step->event->kind) {
    case EVENT_OBJECT:
        first_use(state, step);
        break;
    case EVENT_INIT:
        report_again(state, step);
        break;
    case EVENT_DESTROY:
        destroy(state, step);
        break;
    case EVENT_OBJECT_END:
        if (step->event->arg == WIRE_END_REINIT)
            initialise_again(state, step);
        break;
    case EVENT_BARRIER_ARRIVE:
        arrive(state, step);
        break;
    default:
        if (step->event->arg == EINVAL)
            refused(state, step);
    }
}

static void finish(void *data)
{
    struct invalid_object *state = data;
    g_hash_table_unref(state->destroyed);
    g_hash_table_unref(state->again);
    g_hash_table_unref(state->arrivals);
    g_free(state);
}

const struct detector detector_invalid_object = {
    .name = "invalid-object",
    .kinds = DETECTOR_SEES(EVENT_OBJECT) | DETECTOR_SEES(EVENT_INIT) | DETECTOR_SEES(EVENT_DESTROY) |
             DETECTOR_SEES(EVENT_OBJECT_END) | DETECTOR_SEES(EVENT_BARRIER_ARRIVE) |
             DETECTOR_SEES(EVENT_FAIL) | DETECTOR_SEES(EVENT_RELEASE_FAILED),
    .begin = begin,
    .event = event,
    .finish = finish,
};
