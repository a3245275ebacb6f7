// SPDX-License-Identifier: MIT
// foreign-unlock, unlock-unheld: a thread gives back what it does not hold, while another does or nobody.
//
// Whether a thread holds a lock is told by its own events alone, so this does not depend on the order of threads. Nothing is
// said where that is not known: of threads that lost events, of locks that a forked child found locked, of locks that some
// missing event left with two owners, of what is no valid lock (invalid-object). Semaphores have no owner.
#include "detector.h"
#include "rules.h"
#include "wire.h"

const struct rule rule_foreign_unlock = {
    .id = "foreign-unlock",
    .level = LEVEL_ERROR,
    .summary = "A thread unlocks what another one holds",
    .help =
        "Unlock in the thread that has locked; to let another thread go on, use a condition or a semaphore.",
};
const struct rule rule_unlock_unheld = {
    .id = "unlock-unheld",
    .level = LEVEL_ERROR,
    .summary = "A thread unlocks what nobody holds",
    .help = "Unlock once for each lock, and only on the ways on which it was locked.",
};

struct unlock {
    struct detection *detection;
    GHashTable *again; // set of addresses whose lock was initialised again while it was held
};

static void *begin(struct detection *detection)
{
    struct unlock *state = g_new0(struct unlock, 1);
    state->detection = detection;
    state->again = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return state;
}

// A forked child gives back what its parent's thread had locked.
static bool is_inherited(
    const struct detection *detection, const struct replay_step *step, uint32_t holder_id)
{
    const struct model_thread *holder = model_thread(detection->model, holder_id);
    const struct trace_process *process =
        model_process(detection->model, step->thread->thread->row.process_id);
    if (step->object->row.flags & OBJECT_TAKEN)
        return true;
    return holder && process && process->forked_by == holder_id &&
           holder->row.process_id != step->thread->thread->row.process_id;
}

static void add_release(struct finding *finding, const struct replay_step *step)
{
    finding_add_step(finding, step->ordered->thread_id, "release", step->object, step->event->stack,
        step->thread->held.holds, step->thread->held.count);
    finding->site_stack = step->event->stack;
}

static const char *refusal(const struct replay_step *step)
{
    return step->ordered->refused ? " (refused)" : "";
}

static void report_foreign(
    struct unlock *state, const struct replay_step *step, uint32_t holder_id, const struct hold *hold)
{
    const struct model *model = state->detection->model;
    struct finding *finding = finding_new(model, &rule_foreign_unlock, LEVEL_ERROR);
    finding_add_step(
        finding, holder_id, hold->shared ? "acquire-shared" : "acquire", step->object, hold->stack, NULL, 0);
    add_release(finding, step);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    g_autofree char *other = finding_thread_label(finding, holder_id);
    finding_set_message(finding, g_strdup_printf("%s unlocks '%s', which %s holds%s", self,
                                     step->object->label, other, refusal(step)));
    g_autofree char *taken = fingerprint_stack(model, hold->stack);
    g_autofree char *released = fingerprint_stack(model, step->event->stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s\n%s", step->object->fingerprint, taken, released);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

static void report_unheld(struct unlock *state, const struct replay_step *step)
{
    const struct model *model = state->detection->model;
    const struct replay_release last = replay_last_release(state->detection->replay, step->object->row.id);
    struct finding *finding = finding_new(model, &rule_unlock_unheld, LEVEL_ERROR);
    if (last.thread_id)
        finding_add_step(finding, last.thread_id, "release", step->object, last.stack, NULL, 0);
    add_release(finding, step);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    finding_set_message(
        finding, g_strdup_printf("%s unlocks '%s', which %s%s", self, step->object->label,
                     last.thread_id ? "is unlocked already" : "nobody has locked", refusal(step)));
    g_autofree char *released = fingerprint_stack(model, step->event->stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s", step->object->fingerprint, released);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

static void release_without_hold(struct unlock *state, const struct replay_step *step)
{
    struct replay *replay = state->detection->replay;
    uint32_t holder_id = step->ordered->owner;
    struct replay_thread *owner = replay_find_thread(replay, holder_id);
    const struct hold *hold =
        owner ? held_set_find(&owner->held, step->object->row.id)
              : replay_find_holder(replay, step->object->row.id, step->ordered->thread_id, &holder_id);
    if (step->thread->lost || (owner && owner->lost) || replay_is_unsure(replay, step->object->row.id) ||
        is_inherited(state->detection, step, holder_id))
        return;
    if (hold)
        report_foreign(state, step, holder_id, hold);
    else if (!owner && !g_hash_table_contains(state->again, &step->object->row.address))
        report_unheld(state, step);
}

static void end_object(struct unlock *state, const struct replay_step *step)
{
    if (step->event->arg == WIRE_END_REINIT && (step->hold || step->ordered->owner))
        g_hash_table_add(
            state->again, g_memdup2(&step->object->row.address, sizeof step->object->row.address));
}

static void event(void *data, const struct replay_step *step)
{
    struct unlock *state = data;
    if (!model_object_has_owner(step->object))
        return;
    if (step->event->kind == EVENT_OBJECT_END) {
        end_object(state, step);
        return;
    }
    if (!step->hold && !(step->object->row.flags & (OBJECT_DESTROYED | OBJECT_UNINITIALISED)))
        release_without_hold(state, step);
}

static void finish(void *data)
{
    struct unlock *state = data;
    g_hash_table_unref(state->again);
    g_free(state);
}

const struct detector detector_unlock = {
    .name = "unlock",
    .kinds = DETECTOR_SEES(EVENT_RELEASE) | DETECTOR_SEES(EVENT_OBJECT_END),
    .not_plain = DETECTOR_SEES(EVENT_RELEASE),
    .begin = begin,
    .event = event,
    .finish = finish,
};
