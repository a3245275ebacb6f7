// SPDX-License-Identifier: MIT
// Follows what every thread holds and waits for through the merged order.
//
// Only mutexes, rwlocks and spinlocks are held; semaphores have no owner. A thread that lost events starts again with nothing
// held: better to miss a hold than to invent one. A child made by fork starts with nothing held either; what it gives
// back without having taken it was its parent's.
#include "replay.h"

#include <errno.h>

struct replay {
    const struct model *model;
    struct merge_ahead *merge;
    struct event_reader *reader; // the merge's
    uint64_t long_ticks;
    struct thread_order *order;
    struct waiters *waiters;
    struct hand_off *hand_off;
    GHashTable *unsure; // set of object.id
    GHashTable
        *forked; // uint64_t *: forking thread.id << 32 | pid -> thread.id of the child, until it is known
    struct replay_thread *threads;       // by thread id
    struct replay_release *releases;     // by object id
    const struct ordered_event *current; // the reader's
    struct replay_thread *thread;        // whose it is
    const struct model_object *object;   // of current; NULL: none
    struct hold *found;                  // the hold of it by current's thread; NULL: none
    bool plain;                          // current is
    bool pending;                        // current has been shown, but not taken into account yet
};

static uint64_t fork_key(uint32_t thread_id, int64_t pid)
{
    return (uint64_t)thread_id << 32 | (uint32_t)pid;
}

static void find_forked(struct replay *replay)
{
    const struct model *model = replay->model;
    replay->forked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (unsigned i = 0; i < model->threads->len; i++) {
        const struct model_thread *thread = model->threads->pdata[i];
        const struct trace_process *process = thread ? model_process(model, thread->row.process_id) : NULL;
        if (!process || !process->forked_by || thread->row.creator_id)
            continue;
        uint64_t key = fork_key(process->forked_by, process->pid);
        if (!g_hash_table_contains(replay->forked, &key))
            g_hash_table_insert(
                replay->forked, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(thread->row.id));
    }
}

struct replay *replay_new(const struct model *model)
{
    struct replay *replay = g_new0(struct replay, 1);
    replay->model = model;
    replay->merge = merge_ahead_new(model);
    replay->reader = merge_ahead_reader(replay->merge);
    replay->current = &replay->reader->event;
    replay->long_ticks = (uint64_t)(REPLAY_LONG_NS / model->ns_per_tick);
    replay->order = thread_order_new(model->threads->len);
    replay->waiters = waiters_new();
    replay->hand_off = hand_off_new(model);
    replay->unsure = g_hash_table_new(NULL, NULL);
    replay->releases = g_new0(struct replay_release, model->objects->len);
    replay->threads = g_new0(struct replay_thread, model->threads->len + 1);
    for (unsigned i = 0; i < model->threads->len; i++)
        replay->threads[i].thread = model->threads->pdata[i];
    find_forked(replay);
    return replay;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    for (unsigned i = 0; i < replay->model->threads->len; i++)
        held_set_done(&replay->threads[i].held);
    merge_ahead_free(replay->merge);
    thread_order_free(replay->order);
    waiters_free(replay->waiters);
    hand_off_free(replay->hand_off);
    g_hash_table_unref(replay->unsure);
    g_hash_table_unref(replay->forked);
    g_free(replay->releases);
    g_free(replay->threads);
    g_free(replay);
}

struct replay_thread *replay_find_thread(struct replay *replay, uint32_t thread_id)
{
    return model_thread(replay->model, thread_id) ? &replay->threads[thread_id] : NULL;
}

struct thread_order *replay_thread_order(struct replay *replay)
{
    return replay->order;
}

const struct waiters *replay_waiters(const struct replay *replay)
{
    return replay->waiters;
}

const struct hand_off *replay_hand_off(const struct replay *replay)
{
    return replay->hand_off;
}

const struct hold *replay_find_holder(
    struct replay *replay, uint32_t object_id, uint32_t except, uint32_t *ret_thread_id)
{
    for (uint32_t i = 0; i < replay->model->threads->len; i++) {
        const struct hold *hold = i == except ? NULL : held_set_find(&replay->threads[i].held, object_id);
        if (hold) {
            *ret_thread_id = i;
            return hold;
        }
    }
    return NULL;
}

struct replay_release replay_last_release(const struct replay *replay, uint32_t object_id)
{
    return replay->releases[object_id];
}

bool replay_is_unsure(const struct replay *replay, uint32_t object_id)
{
    return g_hash_table_contains(replay->unsure, GUINT_TO_POINTER(object_id));
}

void replay_get_counts(const struct replay *replay, struct merge_counts *ret_counts)
{
    merge_ahead_get_counts(replay->merge, ret_counts);
}

uint64_t replay_now(const struct replay *replay)
{
    return replay->current->event.ticks;
}

static enum hold_how hold_how_of(unsigned kind)
{
    switch (kind) {
    case EVENT_ACQUIRE_TIMED:
    case EVENT_ACQUIRE_TIMED_SHARED:
        return HOLD_TIMED;
    case EVENT_ACQUIRE_TRY:
    case EVENT_ACQUIRE_TRY_SHARED:
        return HOLD_TRY;
    case EVENT_COND_WAKE:
        return HOLD_WOKEN;
    default:
        return HOLD_PLAIN;
    }
}

// Somebody else had it according to the events so far: unlocked by another thread, or the release was lost.
static void take_from(struct replay *replay, uint32_t owner_id, uint32_t object_id, uint32_t new_owner_id)
{
    struct replay_thread *owner = replay_find_thread(replay, owner_id);
    if (owner && owner_id != new_owner_id)
        held_set_drop(&owner->held, object_id);
}

// found: the thread's hold of it so far; NULL: none.
static void hold(struct replay *replay, struct replay_thread *thread, const struct model_object *object,
    struct hold *found)
{
    const struct ordered_event *ordered = replay->current;
    const struct trace_event *event = &ordered->event;
    if (!model_object_has_owner(object))
        return;
    if (ordered->owner && ordered->owner != ordered->thread_id) {
        if (!ordered->owner_died)
            g_hash_table_add(replay->unsure, GUINT_TO_POINTER(object->row.id));
        take_from(replay, ordered->owner, object->row.id, ordered->thread_id);
    }
    const struct hold taken = {
        .object = object,
        .sequence = ordered->sequence,
        .ticks = event->ticks,
        .stack = event->stack ? event->stack : thread->request.stack,
        .how = hold_how_of(event->kind),
        .shared = event_is_shared(event->kind),
    };
    held_set_add_found(&thread->held, found, &taken);
}

static inline void note_release(struct replay *replay, const struct model_object *object)
{
    replay->releases[object->row.id] =
        (struct replay_release){ replay->current->thread_id, replay->current->event.stack };
}

static void give_back(struct replay *replay, struct replay_thread *thread, const struct model_object *object)
{
    if (!model_object_has_owner(object))
        return;
    uint32_t other = replay->current->owner;
    note_release(replay, object);
    if (replay->found)
        held_set_release_found(&thread->held, replay->found);
    else if (other || replay_find_holder(replay, object->row.id, replay->current->thread_id, &other))
        take_from(replay, other, object->row.id, 0);
}

static void request(struct replay *replay, struct replay_thread *thread)
{
    const struct trace_event *event = &replay->current->event;
    thread->request = (struct replay_request){
        .kind = event->kind,
        .subject = event->subject,
        .stack = event->stack,
        .ticks = event->ticks,
        .sequence = replay->current->sequence,
    };
}

static void end_request(struct replay_thread *thread)
{
    if (thread->request.kind)
        thread->request = (struct replay_request){ 0 };
}

// An object whose life is over is held by nobody.
static void forget_object(struct replay *replay, const struct model_object *object)
{
    if (!model_object_has_owner(object))
        return;
    take_from(replay, replay->current->owner, object->row.id, 0);
    held_set_drop(&replay->threads[replay->current->thread_id].held, object->row.id);
}

// What the parent does after the fork is not before what the child does, even if the child's first event comes later.
static void fork_process(struct replay *replay, uint32_t thread_id, int64_t pid)
{
    uint64_t key = fork_key(thread_id, pid);
    uint32_t child_id = GPOINTER_TO_UINT(g_hash_table_lookup(replay->forked, &key));
    if (!child_id)
        return;
    g_hash_table_remove(replay->forked, &key);
    replay->threads[child_id].forked = true;
    thread_order_create(replay->order, thread_id, child_id);
}

static void start_process(struct replay *replay, struct replay_thread *thread)
{
    const struct model_thread *row = thread->thread;
    const struct trace_process *process = model_process(replay->model, row->row.process_id);
    if (process && process->forked_by && !row->row.creator_id && !thread->forked)
        thread_order_create(replay->order, process->forked_by, row->row.id);
}

static void apply_thread_event(struct replay *replay, struct replay_thread *thread)
{
    const struct ordered_event *ordered = replay->current;
    const struct trace_event *event = &ordered->event;
    switch (event->kind) {
    case EVENT_CREATE:
        if (!ordered->refused)
            thread_order_create(replay->order, ordered->thread_id, event->subject);
        break;
    case EVENT_FORK:
        fork_process(replay, ordered->thread_id, event->arg);
        break;
    case EVENT_JOIN_REQUEST:
        request(replay, thread);
        break;
    case EVENT_JOIN:
        thread_order_join(replay->order, ordered->thread_id, event->subject);
        end_request(thread);
        break;
    case EVENT_JOIN_FAILED:
        end_request(thread);
        break;
    case EVENT_THREAD_END:
        thread->ended = true;
        thread->end_stack = event->stack;
        break;
    case EVENT_EXIT:
        thread->exited = true;
        thread->exit_status = event->arg;
        thread->exit_stack = event->stack;
        break;
    case EVENT_LOST:
        thread->lost = true;
        held_set_clear(&thread->held);
        end_request(thread);
        break;
    default:
        break;
    }
}

// Neither locks nor unlocks, which are nearly all events.
static bool hands_off(unsigned kind)
{
    return kind >= EVENT_OWNER_DIED;
}

static void apply_plain(struct replay *replay)
{
    const struct trace_event *event = &replay->current->event;
    struct held_set *held = &replay->thread->held;
    if (event->kind == EVENT_RELEASE) {
        note_release(replay, replay->object);
        held_set_release_found(held, replay->found);
        return;
    }
    struct hold *hold = held_set_push(held, replay->object);
    hold->sequence = replay->current->sequence;
    hold->ticks = event->ticks;
    hold->stack = event->stack;
    hold->how = hold_how_of(event->kind);
    hold->shared = event_is_shared(event->kind);
}

// Takes the current event into account.
static void apply(struct replay *replay)
{
    const struct ordered_event *ordered = replay->current;
    const struct trace_event *event = &ordered->event;
    struct replay_thread *thread = replay->thread;
    const struct model_object *object = replay->object;
    if (hands_off(event->kind) ||
        (event_is_acquire(event->kind) && object && object->row.kind == OBJECT_SEMAPHORE)) {
        waiters_apply(replay->waiters, ordered);
        hand_off_apply(replay->hand_off, ordered);
    }
    if (event->kind == EVENT_NONE) {
        held_set_done(&thread->held);
        return;
    }
    if (event_is_request(event->kind) || event->kind == EVENT_BARRIER_ARRIVE) {
        request(replay, thread);
    } else if (event_is_acquire(event->kind)) {
        hold(replay, thread, object, replay->found);
        end_request(thread);
    } else if (event->kind == EVENT_RELEASE) {
        if (!ordered->refused)
            give_back(replay, thread, object);
    } else if (event->kind == EVENT_FAIL || event->kind == EVENT_BARRIER_LEAVE) {
        end_request(thread);
    } else if (event->kind == EVENT_COND_WAIT) {
        const struct model_object *mutex = model_object(replay->model, chunk_arg_object(event->arg));
        const struct hold *held =
            mutex && !ordered->refused ? held_set_find(&thread->held, mutex->row.id) : NULL;
        thread->gave_back = held ? *held : (struct hold){ 0 };
        if (held)
            held_set_release(&thread->held, mutex->row.id);
        request(replay, thread);
    } else if (event->kind == EVENT_COND_WAKE) {
        const struct hold *gave_back = &thread->gave_back;
        const uint32_t mutex_id = chunk_arg_object(event->arg);
        if (order_wake_has_mutex(event))
            hold(replay, thread, model_object(replay->model, mutex_id),
                held_set_find(&thread->held, mutex_id));
        else if (gave_back->object && gave_back->object->row.id == chunk_arg_object(event->arg))
            held_set_add(&thread->held, gave_back); // refused: it never gave it away
        end_request(thread);
    } else if ((event->kind == EVENT_DESTROY && !ordered->refused) || event->kind == EVENT_OBJECT_END) {
        forget_object(replay, object);
    } else if (!model_subject_is_object(event->kind)) {
        apply_thread_event(replay, thread);
    }
}

// Locks and unlocks, which are nearly all events.
static inline bool is_lock_kind(unsigned kind)
{
    const uint64_t kinds = UINT64_C(1) << EVENT_ACQUIRE | UINT64_C(1) << EVENT_ACQUIRE_SHARED |
                           UINT64_C(1) << EVENT_ACQUIRE_TIMED | UINT64_C(1) << EVENT_ACQUIRE_TIMED_SHARED |
                           UINT64_C(1) << EVENT_ACQUIRE_TRY | UINT64_C(1) << EVENT_ACQUIRE_TRY_SHARED |
                           UINT64_C(1) << EVENT_RELEASE;
    return kinds >> kind & 1;
}

// Of one of these kinds.
static inline bool is_plain(const struct replay *replay)
{
    const struct ordered_event *ordered = replay->current;
    const bool releases = ordered->event.kind == EVENT_RELEASE;
    if (replay->reader->whole || !model_object_has_owner(replay->object) || replay->thread->request.kind)
        return false;
    if (replay->found)
        return releases && ordered->event.ticks - replay->found->ticks < replay->long_ticks;
    return !releases && !ordered->owner;
}

int replay_next(struct replay *replay, struct replay_step *ret_step)
{
    if (replay->plain)
        apply_plain(replay);
    else if (replay->pending)
        apply(replay);
    replay->plain = replay->pending = false;
    if (!event_reader_next(replay->reader)) {
        int r = merge_ahead_go_on(replay->merge);
        if (r <= 0)
            return r;
    }
    replay->pending = true;

    const struct trace_event *event = &replay->current->event;
    struct replay_thread *thread = &replay->threads[replay->current->thread_id];
    replay->thread = thread;
    if (!thread->events++)
        start_process(replay, thread);
    const bool locks = is_lock_kind(event->kind);
    const bool waits = !locks && (event->kind == EVENT_COND_WAIT || event->kind == EVENT_COND_WAKE);
    replay->object =
        locks || model_subject_is_object(event->kind) ? model_object(replay->model, event->subject) : NULL;
    replay->found = replay->object ? held_set_find(&thread->held, event->subject) : NULL;
    replay->plain = locks && is_plain(replay);
    *ret_step = (struct replay_step){
        .ordered = replay->current,
        .event = event,
        .thread = thread,
        .object = replay->object,
        .mutex = waits ? model_object(replay->model, chunk_arg_object(event->arg)) : NULL,
        .hold = replay->found,
        .plain = replay->plain,
    };
    return 1;
}
