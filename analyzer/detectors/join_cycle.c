// SPDX-License-Identifier: MIT
// join-cycle: a thread joins another while it holds a lock that the other one takes. In this run the other had done so
// before; had it been slower, neither would have gone on. (When that happens it is a deadlock, and reported as one.)
//
// A warning and potential, until lock_order.c finds the reordering that leads there. What the joiner may have read in memory
// under that very lock, a mark that the other has done with it, is not known. Silent where a hand-off (hand_off.h) makes sure, or where the other signals a condition of that lock in its last
// critical section: so monitors tell that a thread is about to end.
#include "detector.h"
#include "rules.h"
#include "thread_scan.h"

#define SCANS_MAX 256u

const struct rule rule_join_cycle = {
    .id = "join-cycle",
    .level = LEVEL_ERROR,
    .summary = "A thread is joined while holding a lock that it still has to take",
    .help =
        "Unlock before joining, or make sure by a condition that the other thread needs the lock no more.",
};

struct joining {
    GArray *holds; // of struct hold
    uint32_t stack;
};

struct join_cycle {
    struct detection *detection;
    GHashTable *joining; // thread.id -> struct joining: in pthread_join with locks held
    GHashTable *mutexes; // object.id of a condition -> that of the mutex it was last waited for with
    GHashTable *seen;    // set of char *
    unsigned scans;
};

static void free_joining(void *data)
{
    struct joining *joining = data;
    g_array_unref(joining->holds);
    g_free(joining);
}

static void *begin(struct detection *detection)
{
    struct join_cycle *state = g_new0(struct join_cycle, 1);
    state->detection = detection;
    state->joining = g_hash_table_new_full(NULL, NULL, NULL, free_joining);
    state->mutexes = g_hash_table_new(NULL, NULL);
    state->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return state;
}

static void request(struct join_cycle *state, const struct replay_step *step)
{
    const struct held_set *held = &step->thread->held;
    if (!held->count || step->event->arg || step->thread->lost)
        return;
    struct joining *joining = g_new0(struct joining, 1);
    joining->stack = step->event->stack;
    joining->holds = g_array_new(false, false, sizeof(struct hold));
    g_array_append_vals(joining->holds, held->holds, held->count);
    g_hash_table_insert(state->joining, GUINT_TO_POINTER(step->ordered->thread_id), joining);
}

// The last time the joined thread takes the lock after what the joiner knows of it.
struct search {
    const struct hold *hold;
    GHashTable *mutexes; // of the state
    uint64_t known;
    bool found;
    bool inside;    // has the lock
    bool signalled; // a condition of this lock, since then
    bool shared;
    uint32_t stack;
};

static bool look_for_lock(const struct trace_event *event, void *data)
{
    struct search *search = data;
    bool shared;
    if (event->kind == EVENT_COND_SIGNAL || event->kind == EVENT_COND_BROADCAST) {
        uint32_t mutex =
            GPOINTER_TO_UINT(g_hash_table_lookup(search->mutexes, GUINT_TO_POINTER(event->subject)));
        search->signalled |= mutex ? mutex == search->hold->object->row.id : search->inside;
    }
    if (event->kind == EVENT_RELEASE && event->subject == search->hold->object->row.id)
        search->inside = false;
    if (event->ticks < search->known || !thread_scan_takes(event, search->hold->object->row.id, &shared) ||
        (shared && search->hold->shared))
        return true;
    search->found = search->inside = true;
    search->signalled = false;
    search->shared = shared;
    search->stack = event->stack;
    return true;
}

static void report(struct join_cycle *state, const struct replay_step *step, const struct joining *joining,
    const struct search *search)
{
    const struct model *model = state->detection->model;
    const struct hold *hold = search->hold;
    uint32_t joined = step->event->subject;
    struct finding *finding = finding_new(model, &rule_join_cycle, LEVEL_WARNING);
    finding->verdict = "potential";
    finding->site_stack = joining->stack;
    finding_add_step(finding, step->ordered->thread_id, hold->shared ? "acquire-shared" : "acquire",
        hold->object, hold->stack, NULL, 0);
    finding_add_step(finding, step->ordered->thread_id, "join-request", NULL, joining->stack, hold, 1);
    finding_add_step(
        finding, joined, search->shared ? "request-shared" : "request", hold->object, search->stack, NULL, 0);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    g_autofree char *other = finding_thread_label(finding, joined);
    finding_set_message(
        finding, g_strdup_printf("%s waits for the end of %s while it holds '%s', which %s takes", self,
                     other, hold->object->label, other));
    g_autofree char *held = fingerprint_stack(model, hold->stack);
    g_autofree char *joins = fingerprint_stack(model, joining->stack);
    g_autofree char *takes = fingerprint_stack(model, search->stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s\n%s\n%s", hold->object->fingerprint, held, joins, takes);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

// The same join of a thread made in the same place is looked at once.
static bool is_new(struct join_cycle *state, const struct replay_step *step, const struct joining *joining,
    const struct hold *hold)
{
    const struct model_thread *joined = model_thread(state->detection->model, step->event->subject);
    return joined && state->scans < SCANS_MAX &&
           g_hash_table_add(
               state->seen, g_strdup_printf("%u %u %u %u %u", joining->stack, hold->stack,
                                hold->object->class_id, joined->row.create_stack, joined->row.start_frame));
}

static void joined(struct join_cycle *state, const struct replay_step *step)
{
    gpointer key = GUINT_TO_POINTER(step->ordered->thread_id);
    const struct joining *joining = g_hash_table_lookup(state->joining, key);
    if (!joining)
        return;
    uint64_t known = hand_off_known(
        replay_hand_off(state->detection->replay), step->ordered->thread_id, step->event->subject);
    for (unsigned i = 0; i < joining->holds->len; i++) {
        const struct hold *hold = &g_array_index(joining->holds, struct hold, i);
        struct search search = { .hold = hold, .mutexes = state->mutexes, .known = known };
        if (!is_new(state, step, joining, hold))
            continue;
        state->scans++;
        thread_scan(state->detection->model, step->event->subject, look_for_lock, &search);
        if (search.found && !search.signalled)
            report(state, step, joining, &search);
    }
    g_hash_table_remove(state->joining, key);
}

static void event(void *data, const struct replay_step *step)
{
    struct join_cycle *state = data;
    if (step->event->kind == EVENT_COND_WAIT)
        g_hash_table_insert(state->mutexes, GUINT_TO_POINTER(step->event->subject),
            GUINT_TO_POINTER(chunk_arg_object(step->event->arg)));
    else if (step->event->kind == EVENT_JOIN_REQUEST)
        request(state, step);
    else if (step->event->kind == EVENT_JOIN)
        joined(state, step);
    else
        g_hash_table_remove(state->joining, GUINT_TO_POINTER(step->ordered->thread_id));
}

static void finish(void *data)
{
    struct join_cycle *state = data;
    g_hash_table_unref(state->joining);
    g_hash_table_unref(state->mutexes);
    g_hash_table_unref(state->seen);
    g_free(state);
}

const struct detector detector_join_cycle = {
    .name = "join-cycle",
    .kinds = DETECTOR_SEES(EVENT_COND_WAIT) | DETECTOR_SEES(EVENT_JOIN_REQUEST) | DETECTOR_SEES(EVENT_JOIN) |
             DETECTOR_SEES(EVENT_JOIN_FAILED),
    .begin = begin,
    .event = event,
    .finish = finish,
};
