// SPDX-License-Identifier: MIT
// unreleased-lock: a thread ends, exits the process, or the lock's own life ends, while it is held.
//
// Nothing is said of a process that was killed, of threads that are merely alive when the process exits (a daemon thread may
// well hold a lock then), and of robust mutexes that somebody recovers. Exiting with a lock held harms nobody unless a destructor
// wants it, and programs do it on purpose (redis keeps its idle threads waiting that way): a warning, not an error.
#include "detector.h"
#include "rules.h"
#include "wire.h"

struct ended_hold {
    uint32_t thread_id;
    struct hold hold;
    uint32_t end_stack;
    bool exited;
};

struct unreleased_lock {
    struct detection *detection;
    GArray *robust;   // of struct ended_hold: nobody has recovered them yet
    GHashTable *told; // object ids whose destruction was told: that their memory goes, too, is no news
};

static void *begin(struct detection *detection)
{
    struct unreleased_lock *state = g_new0(struct unreleased_lock, 1);
    state->detection = detection;
    state->robust = g_array_new(false, false, sizeof(struct ended_hold));
    state->told = g_hash_table_new(NULL, NULL);
    return state;
}

static struct finding *report(struct detection *detection, uint32_t holder_id, const struct hold *hold,
    enum finding_level level, const char *how)
{
    struct finding *finding = finding_new(detection->model, &rule_unreleased_lock, level);
    finding->site_stack = hold->stack;
    finding_add_step(
        finding, holder_id, hold->shared ? "acquire-shared" : "acquire", hold->object, hold->stack, NULL, 0);
    g_autofree char *stack = fingerprint_stack(detection->model, hold->stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s\n%s", hold->object->fingerprint, stack, how);
    finding_set_id(finding, parts);
    return finding;
}

static void report_ended(struct detection *detection, const struct ended_hold *ended)
{
    bool warn = ended->exited || ended->hold.object->row.flags & OBJECT_ROBUST;
    const char *how = ended->exited ? "exit" : "end";
    struct finding *finding =
        report(detection, ended->thread_id, &ended->hold, warn ? LEVEL_WARNING : LEVEL_ERROR, how);
    finding_add_step(finding, ended->thread_id, how, ended->hold.object, ended->end_stack, &ended->hold, 1);
    g_autofree char *thread = finding_thread_label(finding, ended->thread_id);
    finding_set_message(finding, g_strdup_printf(ended->exited ? "%s ends the program while it holds '%s'"
                                                               : "%s ends while it still holds '%s'",
                                     thread, ended->hold.object->label));
    finding_list_add(detection->findings, finding);
}

static void end_thread(struct unreleased_lock *state, const struct replay_step *step)
{
    const struct replay_thread *thread = step->thread;
    if (!thread->ended && !thread->exited)
        return;
    for (unsigned i = 0; i < thread->held.count; i++) {
        struct ended_hold ended = {
            .thread_id = step->ordered->thread_id,
            .hold = thread->held.holds[i],
            .end_stack = thread->exited ? thread->exit_stack : thread->end_stack,
            .exited = thread->exited,
        };
        if (ended.hold.object->row.flags & OBJECT_ROBUST)
            g_array_append_val(state->robust, ended);
        else
            report_ended(state->detection, &ended);
    }
}

static void recover(struct unreleased_lock *state, uint32_t object_id)
{
    for (unsigned i = state->robust->len; i-- > 0;)
        if (g_array_index(state->robust, struct ended_hold, i).hold.object->row.id == object_id)
            g_array_remove_index_fast(state->robust, i);
}

// Whose hold it is when a lock's life ends: the thread's own, or the owner's.
static const struct hold *holder(
    struct unreleased_lock *state, const struct replay_step *step, uint32_t *ret_thread_id)
{
    *ret_thread_id = step->ordered->thread_id;
    if (step->hold)
        return step->hold;
    struct replay_thread *owner = replay_find_thread(state->detection->replay, step->ordered->owner);
    *ret_thread_id = step->ordered->owner;
    return owner ? held_set_find(&owner->held, step->object->row.id) : NULL;
}

static void end_object(struct unreleased_lock *state, const struct replay_step *step, bool destroyed)
{
    uint32_t holder_id;
    const struct hold *hold = step->object ? holder(state, step, &holder_id) : NULL;
    // Another view of a process-shared lock may live on when one is unmapped.
    if (!hold ||
        (!destroyed && (step->object->row.shared_key || step->object->row.flags & OBJECT_PROCESS_SHARED)))
        return;
    if (!g_hash_table_add(state->told, GUINT_TO_POINTER(step->object->row.id)))
        return;
    struct finding *finding =
        report(state->detection, holder_id, hold, LEVEL_ERROR, destroyed ? "destroy" : "free");
    finding_add_step(finding, step->ordered->thread_id, destroyed ? "destroy" : "free", step->object,
        step->event->stack, NULL, 0);
    finding->site_stack = step->event->stack ? step->event->stack : hold->stack;
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    g_autofree char *other = finding_thread_label(finding, holder_id);
    const char *holder_name = holder_id == step->ordered->thread_id ? "it still" : other;
    if (destroyed)
        finding_set_message(
            finding, g_strdup_printf("%s destroys '%s' while %s holds it%s", self, step->object->label,
                         holder_name, step->ordered->refused ? " (refused)" : ""));
    else
        finding_set_message(finding,
            g_strdup_printf("the memory of '%s' ends while %s holds it", step->object->label, other));
    finding_list_add(state->detection->findings, finding);
}

static void event(void *data, const struct replay_step *step)
{
    struct unreleased_lock *state = data;
    switch (step->event->kind) {
    case EVENT_NONE:
        end_thread(state, step);
        break;
    case EVENT_DESTROY:
        end_object(state, step, true);
        break;
    case EVENT_OBJECT_END:
        // Initialised again or used as another kind of object: invalid-object's matter.
        if (step->event->arg >= WIRE_END_FREED && step->event->arg <= WIRE_END_UNLOADED)
            end_object(state, step, false);
        break;
    default:
        if (step->ordered->owner_died)
            recover(state, step->mutex ? step->mutex->row.id : step->event->subject);
    }
}

static void finish(void *data)
{
    struct unreleased_lock *state = data;
    for (unsigned i = 0; i < state->robust->len; i++)
        report_ended(state->detection, &g_array_index(state->robust, struct ended_hold, i));
    g_array_unref(state->robust);
    g_hash_table_unref(state->told);
    g_free(state);
}

const struct detector detector_unreleased_lock = {
    .name = "unreleased-lock",
    .kinds = DETECTOR_SEES(EVENT_NONE) | DETECTOR_SEES(EVENT_DESTROY) | DETECTOR_SEES(EVENT_OBJECT_END) |
             DETECTOR_SEES(EVENT_ACQUIRE) | DETECTOR_SEES(EVENT_ACQUIRE_TIMED) |
             DETECTOR_SEES(EVENT_ACQUIRE_TRY) | DETECTOR_SEES(EVENT_COND_WAKE),
    .not_plain =
        DETECTOR_SEES(EVENT_ACQUIRE) | DETECTOR_SEES(EVENT_ACQUIRE_TIMED) | DETECTOR_SEES(EVENT_ACQUIRE_TRY),
    .begin = begin,
    .event = event,
    .finish = finish,
};
