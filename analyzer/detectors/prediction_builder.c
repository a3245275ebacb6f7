// SPDX-License-Identifier: MIT
// One pass over the steps of a run. Objects that only one thread has to do with are left out, and so are events that order
// nothing. Each thread's list begins with an event that requires its creation, if that is known.
//
// Where a thread lost events its list has a fence, which nothing that is predicted goes past: a point behind the last event known
// before the loss. Who received what from whom may have to do with what was lost: from then on the receiving end of every
// hand-off is a fence, too. Locks are not: a critical section that is lost is one that is left out.
//
// Blind to what was not recorded: data, signals between processes, a pthread_once that found its work done.
#include "prediction_builder_private.h"

#include <errno.h>
#include <string.h>

struct prediction_builder *prediction_builder_new(const struct prediction_survey *survey,
    struct prediction_trace *trace, struct lock_graph *graph, uint64_t max_events)
{
    struct prediction_builder *builder = g_new0(struct prediction_builder, 1);
    builder->survey = survey;
    builder->trace = trace;
    builder->graph = graph;
    builder->max_events = MIN(max_events, UINT32_MAX - 16);
    builder->objects = g_new0(struct object_state *, trace->n_objects);
    builder->threads = g_new0(struct thread_state, trace->n_threads);
    builder->points = g_array_new(false, false, sizeof(struct prediction_point));
    builder->holds = g_array_new(false, false, sizeof(struct hold));
    for (uint32_t i = 0; i < trace->n_threads; i++) {
        if (!prediction_survey_joined_holding(survey, i))
            continue;
        builder->threads[i].join_object =
            lock_graph_join_object(graph, prediction_join_id(trace->n_objects, i));
    }
    return builder;
}

static void object_free(struct object_state *object)
{
    if (!object)
        return;
    if (object->uses)
        g_array_unref(object->uses);
    g_array_unref(object->holders);
    prediction_sync_free(object->sync);
    g_free(object);
}

void prediction_builder_free(struct prediction_builder *builder)
{
    if (!builder)
        return;
    for (uint32_t i = 0; i < builder->trace->n_objects; i++)
        object_free(builder->objects[i]);
    for (uint32_t i = 0; i < builder->trace->n_threads; i++) {
        held_set_done(&builder->threads[i].held);
        if (builder->threads[i].made)
            g_array_unref(builder->threads[i].made);
        if (builder->threads[i].open)
            g_array_unref(builder->threads[i].open);
        g_free(builder->threads[i].recent);
    }
    g_free(builder->objects);
    g_free(builder->threads);
    g_array_unref(builder->points);
    g_array_unref(builder->holds);
    g_free(builder);
}

bool prediction_builder_is_cut(const struct prediction_builder *builder)
{
    return builder->cut;
}

// --- events and points ---

struct object_state *prediction_builder_object(
    struct prediction_builder *builder, const struct model_object *object)
{
    struct object_state *state = builder->objects[object->row.id];
    if (state)
        return state;
    state = g_new0(struct object_state, 1);
    state->treatment = prediction_survey_treatment(builder->survey, object);
    state->tracks_uses = object->row.flags & OBJECT_BY_INIT || object->row.ended_ticks >= 0;
    state->holders = g_array_new(false, false, sizeof(struct prediction_point));
    if (state->treatment == PREDICT_HANDOFF || state->treatment == PREDICT_ORDERED)
        state->sync = prediction_sync_new(object);
    builder->objects[object->row.id] = state;
    return state;
}

// Requirements of the thread itself go without saying.
static uint32_t require_points(struct prediction_builder *builder, uint32_t thread_id)
{
    struct prediction_point *points = (void *)builder->points->data;
    unsigned n = 0;
    for (unsigned i = 0; i < builder->points->len; i++)
        if (points[i].thread_id != thread_id && points[i].position != PREDICTION_NEVER)
            points[n++] = points[i];
    g_array_set_size(builder->points, 0);
    return n ? prediction_trace_require(builder->trace, points, n) : PREDICTION_NEVER;
}

static uint32_t append(struct prediction_builder *builder, uint32_t thread_id, struct prediction_event event)
{
    if (builder->trace->n_events >= builder->max_events)
        builder->cut = true;
    if (builder->cut)
        return PREDICTION_NEVER;
    return prediction_trace_append(builder->trace, thread_id, &event);
}

// A thread's first event, which requires its creation.
static void begin_thread(struct prediction_builder *builder, uint32_t thread_id)
{
    struct thread_state *thread = &builder->threads[thread_id];
    if (thread->begun)
        return;
    thread->begun = true;
    bool unknown = !thread->origin.thread_id && builder->fenced;
    if ((!thread->origin.thread_id && !unknown) || builder->cut)
        return;
    g_array_set_size(builder->points, 0);
    if (!unknown)
        g_array_append_val(builder->points, thread->origin);
    struct prediction_event event = {
        .link = require_points(builder, thread_id),
        .kind = EVENT_THREAD_START,
        .subject = thread_id,
        .hidden = true,
        .fenced = unknown,
    };
    append(builder, thread_id, event);
}

// The point a thread has come to.
struct prediction_point prediction_builder_here(struct prediction_builder *builder, uint32_t thread_id)
{
    begin_thread(builder, thread_id);
    uint32_t position = builder->cut ? PREDICTION_NEVER : prediction_trace_length(builder->trace, thread_id);
    return (struct prediction_point){ thread_id, position };
}

// The point with the event that comes next.
struct prediction_point prediction_builder_next(struct prediction_builder *builder, uint32_t thread_id)
{
    struct prediction_point point = prediction_builder_here(builder, thread_id);
    point.position += point.position != PREDICTION_NEVER;
    return point;
}

// Does what the step requires come from others?
static bool receives(const struct prediction_step *step)
{
    switch (step->kind) {
    case EVENT_COND_WAIT: // here, as a release, of locks whose order is to be kept
    case EVENT_RELEASE:
    case EVENT_COND_WAKE:
    case EVENT_BARRIER_ARRIVE:
    case EVENT_BARRIER_LEAVE:
    case EVENT_ONCE_DONE:
    case EVENT_READ:
    case EVENT_FAIL:
    case EVENT_DESTROY:
    case EVENT_OBJECT_END:
        return true;
    default:
        return event_is_acquire(step->kind);
    }
}

// Appends a step that requires the points in builder->points.
void prediction_builder_append(
    struct prediction_builder *builder, const struct prediction_step *step, uint32_t subject, bool hidden)
{
    struct prediction_event event = {
        .subject = subject,
        .stack = step->stack,
        .kind = step->kind,
        .role = PREDICTION_STEP,
        .hidden = hidden,
        .data = step->kind == EVENT_READ,
        .fenced = builder->fenced && receives(step),
    };
    if (!builder->cut)
        event.link = require_points(builder, step->thread_id);
    g_array_set_size(builder->points, 0);
    append(builder, step->thread_id, event);
}

static struct use *find_use(struct prediction_builder *builder, uint32_t thread_id, uint32_t object_id,
    const struct object_state *state)
{
    struct thread_state *thread = &builder->threads[thread_id];
    if (!thread->recent)
        thread->recent = g_new0(struct recent_use, RECENT_USES);
    struct recent_use *recent = &thread->recent[object_id % RECENT_USES];
    if (recent->object_id == object_id)
        return &g_array_index(state->uses, struct use, recent->index);
    for (unsigned i = 0; i < state->uses->len; i++)
        if (g_array_index(state->uses, struct use, i).thread_id == thread_id) {
            *recent = (struct recent_use){ object_id, i };
            return &g_array_index(state->uses, struct use, i);
        }
    return NULL;
}

// Before anything is done with an object: its init has to be over.
void prediction_builder_use(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *object, struct object_state *state)
{
    uint32_t thread_id = step->thread_id;
    begin_thread(builder, thread_id);
    if (!state->tracks_uses || builder->cut)
        return;
    if (!state->uses)
        state->uses = g_array_new(false, false, sizeof(struct use));
    struct use *use = find_use(builder, thread_id, object->row.id, state);
    if (use) {
        use->position = prediction_builder_next(builder, thread_id).position;
        return;
    }
    if (state->init.thread_id && state->init.thread_id != thread_id) {
        struct prediction_step init = { .thread_id = thread_id, .kind = EVENT_INIT };
        state->seen = true;
        g_array_append_val(builder->points, state->init);
        prediction_builder_append(builder, &init, object->row.id, true);
    } else if (!state->init.thread_id && builder->fenced && object->row.flags & OBJECT_BY_INIT) {
        struct prediction_event init = {
            .subject = object->row.id,
            .link = PREDICTION_NEVER,
            .kind = EVENT_INIT,
            .hidden = true,
            .fenced = true,
        };
        append(builder, thread_id, init);
    }
    struct use first = { thread_id, prediction_builder_next(builder, thread_id).position };
    g_array_append_val(state->uses, first);
}

// --- locks ---

void prediction_builder_want(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *wanted, bool blocks, uint32_t stack)
{
    struct thread_state *thread = &builder->threads[step->thread_id];
    struct hold end = { .object = thread->join_object };
    bool cyclic = thread->join_object || wanted->row.kind == OBJECT_NONE;
    for (unsigned i = 0; i < thread->held.count && !cyclic; i++)
        cyclic = prediction_survey_is_cyclic(
            builder->survey, thread->held.holds[i].object->row.id, wanted->row.id);
    bool blocks_readers = lock_graph_prefers_writers(wanted) && !event_is_shared(step->kind);
    if ((!cyclic && !blocks_readers) || wanted == thread->join_object)
        return;
    g_array_set_size(builder->holds, 0);
    if (thread->join_object)
        g_array_append_val(builder->holds, end);
    if (thread->held.count)
        g_array_append_vals(builder->holds, thread->held.holds, thread->held.count);
    struct graph_request request = {
        .thread_id = step->thread_id,
        .segment = step->segment,
        .position = prediction_builder_here(builder, step->thread_id).position,
        .wanted = wanted,
        .shared = event_is_shared(step->kind),
        .blocks = blocks,
        .stack = stack,
        .sequence = step->sequence,
        .held = (const struct hold *)(const void *)builder->holds->data,
        .n_held = builder->holds->len,
    };
    lock_graph_add(builder->graph, &request);
}

static bool blocks(const struct prediction_step *step)
{
    return step->kind == EVENT_REQUEST || step->kind == EVENT_REQUEST_SHARED || step->kind == EVENT_ACQUIRE ||
           step->kind == EVENT_ACQUIRE_SHARED || step->kind == EVENT_COND_WAKE || step->tries_first;
}

static enum hold_how hold_how_of(const struct prediction_step *step)
{
    switch (step->kind) {
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

static void request_lock(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *lock, struct object_state *state)
{
    struct thread_state *thread = &builder->threads[step->thread_id];
    if (state->treatment != PREDICT_LOCK || held_set_find(&thread->held, lock->row.id))
        return;
    prediction_builder_use(builder, step, lock, state);
    prediction_builder_want(builder, step, lock, blocks(step), step->stack);
    thread->requested = lock;
    thread->requested_stack = step->stack;
}

static void take_lock(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *lock, struct object_state *state)
{
    struct thread_state *thread = &builder->threads[step->thread_id];
    bool shared = event_is_shared(step->kind);
    bool again = held_set_find(&thread->held, lock->row.id) != NULL;
    if (!again && thread->requested != lock)
        request_lock(builder, step, lock, state);
    struct hold hold = {
        .object = lock,
        .sequence = step->sequence,
        .stack = step->stack ? step->stack : thread->requested_stack,
        .how = hold_how_of(step),
        .shared = shared,
    };
    thread->requested = NULL;
    held_set_add(&thread->held, &hold);
    if (again)
        return;
    struct prediction_event event = {
        .subject = lock->row.id,
        .stack = hold.stack,
        .link = PREDICTION_NEVER,
        .kind = step->kind,
        .role = shared ? PREDICTION_ACQUIRE_SHARED : PREDICTION_ACQUIRE,
    };
    struct prediction_point point = prediction_builder_next(builder, step->thread_id);
    uint32_t position = append(builder, step->thread_id, event);
    if (!thread->open)
        thread->open = g_array_new(false, false, sizeof(struct open_section));
    struct open_section section = { lock->row.id, position };
    g_array_append_val(thread->open, section);
    g_array_append_val(state->holders, point);
    state->last_acquire = point;
}

static void forget_holder(struct object_state *state, uint32_t thread_id)
{
    for (unsigned i = 0; i < state->holders->len; i++)
        if (g_array_index(state->holders, struct prediction_point, i).thread_id == thread_id) {
            g_array_remove_index(state->holders, i); // the earliest stays first
            return;
        }
}

static void give_lock(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *lock, struct object_state *state)
{
    struct thread_state *thread = &builder->threads[step->thread_id];
    if (!held_set_find(&thread->held, lock->row.id) || !held_set_release(&thread->held, lock->row.id))
        return;
    forget_holder(state, step->thread_id);
    prediction_builder_use(builder, step, lock, state);
    struct prediction_event event = {
        .subject = lock->row.id,
        .stack = step->stack,
        .link = PREDICTION_NEVER,
        .kind = step->kind,
        .role = PREDICTION_RELEASE,
        .hidden = step->kind == EVENT_COND_WAIT && prediction_handoffs_count(builder, step),
    };
    uint32_t position = append(builder, step->thread_id, event);
    for (unsigned i = thread->open->len; i-- > 0;) {
        struct open_section section = g_array_index(thread->open, struct open_section, i);
        if (section.object_id != lock->row.id)
            continue;
        if (section.position != PREDICTION_NEVER && position != PREDICTION_NEVER)
            prediction_trace_event(builder->trace, step->thread_id, section.position)->link = position;
        g_array_remove_index(thread->open, i);
        return;
    }
}

// A try or a time-out that failed saw the lock taken: that acquisition has to come before it.
static void fail_lock(
    struct prediction_builder *builder, const struct prediction_step *step, struct object_state *state)
{
    struct thread_state *thread = &builder->threads[step->thread_id];
    thread->requested = NULL;
    if (step->tries_first || (step->error != EBUSY && step->error != ETIMEDOUT && step->error != EAGAIN) ||
        held_set_find(&thread->held, step->object->row.id))
        return;
    prediction_builder_use(builder, step, step->object, state);
    if (state->holders->len)
        g_array_append_val(builder->points, g_array_index(state->holders, struct prediction_point, 0));
    else if (state->last_acquire.thread_id)
        g_array_append_val(builder->points, state->last_acquire);
    prediction_builder_append(builder, step, step->object->row.id, false);
}

// Everything about it in the order of the run.
static void add_ordered(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *object, struct object_state *state)
{
    if (event_is_request(step->kind))
        return;
    prediction_builder_use(builder, step, object, state);
    prediction_sync_see(state->sync, builder->points);
    prediction_sync_set(state->sync, prediction_builder_next(builder, step->thread_id));
    prediction_builder_append(builder, step, object->row.id, step->kind == EVENT_COND_WAIT);
}

void prediction_builder_lock(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *lock, struct object_state *state)
{
    if (state->treatment == PREDICT_ORDERED)
        add_ordered(builder, step, lock, state);
    else if (event_is_request(step->kind))
        request_lock(builder, step, lock, state);
    else if (event_is_acquire(step->kind) || step->kind == EVENT_COND_WAKE)
        take_lock(builder, step, lock, state);
    else if (step->kind == EVENT_FAIL)
        fail_lock(builder, step, state);
    else if (step->kind == EVENT_RELEASE || step->kind == EVENT_POST || step->kind == EVENT_COND_WAIT)
        give_lock(builder, step, lock, state);
}

// --- lives ---

static void end_object(
    struct prediction_builder *builder, const struct prediction_step *step, struct object_state *state)
{
    if (state->init.thread_id && state->init.thread_id != step->thread_id)
        g_array_append_val(builder->points, state->init);
    for (unsigned i = 0; state->uses && i < state->uses->len; i++) {
        const struct use *use = &g_array_index(state->uses, struct use, i);
        struct prediction_point point = { use->thread_id, use->position };
        if (use->thread_id == step->thread_id || builder->cut)
            continue;
        // A use that was to come next and did not.
        point.position = MIN(point.position, prediction_trace_length(builder->trace, use->thread_id));
        g_array_append_val(builder->points, point);
    }
    if (!builder->points->len && !builder->fenced)
        return;
    begin_thread(builder, step->thread_id);
    prediction_builder_append(builder, step, step->object->row.id, false);
}

static void add_object_step(struct prediction_builder *builder, const struct prediction_step *step)
{
    struct object_state *state = prediction_builder_object(builder, step->object);
    if (state->treatment == PREDICT_IGNORED || step->kind == EVENT_OBJECT)
        return;
    if (step->kind == EVENT_INIT) {
        prediction_builder_append(builder, step, step->object->row.id, false);
        state->init = prediction_builder_here(builder, step->thread_id);
        prediction_construction_begin(builder, step->thread_id, step->object->row.id);
    } else if (step->kind == EVENT_DESTROY || step->kind == EVENT_OBJECT_END)
        end_object(builder, step, state);
    else if (state->treatment == PREDICT_HANDOFF)
        prediction_handoffs_add(builder, step, state);
    else
        prediction_builder_lock(builder, step, step->object, state);
}

static void want_end(struct prediction_builder *builder, const struct prediction_step *step)
{
    struct thread_state *thread = &builder->threads[step->thread_id];
    const struct model_object *end = builder->threads[step->other_thread].join_object;
    if (end && !step->timed && !thread->requested_join)
        prediction_builder_want(builder, step, end, true, step->stack);
    thread->requested_join = true;
}

// What the thread holds is not known any more.
static void lose(struct prediction_builder *builder, uint32_t thread_id)
{
    struct thread_state *thread = &builder->threads[thread_id];
    held_set_clear(&thread->held);
    if (thread->open)
        g_array_set_size(thread->open, 0);
    if (thread->made)
        g_array_set_size(thread->made, 0);
    thread->requested = NULL;
    thread->requested_join = false;
}

// The step was the last one known of its thread before the loss.
static void put_fence(struct prediction_builder *builder, uint32_t thread_id)
{
    struct thread_state *thread = &builder->threads[thread_id];
    if (thread->fence)
        return;
    struct prediction_event event = {
        .link = PREDICTION_NEVER,
        .kind = EVENT_LOST,
        .hidden = true,
        .fenced = true,
    };
    thread->fence = true;
    append(builder, thread_id, event);
}

static void add_thread_step(struct prediction_builder *builder, const struct prediction_step *step)
{
    if (step->kind == EVENT_LOST)
        lose(builder, step->thread_id);
    if (!step->other_thread)
        return;
    struct thread_state *other = &builder->threads[step->other_thread];
    switch (step->kind) {
    case EVENT_CREATE:
    case EVENT_FORK:
        prediction_builder_append(builder, step, step->other_thread, false);
        if (!other->begun)
            other->origin = prediction_builder_here(builder, step->thread_id);
        break;
    case EVENT_JOIN_REQUEST:
        want_end(builder, step);
        break;
    case EVENT_JOIN:
        want_end(builder, step);
        g_array_append_val(
            builder->points, ((struct prediction_point){ step->other_thread,
                                 prediction_trace_length(builder->trace, step->other_thread) }));
        prediction_builder_append(builder, step, step->other_thread, false);
        builder->threads[step->thread_id].requested_join = false;
        break;
    case EVENT_JOIN_FAILED:
        builder->threads[step->thread_id].requested_join = false;
        break;
    case EVENT_CANCEL:
        prediction_builder_append(builder, step, step->other_thread, false);
        other->cancelled = prediction_builder_here(builder, step->thread_id);
        break;
    default:
        break;
    }
}

void prediction_builder_add(struct prediction_builder *builder, const struct prediction_step *step)
{
    builder->clock++;
    builder->fenced |= step->sequence > prediction_survey_first_loss(builder->survey);
    begin_thread(builder, step->thread_id);
    if (step->kind == EVENT_LOST)
        put_fence(builder, step->thread_id);
    g_array_set_size(builder->points, 0);
    if (!step->object)
        add_thread_step(builder, step);
    else if (step->lock_only || (step->mutex && !prediction_handoffs_count(builder, step)))
        prediction_handoffs_add_mutex(builder, step);
    else
        add_object_step(builder, step);
    prediction_construction_step(builder, step);
    if (step->sequence == prediction_survey_lost_after(builder->survey, step->thread_id))
        put_fence(builder, step->thread_id);
}
