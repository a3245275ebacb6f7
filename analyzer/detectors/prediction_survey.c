// SPDX-License-Identifier: MIT
// The survey keeps what each thread holds, semaphores included as long as they behave like locks: one permit from the start, and
// whoever took it gives it back. Of what is held the lock taken last goes into a graph, as a pair (held, wanted); cycles lie
// within its strongly connected components. The other locks held need no pair of their own: each was held when the next one was
// taken, so the graph has a way from it to the last one, and the same components as with all pairs. Covers are found by comparing what a thread holds when it creates another with what it holds when it joins it.
#include "prediction_survey.h"

#include "components.h"
#include "held_set.h"
#include "wide_hash.h"

#define PAIRS_MAX 4000000u   // beyond, every pair may be part of a cycle
#define RECENT_PAIRS 4096u   // a power of two
#define MATRIX_OBJECTS 2048u // a matrix of pairs of so many takes half a megabyte

struct object_survey {
    uint32_t first_thread; // 0: nobody has used it so far
    uint32_t owner;        // of a lock or semaphore, exclusively
    bool several;          // threads use it
    bool ordered;          // given back by others
    bool once;             // its routine counts as a lock; owner: who runs it
};

struct thread_survey {
    struct held_set held;
    uint32_t joiner;     // who joins it; 0: nobody
    bool joined_holding; // by somebody who holds a lock
    uint32_t creator;
    GArray *
        covers; // of struct prediction_cover: held at its creation, and after its end those that lasted; NULL: none
    bool covered; // its end was seen: covers are those that lasted
    uint64_t last_sequence;
    uint64_t lost_after; // last_sequence when it first lost events, + 1; 0: it has not
};

struct prediction_survey {
    uint32_t n_threads;
    uint32_t n_objects;
    bool all;
    struct object_survey *objects;
    struct thread_survey *threads;
    GHashTable *pairs; // set of uint64_t *: held last << 32 | wanted
    uint64_t *matrix;  // in front of it a bit for each pair that is in it already; NULL: too many objects
    uint64_t *recent;  // else a cache of RECENT_PAIRS
    struct components *components; // after finish
    bool too_many_pairs;
    bool joins_holding; // cycles may lead through the end of a thread: any pair may be part of one
    bool has_cycles;
    uint64_t first_loss; // UINT64_MAX: none
};

struct prediction_survey *prediction_survey_new(uint32_t n_threads, uint32_t n_objects, bool all)
{
    struct prediction_survey *survey = g_new0(struct prediction_survey, 1);
    survey->all = all;
    survey->first_loss = UINT64_MAX;
    survey->n_threads = n_threads;
    survey->n_objects = n_objects;
    survey->objects = g_new0(struct object_survey, n_objects);
    survey->threads = g_new0(struct thread_survey, n_threads);
    survey->pairs = g_hash_table_new_full(wide_hash, g_int64_equal, g_free, NULL);
    if (n_objects <= MATRIX_OBJECTS)
        survey->matrix = g_new0(uint64_t, (uint64_t)n_objects * n_objects / 64 + 1);
    else
        survey->recent = g_new0(uint64_t, RECENT_PAIRS);
    return survey;
}

void prediction_survey_free(struct prediction_survey *survey)
{
    if (!survey)
        return;
    for (uint32_t i = 0; i < survey->n_threads; i++) {
        held_set_done(&survey->threads[i].held);
        if (survey->threads[i].covers)
            g_array_unref(survey->threads[i].covers);
    }
    g_hash_table_unref(survey->pairs);
    g_free(survey->matrix);
    g_free(survey->recent);
    components_free(survey->components);
    g_free(survey->objects);
    g_free(survey->threads);
    g_free(survey);
}

// False: the pair is known. Blind to some that are, where there is only the cache.
static inline bool may_be_new(struct prediction_survey *survey, uint32_t held_id, uint32_t wanted_id)
{
    if (survey->matrix) {
        uint64_t at = (uint64_t)held_id * survey->n_objects + wanted_id;
        uint64_t bit = UINT64_C(1) << at % 64;
        bool known = survey->matrix[at / 64] & bit;
        survey->matrix[at / 64] |= bit;
        return !known;
    }
    uint64_t pair = (uint64_t)held_id << 32 | wanted_id;
    uint64_t *recent = &survey->recent[(pair * UINT64_C(0x9e3779b97f4a7c15)) >> 52];
    bool known = *recent == pair;
    *recent = pair;
    return !known;
}

static inline void add_pair(struct prediction_survey *survey, uint32_t held_id, uint32_t wanted_id)
{
    uint64_t pair = (uint64_t)held_id << 32 | wanted_id;
    if (survey->too_many_pairs || !may_be_new(survey, held_id, wanted_id))
        return;
    if (g_hash_table_contains(survey->pairs, &pair))
        return;
    survey->too_many_pairs = g_hash_table_size(survey->pairs) >= PAIRS_MAX;
    if (!survey->too_many_pairs)
        g_hash_table_add(survey->pairs, g_memdup2(&pair, sizeof pair));
}

// found: its hold of what it wants; NULL: none.
static void want_found(struct prediction_survey *survey, const struct thread_survey *thread,
    const struct hold *found, uint32_t wanted_id)
{
    if (!found && thread->held.count)
        add_pair(survey, thread->held.holds[thread->held.count - 1].object->row.id, wanted_id);
}

static void want(struct prediction_survey *survey, const struct thread_survey *thread, uint32_t wanted_id)
{
    want_found(survey, thread, held_set_find(&thread->held, wanted_id), wanted_id);
}

// From now on it is no lock with critical sections.
static void give_up_lock(struct prediction_survey *survey, struct object_survey *object, uint32_t object_id)
{
    object->ordered = true;
    if (object->owner)
        held_set_drop(&survey->threads[object->owner].held, object_id);
    object->owner = 0;
}

static void take_lock(struct prediction_survey *survey, uint32_t thread_id, uint64_t sequence,
    const struct model_object *lock, bool shared)
{
    struct thread_survey *thread = &survey->threads[thread_id];
    struct hold *found = held_set_find(&thread->held, lock->row.id);
    want_found(survey, thread, found, lock->row.id);
    const struct hold hold = { .object = lock, .sequence = sequence, .shared = shared };
    held_set_add_found(&thread->held, found, &hold);
    if (!shared)
        survey->objects[lock->row.id].owner = thread_id;
}

static void take(
    struct prediction_survey *survey, const struct prediction_step *step, const struct model_object *lock)
{
    struct object_survey *object = &survey->objects[lock->row.id];
    bool semaphore = prediction_is_semaphore(lock);
    if (object->ordered)
        return;
    bool has_one_permit = lock->row.flags & OBJECT_BY_INIT && lock->row.value == 1;
    if (step->owner_died || (semaphore && (object->owner || !has_one_permit)))
        give_up_lock(survey, object, lock->row.id);
    else
        take_lock(survey, step->thread_id, step->sequence, lock, event_is_shared(step->kind));
}

static void give(struct prediction_survey *survey, uint32_t thread_id, const struct model_object *lock)
{
    struct object_survey *object = &survey->objects[lock->row.id];
    struct thread_survey *thread = &survey->threads[thread_id];
    if (object->ordered)
        return;
    struct hold *found = held_set_find(&thread->held, lock->row.id);
    if (!found)
        give_up_lock(survey, object, lock->row.id);
    else if (held_set_release_found(&thread->held, found) && object->owner == thread_id)
        object->owner = 0;
}

static void note_use(struct prediction_survey *survey, uint32_t thread_id, const struct model_object *object)
{
    struct object_survey *use = &survey->objects[object->row.id];
    if (!use->first_thread)
        use->first_thread = thread_id;
    use->several |= use->first_thread != thread_id;
}

static void create(struct prediction_survey *survey, const struct prediction_step *step)
{
    const struct held_set *held = &survey->threads[step->thread_id].held;
    struct thread_survey *child = &survey->threads[step->other_thread];
    child->creator = step->thread_id;
    if (!held->count || child->covers)
        return;
    child->covers = g_array_new(false, false, sizeof(struct prediction_cover));
    for (unsigned i = 0; i < held->count; i++) {
        struct prediction_cover cover = {
            .object_id = held->holds[i].object->row.id,
            .owner_id = step->thread_id,
            .sequence = held->holds[i].sequence,
            .shared = held->holds[i].shared,
        };
        g_array_append_val(child->covers, cover);
    }
}

static void wait_for_end(struct prediction_survey *survey, const struct prediction_step *step)
{
    struct thread_survey *child = &survey->threads[step->other_thread];
    child->joiner = step->thread_id;
    child->joined_holding |= survey->threads[step->thread_id].held.count > 0;
}

static void join(struct prediction_survey *survey, const struct prediction_step *step)
{
    struct held_set *held = &survey->threads[step->thread_id].held;
    struct thread_survey *child = &survey->threads[step->other_thread];
    child->covered = child->creator == step->thread_id;
    for (unsigned i = child->covers ? child->covers->len : 0; i-- > 0;) {
        const struct prediction_cover *cover = &g_array_index(child->covers, struct prediction_cover, i);
        const struct hold *hold = held_set_find(held, cover->object_id);
        if (cover->owner_id != step->thread_id || !hold || hold->sequence != cover->sequence)
            g_array_remove_index(child->covers, i);
    }
}

static void lose(struct prediction_survey *survey, uint32_t thread_id)
{
    struct thread_survey *thread = &survey->threads[thread_id];
    held_set_clear(&thread->held);
    if (thread->lost_after)
        return;
    thread->lost_after = thread->last_sequence + 1;
    survey->first_loss = MIN(survey->first_loss, thread->last_sequence);
}

static void add_thread_step(struct prediction_survey *survey, const struct prediction_step *step)
{
    if (step->kind == EVENT_LOST)
        lose(survey, step->thread_id);
    if (!step->other_thread)
        return;
    if (step->kind == EVENT_CREATE)
        create(survey, step);
    else if (step->kind == EVENT_JOIN_REQUEST && !step->timed)
        wait_for_end(survey, step);
    else if (step->kind == EVENT_JOIN) {
        wait_for_end(survey, step);
        join(survey, step);
    }
}

// A routine that did not come to its end (it was cancelled, or left by an exception) tells nothing of who has the control.
static void run_once(struct prediction_survey *survey, const struct prediction_step *step)
{
    struct object_survey *object = &survey->objects[step->object->row.id];
    struct thread_survey *thread = &survey->threads[step->thread_id];
    object->once = true;
    if (object->ordered)
        return;
    if (step->kind == EVENT_ONCE_REQUEST) {
        want(survey, thread, step->object->row.id);
    } else if (step->kind == EVENT_ONCE_BEGIN && object->owner) {
        give_up_lock(survey, object, step->object->row.id);
    } else if (step->kind == EVENT_ONCE_BEGIN) {
        want(survey, thread, step->object->row.id);
        struct hold hold = { .object = step->object, .sequence = step->sequence };
        held_set_add(&thread->held, &hold);
        object->owner = step->thread_id;
    } else if (step->kind == EVENT_ONCE_END) {
        if (!held_set_drop(&thread->held, step->object->row.id))
            give_up_lock(survey, object, step->object->row.id);
        object->owner = 0;
    }
}

static void add_object_step(struct prediction_survey *survey, const struct prediction_step *step)
{
    const struct model_object *object = step->object;
    note_use(survey, step->thread_id, object);
    bool lock = prediction_is_lock(object) || prediction_is_semaphore(object);
    if (object->row.kind == OBJECT_ONCE)
        run_once(survey, step);
    if (step->mutex)
        note_use(survey, step->thread_id, step->mutex);
    if (lock && event_is_request(step->kind))
        want(survey, &survey->threads[step->thread_id], object->row.id);
    else if (lock && event_is_acquire(step->kind))
        take(survey, step, object);
    else if (lock && (step->kind == EVENT_RELEASE || step->kind == EVENT_POST))
        give(survey, step->thread_id, object);
    else if (step->kind == EVENT_COND_WAIT && prediction_is_lock(step->mutex) &&
             held_set_find(&survey->threads[step->thread_id].held, step->mutex->row.id))
        give(survey, step->thread_id, step->mutex);
    else if (step->kind == EVENT_COND_WAKE && prediction_is_lock(step->mutex))
        take(survey, step, step->mutex);
}

void prediction_survey_add(struct prediction_survey *survey, const struct prediction_step *step)
{
    if (step->object)
        add_object_step(survey, step);
    else
        add_thread_step(survey, step);
    survey->threads[step->thread_id].last_sequence = step->sequence;
}

void prediction_survey_add_plain(struct prediction_survey *survey, uint32_t thread_id, uint64_t sequence,
    const struct model_object *lock, unsigned kind)
{
    struct object_survey *object = &survey->objects[lock->row.id];
    struct thread_survey *thread = &survey->threads[thread_id];
    thread->last_sequence = sequence;
    if (kind == EVENT_RELEASE) { // whoever gives it back was noted when it took it
        struct hold *last = held_set_last(&thread->held);
        if (!last || last->object != lock || object->ordered)
            give(survey, thread_id, lock);
        else if (held_set_release_found(&thread->held, last) && object->owner == thread_id)
            object->owner = 0;
        return;
    }
    note_use(survey, thread_id, lock);
    if (object->ordered)
        return;
    const bool shared = event_is_shared(kind);
    if (G_UNLIKELY(held_set_find(&thread->held, lock->row.id))) {
        take_lock(survey, thread_id, sequence, lock, shared);
        return;
    }
    const struct hold *last = held_set_last(&thread->held);
    if (last)
        add_pair(survey, last->object->row.id, lock->row.id);
    struct hold *hold = held_set_push(&thread->held, lock);
    hold->sequence = sequence;
    hold->shared = shared;
    object->owner = shared ? object->owner : thread_id;
}

// Whoever is waited for by one that is itself waited for under a lock is waited for under that lock.
static void spread_joins(struct prediction_survey *survey)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < survey->n_threads; i++) {
            struct thread_survey *thread = &survey->threads[i];
            if (!thread->joined_holding && thread->joiner && survey->threads[thread->joiner].joined_holding)
                thread->joined_holding = changed = true;
        }
    }
}

void prediction_survey_finish(struct prediction_survey *survey)
{
    spread_joins(survey);
    for (uint32_t i = 0; i < survey->n_objects; i++)
        survey->objects[i].ordered |= survey->objects[i].once && survey->objects[i].owner;
    for (uint32_t i = 0; i < survey->n_threads; i++)
        survey->joins_holding |= survey->threads[i].joined_holding;
    survey->components = components_new();
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, survey->pairs);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        uint64_t pair = *(uint64_t *)key;
        components_add_edge(survey->components, (uint32_t)(pair >> 32), (uint32_t)pair);
    }
    components_find(survey->components);
    g_hash_table_iter_init(&iter, survey->pairs);
    while (!survey->has_cycles && g_hash_table_iter_next(&iter, &key, NULL)) {
        uint64_t pair = *(uint64_t *)key;
        survey->has_cycles = components_same(survey->components, (uint32_t)(pair >> 32), (uint32_t)pair);
    }
    survey->has_cycles |= survey->too_many_pairs || survey->joins_holding;
    g_hash_table_remove_all(survey->pairs);
}

bool prediction_survey_has_cycles(const struct prediction_survey *survey)
{
    return survey->has_cycles;
}

bool prediction_survey_is_cyclic(const struct prediction_survey *survey, uint32_t held_id, uint32_t wanted_id)
{
    return survey->too_many_pairs || survey->joins_holding ||
           components_same(survey->components, held_id, wanted_id);
}

enum prediction_treatment prediction_survey_treatment(
    const struct prediction_survey *survey, const struct model_object *object)
{
    const struct object_survey *use = &survey->objects[object->row.id];
    bool lossy = survey->first_loss != UINT64_MAX; // others may have had to do with it, or posted it
    if (!use->several && !survey->all && !lossy)
        return PREDICT_IGNORED;
    if (prediction_is_lock(object))
        return use->ordered ? PREDICT_ORDERED : PREDICT_LOCK;
    return prediction_is_semaphore(object) && !use->ordered && !lossy ? PREDICT_LOCK : PREDICT_HANDOFF;
}

bool prediction_survey_is_once_lock(const struct prediction_survey *survey, const struct model_object *object)
{
    return survey->objects[object->row.id].once && !survey->objects[object->row.id].ordered;
}

bool prediction_survey_joined_holding(const struct prediction_survey *survey, uint32_t thread_id)
{
    return survey->threads[thread_id].joined_holding;
}

uint64_t prediction_survey_lost_after(const struct prediction_survey *survey, uint32_t thread_id)
{
    return survey->threads[thread_id].lost_after - 1;
}

uint64_t prediction_survey_first_loss(const struct prediction_survey *survey)
{
    return survey->first_loss;
}

void prediction_survey_covers(const struct prediction_survey *survey, uint32_t thread_id, GArray *ret_covers)
{
    // A thread's covers are also those of the threads it creates and joins. A damaged trace may have creators in a circle.
    const struct thread_survey *thread = &survey->threads[thread_id];
    for (uint32_t depth = 0; thread->covered && depth < survey->n_threads; depth++) {
        if (thread->covers)
            g_array_append_vals(ret_covers, thread->covers->data, thread->covers->len);
        thread = &survey->threads[thread->creator];
    }
}
