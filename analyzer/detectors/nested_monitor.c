// SPDX-License-Identifier: MIT
// cond-wait-holding-lock: a thread waits for a condition's signal and keeps a lock (beside the mutex it gives back) that those
// who signal have to take first: the nested monitor.
//
// Told as it happened (the recorder saw the waiter stuck and another thread waiting for the lock), and where it could have:
// every thread that signals the condition takes the lock between one signal and the next, and no hand-off makes sure that
// it has done so before the wait begins. One signal that comes without the lock makes the wait harmless.
#include "detector.h"
#include "rules.h"
#include "thread_scan.h"

#define CANDIDATES_MAX 64u
#define SCANS_MAX 512u

const struct rule rule_cond_wait_holding_lock = {
    .id = "cond-wait-holding-lock",
    .level = LEVEL_ERROR,
    .summary = "A thread waits for a signal while keeping a lock that a signaller needs",
    .help = "Give the outer lock back before waiting, or signal without taking it.",
};

struct candidate {
    uint32_t thread_id;
    const struct model_object *cond;
    const struct model_object *mutex;
    struct hold kept;
    uint32_t wait_stack;
    struct hand_off_moment *moment; // when the wait began
};

struct nested_monitor {
    struct detection *detection;
    GPtrArray *candidates;
    GHashTable *seen;       // set of char *
    GHashTable *signallers; // object.id of the condition -> set of thread.id
};

static void free_candidate(void *data)
{
    struct candidate *candidate = data;
    hand_off_moment_free(candidate->moment);
    g_free(candidate);
}

static void unref_set(void *set)
{
    g_hash_table_unref(set);
}

static void *begin(struct detection *detection)
{
    struct nested_monitor *state = g_new0(struct nested_monitor, 1);
    state->detection = detection;
    state->candidates = g_ptr_array_new_with_free_func(free_candidate);
    state->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    state->signallers = g_hash_table_new_full(NULL, NULL, NULL, unref_set);
    return state;
}

static void add_candidate(
    struct nested_monitor *state, const struct replay_step *step, const struct hold *kept)
{
    char *key = g_strdup_printf(
        "%u %u %u %u", step->object->row.id, kept->object->row.id, kept->stack, step->event->stack);
    if (state->candidates->len >= CANDIDATES_MAX) {
        g_free(key);
        return;
    }
    if (!g_hash_table_add(state->seen, key))
        return;
    struct candidate *candidate = g_new0(struct candidate, 1);
    *candidate = (struct candidate){
        .thread_id = step->ordered->thread_id,
        .cond = step->object,
        .mutex = step->mutex,
        .kept = *kept,
        .wait_stack = step->event->stack,
        .moment = hand_off_keep(replay_hand_off(state->detection->replay), step->ordered->thread_id),
    };
    g_ptr_array_add(state->candidates, candidate);
}

static void wait(struct nested_monitor *state, const struct replay_step *step)
{
    const struct held_set *held = &step->thread->held;
    bool timed = chunk_arg_code(step->event->arg) == 1;
    for (unsigned i = 0; i < held->count && !timed && step->object && step->mutex; i++) {
        // A recursive mutex locked twice is given back once.
        bool kept = held->holds[i].object != step->mutex || held->holds[i].depth > 1;
        if (kept && !step->thread->lost)
            add_candidate(state, step, &held->holds[i]);
    }
}

static void signal_or_broadcast(struct nested_monitor *state, const struct replay_step *step)
{
    gpointer key = GUINT_TO_POINTER(step->event->subject);
    GHashTable *threads = g_hash_table_lookup(state->signallers, key);
    if (!threads) {
        threads = g_hash_table_new(NULL, NULL);
        g_hash_table_insert(state->signallers, key, threads);
    }
    g_hash_table_add(threads, GUINT_TO_POINTER(step->ordered->thread_id));
}

static void event(void *data, const struct replay_step *step)
{
    struct nested_monitor *state = data;
    if (step->event->kind == EVENT_COND_WAIT)
        wait(state, step);
    else
        signal_or_broadcast(state, step);
}

// --- the finding ---

struct need { // where a signaller takes the lock; signal_stack 0: it never came to signal
    uint32_t thread_id;
    uint32_t take_stack;
    bool take_shared;
    uint32_t signal_stack;
};

static void report(struct nested_monitor *state, const struct candidate *candidate, const struct need *need,
    const char *verdict)
{
    const struct model *model = state->detection->model;
    struct finding *finding = finding_new(model, &rule_cond_wait_holding_lock, LEVEL_ERROR);
    finding->verdict = verdict;
    finding->site_stack = candidate->wait_stack;
    finding_add_step(finding, candidate->thread_id, candidate->kept.shared ? "acquire-shared" : "acquire",
        candidate->kept.object, candidate->kept.stack, NULL, 0);
    finding_add_step(finding, candidate->thread_id, "cond-wait", candidate->cond, candidate->wait_stack,
        &candidate->kept, 1);
    finding_add_step(finding, need->thread_id, need->take_shared ? "request-shared" : "request",
        candidate->kept.object, need->take_stack, NULL, 0);
    if (need->signal_stack)
        finding_add_step(
            finding, need->thread_id, "cond-signal", candidate->cond, need->signal_stack, NULL, 0);
    g_autofree char *self = finding_thread_label(finding, candidate->thread_id);
    g_autofree char *other = finding_thread_label(finding, need->thread_id);
    finding_set_message(finding,
        g_strdup_printf("%s waits for '%s' and keeps '%s', which %s needs %s", self, candidate->cond->label,
            candidate->kept.object->label, other, need->signal_stack ? "before it signals" : "to go on"));
    g_autofree char *waits = fingerprint_stack(model, candidate->wait_stack);
    g_autofree char *takes = fingerprint_stack(model, need->take_stack);
    g_autofree char *parts = g_strdup_printf(
        "%s\n%s\n%s\n%s", candidate->cond->fingerprint, candidate->kept.object->fingerprint, waits, takes);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

// --- as it happened ---

static const struct trace_incident_hold *find_hold(
    const struct model_incident *incident, uint32_t thread_id, uint32_t object_id)
{
    for (unsigned i = 0; i < incident->n_holds; i++)
        if (incident->holds[i].thread_id == thread_id && incident->holds[i].object_id == object_id)
            return &incident->holds[i];
    return NULL;
}

// Another thread of the incident waits for what this one holds.
static void look_at_waiter(struct nested_monitor *state, const struct model_incident *incident,
    const struct trace_incident_thread *waiter)
{
    const struct model *model = state->detection->model;
    for (unsigned i = 0; i < incident->n_threads; i++) {
        const struct trace_incident_thread *other = &incident->threads[i];
        const struct trace_incident_hold *kept =
            other->in_cycle && other != waiter && event_is_request(event_kind_by_name(other->request))
                ? find_hold(incident, waiter->thread_id, other->object_id)
                : NULL;
        const struct model_object *object = kept ? model_object(model, kept->object_id) : NULL;
        if (!object || !model_object(model, waiter->object_id))
            continue;
        struct candidate candidate = {
            .thread_id = waiter->thread_id,
            .cond = model_object(model, waiter->object_id),
            .kept = { .object = object, .stack = kept->stack_id, .shared = kept->shared },
            .wait_stack = waiter->stack_id,
        };
        struct need need = {
            .thread_id = other->thread_id,
            .take_stack = other->stack_id,
            .take_shared = event_is_shared(event_kind_by_name(other->request)),
        };
        report(state, &candidate, &need, "observed");
    }
}

static void look_at_incidents(struct nested_monitor *state)
{
    const struct model *model = state->detection->model;
    for (unsigned i = 0; i < model->incidents->len; i++) {
        const struct model_incident *incident = model->incidents->pdata[i];
        for (unsigned k = 0; k < incident->n_threads && g_strcmp0(incident->what, "stuck") == 0; k++)
            if (incident->threads[k].in_cycle && g_strcmp0(incident->threads[k].request, "cond-wait") == 0)
                look_at_waiter(state, incident, &incident->threads[k]);
    }
}

// --- as it could ---

// What one signaller does between its signals.
struct survey {
    const struct candidate *candidate;
    uint64_t known;   // what comes before this time comes before the wait in any case
    bool takes;       // the lock, since its last signal
    struct need need; // the first time that matters
    unsigned needing; // signals for which it took the lock
    unsigned free;    // signals for which it did not
};

static bool survey_event(const struct trace_event *event, void *data)
{
    struct survey *survey = data;
    const struct candidate *candidate = survey->candidate;
    bool shared;
    if (thread_scan_takes(event, candidate->kept.object->row.id, &shared)) {
        if (event->ticks >= survey->known && !(shared && candidate->kept.shared)) {
            survey->takes = true;
            if (!survey->needing) {
                survey->need.take_stack = event->stack ? event->stack : survey->need.take_stack;
                survey->need.take_shared = shared;
            }
        }
        return true;
    }
    if ((event->kind != EVENT_COND_SIGNAL && event->kind != EVENT_COND_BROADCAST) ||
        event->subject != candidate->cond->row.id)
        return true;
    if (event->ticks >= survey->known) {
        if (survey->takes && !survey->needing++)
            survey->need.signal_stack = event->stack;
        survey->free += !survey->takes;
    }
    survey->takes = false;
    return survey->free == 0;
}

static void predict(struct nested_monitor *state, const struct candidate *candidate, unsigned *scans)
{
    GHashTable *threads = g_hash_table_lookup(state->signallers, GUINT_TO_POINTER(candidate->cond->row.id));
    struct need need = { 0 };
    GHashTableIter each;
    void *key;
    if (!threads)
        return;
    g_hash_table_iter_init(&each, threads);
    while (g_hash_table_iter_next(&each, &key, NULL)) {
        uint32_t id = GPOINTER_TO_UINT(key);
        struct survey survey = {
            .candidate = candidate,
            .known = hand_off_moment_known(candidate->moment, id),
            .need = { .thread_id = id },
        };
        if (id == candidate->thread_id)
            continue;
        if (++*scans > SCANS_MAX)
            return;
        thread_scan(state->detection->model, id, survey_event, &survey);
        if (survey.free)
            return;
        // Of several signallers the one with the smallest number is shown, so that the story is always the same.
        if (survey.needing && (!need.thread_id || id < need.thread_id))
            need = survey.need;
    }
    if (need.thread_id)
        report(state, candidate, &need, "potential");
}

static void finish(void *data)
{
    struct nested_monitor *state = data;
    unsigned before = state->detection->findings->all->len;
    look_at_incidents(state);
    // What happened need not be predicted as well.
    bool happened = state->detection->findings->all->len > before;
    unsigned scans = 0;
    for (unsigned i = 0; i < state->candidates->len && !happened; i++)
        predict(state, state->candidates->pdata[i], &scans);
    g_ptr_array_unref(state->candidates);
    g_hash_table_unref(state->seen);
    g_hash_table_unref(state->signallers);
    g_free(state);
}

const struct detector detector_nested_monitor = {
    .name = "nested-monitor",
    .kinds = DETECTOR_SEES(EVENT_COND_WAIT) | DETECTOR_SEES(EVENT_COND_SIGNAL) |
             DETECTOR_SEES(EVENT_COND_BROADCAST),
    .begin = begin,
    .event = event,
    .finish = finish,
};
