// SPDX-License-Identifier: MIT
// lost-signal: a condition was signalled when nobody waited, and a later wait is stuck (as the recorder saw it). A signal
// leaves no trace behind: who comes late has to see from data that it need not wait.
//
// Where it did not strike, a warning: the thread that signals has not held the waiter's mutex since its last signal, so what
// it changed can have changed between the waiter's look and its wait. Signalling after unlocking is fine, and silent. Where the
// waiters have different mutexes, whose look the signal follows is unknown; cond-mixed-mutex tells of that.
#include "detector.h"
#include "rules.h"
#include "thread_scan.h"

#define CANDIDATES_MAX 64u

const struct rule rule_lost_signal = {
    .id = "lost-signal",
    .level = LEVEL_ERROR,
    .summary = "A signal comes when nobody waits, and a later wait never ends",
    .help =
        "Change what is waited for under the mutex, test it under the mutex in a loop around the wait, and "
        "signal after the change.",
};

struct lost {
    uint32_t thread_id;
    uint32_t stack;
    uint64_t ticks;
    bool broadcast;
};

struct candidate { // a signal without the mutex that let a waiter go on
    uint32_t signaller_id;
    uint64_t ticks;
    uint32_t signal_stack;
    bool broadcast;
    const struct model_object *cond;
    uint32_t mutex_id;
    uint32_t waiter_id;
    uint32_t wait_stack;
};

struct lost_signal {
    struct detection *detection;
    GHashTable *lost;   // object.id of a condition -> struct lost: its last signal, when that woke nobody
    GArray *candidates; // of struct candidate
    GHashTable *seen;   // set of char *
};

static void *begin(struct detection *detection)
{
    struct lost_signal *state = g_new0(struct lost_signal, 1);
    state->detection = detection;
    state->lost = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    state->candidates = g_array_new(false, false, sizeof(struct candidate));
    state->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return state;
}

static void note_lost(struct lost_signal *state, const struct replay_step *step)
{
    struct lost *lost = g_new(struct lost, 1);
    *lost = (struct lost){ step->ordered->thread_id, step->event->stack, step->event->ticks,
        step->event->kind == EVENT_COND_BROADCAST };
    g_hash_table_insert(state->lost, GUINT_TO_POINTER(step->event->subject), lost);
}

static bool one_mutex(const struct waiter *waiting, unsigned n)
{
    for (unsigned i = 1; i < n; i++)
        if (waiting[i].mutex != waiting->mutex)
            return false;
    return true;
}

static void note_candidate(
    struct lost_signal *state, const struct replay_step *step, const struct waiter *waiter)
{
    if (waiter->timed || step->thread->lost || state->candidates->len >= CANDIDATES_MAX ||
        held_set_find(&step->thread->held, waiter->mutex))
        return;
    if (!g_hash_table_add(state->seen,
            g_strdup_printf("%u %u %u", step->object->class_id, step->event->stack, waiter->stack)))
        return;
    struct candidate candidate = {
        .signaller_id = step->ordered->thread_id,
        .ticks = step->event->ticks,
        .signal_stack = step->event->stack,
        .broadcast = step->event->kind == EVENT_COND_BROADCAST,
        .cond = step->object,
        .mutex_id = waiter->mutex,
        .waiter_id = waiter->thread_id,
        .wait_stack = waiter->stack,
    };
    g_array_append_val(state->candidates, candidate);
}

static void event(void *data, const struct replay_step *step)
{
    struct lost_signal *state = data;
    const struct waiters *waiters = replay_waiters(state->detection->replay);
    if (!step->object)
        return;
    if (waiters_unsignalled(waiters, step->object->row.id) == 0) {
        note_lost(state, step);
        return;
    }
    unsigned n;
    const struct waiter *first = waiters_at(waiters, step->object->row.id, &n);
    g_hash_table_remove(state->lost, GUINT_TO_POINTER(step->object->row.id));
    if (one_mutex(first, n))
        note_candidate(state, step, first);
}

static const char *action(bool broadcast)
{
    return broadcast ? "cond-broadcast" : "cond-signal";
}

static void set_id(struct finding *finding, const struct model_object *cond, uint32_t signal, uint32_t wait)
{
    g_autofree char *signals = fingerprint_stack(finding->model, signal);
    g_autofree char *waits = fingerprint_stack(finding->model, wait);
    g_autofree char *parts = g_strdup_printf("%s\n%s\n%s", cond->fingerprint, signals, waits);
    finding_set_id(finding, parts);
}

// --- as it happened ---

static void report_stuck(struct lost_signal *state, const struct trace_incident_thread *waiter)
{
    const struct model *model = state->detection->model;
    const struct model_object *cond = model_object(model, waiter->object_id);
    const struct lost *lost = g_hash_table_lookup(state->lost, GUINT_TO_POINTER(waiter->object_id));
    if (!cond || !lost || (int64_t)lost->ticks > waiter->since_ticks)
        return;
    struct finding *finding = finding_new(model, &rule_lost_signal, LEVEL_ERROR);
    finding->verdict = "observed";
    finding->site_stack = waiter->stack_id;
    finding_add_step(finding, lost->thread_id, action(lost->broadcast), cond, lost->stack, NULL, 0);
    finding_add_step(finding, waiter->thread_id, "cond-wait", cond, waiter->stack_id, NULL, 0);
    g_autofree char *self = finding_thread_label(finding, waiter->thread_id);
    g_autofree char *other = finding_thread_label(finding, lost->thread_id);
    finding_set_message(finding, g_strdup_printf("%s waits for '%s' for ever: %s signalled it before, when "
                                                 "nobody waited",
                                     self, cond->label, other));
    set_id(finding, cond, lost->stack, waiter->stack_id);
    finding_list_add(state->detection->findings, finding);
}

static void look_at_incidents(struct lost_signal *state)
{
    const struct model *model = state->detection->model;
    for (unsigned i = 0; i < model->incidents->len; i++) {
        const struct model_incident *incident = model->incidents->pdata[i];
        for (unsigned k = 0; k < incident->n_threads && g_strcmp0(incident->what, "stuck") == 0; k++)
            if (incident->threads[k].in_cycle && g_strcmp0(incident->threads[k].request, "cond-wait") == 0)
                report_stuck(state, &incident->threads[k]);
    }
}

// --- as it could ---

// Has the signaller held the mutex between its signal before and this one?
struct search {
    const struct candidate *candidate;
    bool held;
};

static bool look_for_mutex(const struct trace_event *event, void *data)
{
    struct search *search = data;
    const struct candidate *candidate = search->candidate;
    bool signals = (event->kind == EVENT_COND_SIGNAL || event->kind == EVENT_COND_BROADCAST) &&
                   event->subject == candidate->cond->row.id;
    if (signals && event->ticks >= candidate->ticks)
        return false;
    if (signals)
        search->held = false;
    else if (event_is_acquire(event->kind) && event->subject == candidate->mutex_id)
        search->held = true;
    else if (event->kind == EVENT_COND_WAKE && chunk_arg_object(event->arg) == candidate->mutex_id)
        search->held = true;
    return true;
}

static void report_possible(struct lost_signal *state, const struct candidate *candidate)
{
    const struct model *model = state->detection->model;
    const struct model_object *mutex = model_object(model, candidate->mutex_id);
    struct finding *finding = finding_new(model, &rule_lost_signal, LEVEL_WARNING);
    finding->verdict = "potential";
    finding->site_stack = candidate->signal_stack;
    finding_add_step(
        finding, candidate->waiter_id, "cond-wait", candidate->cond, candidate->wait_stack, NULL, 0);
    finding_add_step(finding, candidate->signaller_id, action(candidate->broadcast), candidate->cond,
        candidate->signal_stack, NULL, 0);
    g_autofree char *self = finding_thread_label(finding, candidate->signaller_id);
    g_autofree char *other = finding_thread_label(finding, candidate->waiter_id);
    finding_set_message(finding,
        g_strdup_printf("%s signals '%s' and has not locked '%s': just before %s waits, nobody would hear it",
            self, candidate->cond->label, mutex ? mutex->label : "the waiter's mutex", other));
    set_id(finding, candidate->cond, candidate->signal_stack, candidate->wait_stack);
    finding_list_add(state->detection->findings, finding);
}

static void finish(void *data)
{
    struct lost_signal *state = data;
    look_at_incidents(state);
    for (unsigned i = 0; i < state->candidates->len; i++) {
        const struct candidate *candidate = &g_array_index(state->candidates, struct candidate, i);
        struct search search = { .candidate = candidate };
        thread_scan(state->detection->model, candidate->signaller_id, look_for_mutex, &search);
        if (!search.held)
            report_possible(state, candidate);
    }
    g_hash_table_unref(state->lost);
    g_hash_table_unref(state->seen);
    g_array_unref(state->candidates);
    g_free(state);
}

const struct detector detector_lost_signal = {
    .name = "lost-signal",
    .kinds = DETECTOR_SEES(EVENT_COND_SIGNAL) | DETECTOR_SEES(EVENT_COND_BROADCAST),
    .begin = begin,
    .event = event,
    .finish = finish,
};
