// SPDX-License-Identifier: MIT
// The state of every lock, semaphore, barrier and thread in the merged order.
//
// Blind where the start is unknown: a semaphore whose initial value nobody saw and a barrier of unknown count hold nothing
// back. An event that was not allowed and comes all the same (events were lost) takes the lock over from its owner.
#include "order_rules.h"

#include <errno.h>

struct reader {
    uint32_t thread_id;
    uint32_t depth;
};

// What else there is of those that are more than owned.
struct object_state {
    GArray *readers; // of struct reader; NULL: never any
    int64_t permits;
    bool permits_known;
    uint64_t count; // of a barrier; 0: not known
    uint64_t arrived;
    uint64_t left;
};

struct thread_state {
    bool created; // its CREATE has come
    bool over;    // all its events have come
    bool started;
    uint32_t gave_back;  // the mutex it gave back to wait for a condition; 0: none
    GArray *forked_pids; // of int64_t; NULL: it has not forked
};

struct order_rules {
    const struct model *model;
    struct order_locks locks;
    uint8_t *kinds;               // by object id: enum object_kind; OBJECT_NONE: there is no such object
    struct object_state **states; // by object id, made when first used
    struct thread_state *threads;
};

static enum object_kind kind_of(const struct order_rules *rules, uint32_t id)
{
    return id < rules->locks.n_objects ? rules->kinds[id] : OBJECT_NONE;
}

static struct object_state *find_state(const struct order_rules *rules, uint32_t id)
{
    return id < rules->locks.n_objects ? rules->states[id] : NULL;
}

static bool is_plain(const struct order_rules *rules, uint32_t id)
{
    return (rules->kinds[id] == OBJECT_MUTEX || rules->kinds[id] == OBJECT_SPINLOCK) && !rules->states[id];
}

// An object whose life is over gives its state back: programs make millions of short-lived ones.
static void end_object(struct order_rules *rules, uint32_t id)
{
    struct object_state *state = rules->states[id];
    rules->locks.ownerships[id] = (struct order_ownership){ 0 };
    if (!state)
        return;
    if (state->readers)
        g_array_unref(state->readers);
    g_free(state);
    rules->states[id] = NULL;
    rules->locks.plain[id] = is_plain(rules, id);
}

struct order_rules *order_rules_new(const struct model *model)
{
    struct order_rules *rules = g_new0(struct order_rules, 1);
    rules->model = model;
    rules->locks.n_objects = model->objects->len;
    rules->kinds = g_new0(uint8_t, rules->locks.n_objects);
    rules->locks.plain = g_new0(bool, rules->locks.n_objects);
    rules->locks.ownerships = g_new0(struct order_ownership, rules->locks.n_objects);
    rules->states = g_new0(struct object_state *, rules->locks.n_objects);
    for (uint32_t i = 0; i < rules->locks.n_objects; i++) {
        const struct model_object *object = model_object(model, i);
        rules->kinds[i] = object ? (uint8_t)object->row.kind : OBJECT_NONE;
        rules->locks.plain[i] = is_plain(rules, i);
    }
    rules->threads = g_new0(struct thread_state, model->threads->len + 1);
    return rules;
}

void order_rules_free(struct order_rules *rules)
{
    if (!rules)
        return;
    for (uint32_t i = 0; i < rules->locks.n_objects; i++)
        end_object(rules, i);
    for (unsigned i = 0; i < rules->model->threads->len; i++)
        if (rules->threads[i].forked_pids)
            g_array_unref(rules->threads[i].forked_pids);
    g_free(rules->kinds);
    g_free(rules->locks.plain);
    g_free(rules->locks.ownerships);
    g_free(rules->states);
    g_free(rules->threads);
    g_free(rules);
}

static struct object_state *need_state(struct order_rules *rules, uint32_t id)
{
    struct object_state *state = rules->states[id];
    const struct model_object *object = model_object(rules->model, id);
    if (state)
        return state;
    state = g_new0(struct object_state, 1);
    if (object->row.kind == OBJECT_SEMAPHORE && object->row.flags & OBJECT_BY_INIT) {
        state->permits = (int64_t)object->row.value;
        state->permits_known = true;
    }
    if (object->row.kind == OBJECT_BARRIER)
        state->count = object->row.value;
    rules->states[id] = state;
    rules->locks.plain[id] = false;
    return state;
}

const struct order_locks *order_rules_locks(const struct order_rules *rules)
{
    return &rules->locks;
}

static struct thread_state *thread_state(const struct order_rules *rules, uint32_t id)
{
    return id < rules->model->threads->len && rules->model->threads->pdata[id] ? &rules->threads[id] : NULL;
}

static bool thread_is_over(const struct order_rules *rules, uint32_t id)
{
    const struct thread_state *thread = thread_state(rules, id);
    return !thread || thread->over;
}

static struct reader *find_reader(const struct object_state *state, uint32_t thread_id)
{
    for (unsigned i = 0; state && state->readers && i < state->readers->len; i++) {
        struct reader *reader = &g_array_index(state->readers, struct reader, i);
        if (reader->thread_id == thread_id)
            return reader;
    }
    return NULL;
}

// --- asking ---

static enum order_verdict wait_for_thread(const struct order_rules *rules, uint32_t thread_id)
{
    return thread_is_over(rules, thread_id) ? ORDER_HOPELESS : ORDER_TOO_EARLY;
}

static enum order_verdict ask_lock(
    const struct order_rules *rules, uint32_t object_id, const struct ordered_event *event, bool shared)
{
    if (!kind_of(rules, object_id) || event->owner_died)
        return ORDER_ALLOWED;
    const uint32_t owner = rules->locks.ownerships[object_id].owner;
    const struct object_state *state = rules->states[object_id];
    if (owner && owner != event->thread_id)
        return wait_for_thread(rules, owner);
    for (unsigned i = 0; !shared && state && state->readers && i < state->readers->len; i++) {
        const struct reader *reader = &g_array_index(state->readers, struct reader, i);
        if (reader->thread_id != event->thread_id)
            return wait_for_thread(rules, reader->thread_id);
    }
    return ORDER_ALLOWED;
}

static enum order_verdict ask_semaphore(const struct order_rules *rules, uint32_t object_id)
{
    const struct object_state *state = find_state(rules, object_id);
    const struct model_object *object = model_object(rules->model, object_id);
    if (!state) // never used so far: its permits are those it began with
        return object && object->row.flags & OBJECT_BY_INIT && object->row.value == 0 ? ORDER_TOO_EARLY
                                                                                      : ORDER_ALLOWED;
    return state->permits_known && state->permits <= 0 ? ORDER_TOO_EARLY : ORDER_ALLOWED;
}

static enum order_verdict ask_start(const struct order_rules *rules, uint32_t thread_id)
{
    const struct model_thread *thread = model_thread(rules->model, thread_id);
    const struct trace_process *process = thread ? model_process(rules->model, thread->row.process_id) : NULL;
    if (!thread)
        return ORDER_ALLOWED;
    if (thread->row.creator_id) {
        const struct thread_state *creator = thread_state(rules, thread->row.creator_id);
        if (!creator || rules->threads[thread_id].created)
            return ORDER_ALLOWED;
        return creator->over ? ORDER_HOPELESS : ORDER_TOO_EARLY;
    }
    if (process && process->forked_by) {
        const struct thread_state *forker = thread_state(rules, process->forked_by);
        for (unsigned i = 0; forker && forker->forked_pids && i < forker->forked_pids->len; i++)
            if (g_array_index(forker->forked_pids, int64_t, i) == process->pid)
                return ORDER_ALLOWED;
        return !forker ? ORDER_ALLOWED : forker->over ? ORDER_HOPELESS : ORDER_TOO_EARLY;
    }
    return ORDER_ALLOWED;
}

static enum order_verdict ask_leave(const struct order_rules *rules, uint32_t object_id)
{
    const struct object_state *state = find_state(rules, object_id);
    if (!state || !state->count)
        return ORDER_ALLOWED;
    return state->arrived >= (state->left / state->count + 1) * state->count ? ORDER_ALLOWED
                                                                             : ORDER_TOO_EARLY;
}

bool order_wake_has_mutex(const struct trace_event *event)
{
    uint32_t code = chunk_arg_code(event->arg);
    return code == 0 || code == ETIMEDOUT || code == ECANCELED || code == EOWNERDEAD || code == EINTR;
}

bool order_wake_was_refused(const struct trace_event *event)
{
    return event->kind == EVENT_COND_WAKE && !order_wake_has_mutex(event) &&
           chunk_arg_code(event->arg) != ENOTRECOVERABLE;
}

enum order_verdict order_rules_ask(const struct order_rules *rules, const struct ordered_event *event)
{
    const struct trace_event *e = &event->event;
    const struct thread_state *self = thread_state(rules, event->thread_id);
    enum order_verdict start = self && !self->started ? ask_start(rules, event->thread_id) : ORDER_ALLOWED;
    if (start != ORDER_ALLOWED)
        return start;
    if (event_is_acquire(e->kind)) {
        return kind_of(rules, e->subject) == OBJECT_SEMAPHORE
                   ? ask_semaphore(rules, e->subject)
                   : ask_lock(rules, e->subject, event, event_is_shared(e->kind));
    }
    switch (e->kind) {
    case EVENT_COND_WAKE:
        return order_wake_has_mutex(e) ? ask_lock(rules, chunk_arg_object(e->arg), event, false)
                                       : ORDER_ALLOWED;
    case EVENT_JOIN:
        return thread_is_over(rules, e->subject) ? ORDER_ALLOWED : ORDER_TOO_EARLY;
    case EVENT_BARRIER_LEAVE:
        return ask_leave(rules, e->subject);
    default:
        return ORDER_ALLOWED;
    }
}

// --- applying ---

static void take_shared(struct object_state *state, uint32_t thread_id)
{
    struct reader *reader = find_reader(state, thread_id);
    if (reader) {
        reader->depth++;
        return;
    }
    if (!state->readers)
        state->readers = g_array_new(false, false, sizeof(struct reader));
    struct reader first = { .thread_id = thread_id, .depth = 1 };
    g_array_append_val(state->readers, first);
}

static void take_exclusive(struct order_rules *rules, uint32_t object_id, uint32_t thread_id)
{
    struct order_ownership *ownership = &rules->locks.ownerships[object_id];
    const struct object_state *state = rules->states[object_id];
    if (ownership->owner == thread_id) {
        ownership->depth++;
        return;
    }
    *ownership = (struct order_ownership){ .owner = thread_id, .depth = 1 };
    if (state && state->readers)
        g_array_set_size(state->readers, 0);
}

// A release by whom it may be; true when somebody else may have it now.
static bool give_back(struct order_rules *rules, uint32_t object_id, uint32_t thread_id)
{
    struct order_ownership *ownership = &rules->locks.ownerships[object_id];
    const struct object_state *state = rules->states[object_id];
    if (ownership->owner == thread_id && ownership->depth > 1) {
        ownership->depth--;
        return false;
    }
    if (ownership->owner) { // the owner's, or another thread's, which frees it just the same
        *ownership = (struct order_ownership){ 0 };
        return true;
    }
    struct reader *reader = find_reader(state, thread_id);
    if (!reader && state && state->readers && state->readers->len)
        reader = &g_array_index(state->readers, struct reader, 0);
    if (!reader || --reader->depth > 0)
        return false;
    unsigned position = (unsigned)(reader - &g_array_index(state->readers, struct reader, 0));
    g_array_remove_index_fast(state->readers, position);
    return true;
}

static bool apply_acquire(struct order_rules *rules, struct ordered_event *event)
{
    const uint32_t id = event->event.subject;
    const enum object_kind kind = kind_of(rules, id);
    const bool shared = event_is_shared(event->event.kind);
    if (!kind)
        return false;
    struct order_ownership *ownership = &rules->locks.ownerships[id];
    event->owner = ownership->owner;
    if (kind == OBJECT_SEMAPHORE) {
        struct object_state *state = need_state(rules, id);
        state->permits -= state->permits > 0;
    } else if (shared) {
        take_shared(need_state(rules, id), event->thread_id);
    } else {
        take_exclusive(rules, id, event->thread_id);
    }
    // A forced reader beside a writer: the writer's release must have been lost.
    if (shared && ownership->owner && ownership->owner != event->thread_id)
        *ownership = (struct order_ownership){ 0 };
    return false;
}

static bool apply_condition(struct order_rules *rules, struct ordered_event *event)
{
    const uint32_t mutex_id = chunk_arg_object(event->event.arg);
    if (!kind_of(rules, mutex_id))
        return false;
    struct thread_state *self = thread_state(rules, event->thread_id);
    event->owner = rules->locks.ownerships[mutex_id].owner;
    if (event->event.kind == EVENT_COND_WAIT) {
        bool owned = event->owner == event->thread_id && !event->refused;
        if (self)
            self->gave_back = owned ? mutex_id : 0;
        return owned && give_back(rules, mutex_id, event->thread_id);
    }
    // A refused wait never gave it away, should that not have been seen at its beginning.
    bool kept = self && self->gave_back == mutex_id && !event->owner;
    if (order_wake_has_mutex(&event->event) || kept)
        take_exclusive(rules, mutex_id, event->thread_id);
    return false;
}

static bool apply_thread(struct order_rules *rules, struct ordered_event *event)
{
    struct thread_state *self = thread_state(rules, event->thread_id);
    struct thread_state *subject = thread_state(rules, event->event.subject);
    switch (event->event.kind) {
    case EVENT_CREATE:
        if (subject && !event->refused)
            subject->created = true;
        return true;
    case EVENT_FORK:
        if (self && !self->forked_pids)
            self->forked_pids = g_array_new(false, false, sizeof(int64_t));
        if (self)
            g_array_append_val(self->forked_pids, event->event.arg);
        return true;
    case EVENT_NONE:
        if (self)
            self->over = true;
        return true;
    default:
        return false;
    }
}

bool order_rules_apply(struct order_rules *rules, struct ordered_event *event)
{
    const struct trace_event *e = &event->event;
    struct thread_state *self = thread_state(rules, event->thread_id);
    if (self)
        self->started = true;
    if (event_is_acquire(e->kind))
        return apply_acquire(rules, event);
    if (!model_subject_is_object(e->kind))
        return apply_thread(rules, event);
    if (e->kind == EVENT_COND_WAIT || e->kind == EVENT_COND_WAKE)
        return apply_condition(rules, event);
    if (!kind_of(rules, e->subject))
        return false;
    event->owner = rules->locks.ownerships[e->subject].owner;
    switch (e->kind) {
    case EVENT_DESTROY:
    case EVENT_OBJECT_END: // of a process-shared object it may be only one view's
        if (!event->refused && !model_object(rules->model, e->subject)->row.shared_key)
            end_object(rules, e->subject);
        return true;
    case EVENT_RELEASE:
        return !event->refused && give_back(rules, e->subject, event->thread_id);
    case EVENT_POST:
        need_state(rules, e->subject)->permits += !event->refused;
        return true;
    case EVENT_BARRIER_ARRIVE:
        need_state(rules, e->subject)->arrived++;
        return true;
    case EVENT_BARRIER_LEAVE:
        need_state(rules, e->subject)->left++;
        return false;
    default:
        return false;
    }
}
