// SPDX-License-Identifier: MIT
// long-hold, contention: where threads lose time waiting for locks. Notes: they say what is slow, not what is wrong.
//
// A long hold counts when somebody waited for it all that while; contention, when many waits for one class of locks add up
// to much: for itself and for the time its threads had. The bounds are high, so that a scheduler's whims are not reported, and
// only the worst are.
#include "detector.h"
#include "rules.h"

#define LONG_NS REPLAY_LONG_NS // waited for one hold
#define CONTENDED_NS 500e6     // waited for one class of locks, all waits together
#define CONTENDED_WAITS 100u
#define CONTENDED_SHARE 0.05 // of the time of the threads that waited
#define WORST 5u             // of each rule

const struct rule rule_long_hold = {
    .id = "long-hold",
    .level = LEVEL_NOTE,
    .summary = "A lock is held for long while others wait for it",
    .help = "Do the slow part without the lock: copy what it needs, unlock, and lock again for the result.",
};
const struct rule rule_contention = {
    .id = "contention",
    .level = LEVEL_NOTE,
    .summary = "Threads often wait for a lock",
    .help = "Hold it shorter, split what it protects among several locks, or let readers share it.",
};

// The last hold of an object that took long.
struct hold_time {
    uint32_t thread_id;
    uint32_t stack;
    uint64_t from; // ticks
    uint64_t to;
};

// The longest wait for a hold, of those of one place in the code and class of locks.
struct long_hold {
    const struct model_object *object;
    struct hold_time hold;
    uint32_t waiter_id;
    uint32_t wait_stack;
    uint64_t waited; // ticks
    unsigned instances;
};

struct place_time {
    uint32_t thread_id; // the first that waited there
    uint32_t stack;
    uint64_t waited; // ticks
};

struct class_time {
    const struct model_object *object; // the first of its class
    uint64_t waits;
    uint64_t waited;     // ticks
    GHashTable *places;  // stack.id -> struct place_time
    GHashTable *threads; // set of thread.id
    uint64_t few;        // those of the set below 64, once more
};

// In front of the tables: the places where threads wait again and again.
#define RECENT_PLACES 256u // a power of two
struct recent_place {
    const struct class_time *class;
    struct place_time *place;
};

struct lost_time {
    struct detection *detection;
    uint64_t long_ticks;
    int64_t last_ticks;                        // of the trace
    GHashTable *last;                          // object.id -> struct hold_time
    GHashTable *long_holds;                    // "class stack" -> struct long_hold
    struct recent_place recent[RECENT_PLACES]; // by stack.id
    struct class_time **classes;               // by class id; NULL: nobody waited
};

static void free_class(void *data)
{
    struct class_time *class = data;
    g_hash_table_unref(class->places);
    g_hash_table_unref(class->threads);
    g_free(class);
}

static void *begin(struct detection *detection)
{
    struct lost_time *state = g_new0(struct lost_time, 1);
    state->detection = detection;
    state->long_ticks = (uint64_t)(LONG_NS / detection->model->ns_per_tick);
    state->last = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    state->long_holds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    state->classes = g_new0(struct class_time *, detection->model->n_classes + 1);
    return state;
}

static void end_hold(struct lost_time *state, const struct replay_step *step, const struct hold *hold)
{
    if (!hold || step->event->ticks - hold->ticks < state->long_ticks)
        return;
    struct hold_time *time = g_new(struct hold_time, 1);
    *time = (struct hold_time){ step->ordered->thread_id, hold->stack, hold->ticks, step->event->ticks };
    g_hash_table_insert(state->last, GUINT_TO_POINTER(hold->object->row.id), time);
}

static void note_long_hold(struct lost_time *state, const struct replay_step *step)
{
    const struct hold_time *hold = g_hash_table_lookup(state->last, GUINT_TO_POINTER(step->object->row.id));
    const struct replay_request *request = &step->thread->request;
    uint64_t from = hold ? MAX(hold->from, request->ticks) : 0;
    if (!hold || hold->to < from || hold->to - from < state->long_ticks)
        return;
    char *key = g_strdup_printf("%u %u", step->object->class_id, hold->stack);
    struct long_hold *worst = g_hash_table_lookup(state->long_holds, key);
    if (!worst) {
        worst = g_new0(struct long_hold, 1);
        g_hash_table_insert(state->long_holds, key, worst);
    } else {
        g_free(key);
    }
    worst->instances++;
    if (hold->to - from <= worst->waited)
        return;
    worst->object = step->object;
    worst->hold = *hold;
    worst->waiter_id = step->ordered->thread_id;
    worst->wait_stack = request->stack;
    worst->waited = hold->to - from;
}

static struct place_time *need_place(
    struct lost_time *state, struct class_time *class, const struct replay_step *step)
{
    const uint32_t stack = step->thread->request.stack;
    struct recent_place *recent = &state->recent[stack % RECENT_PLACES];
    if (recent->class == class && recent->place->stack == stack)
        return recent->place;
    struct place_time *place = g_hash_table_lookup(class->places, GUINT_TO_POINTER(stack));
    if (!place) {
        place = g_new0(struct place_time, 1);
        place->thread_id = step->ordered->thread_id;
        place->stack = stack;
        g_hash_table_insert(class->places, GUINT_TO_POINTER(stack), place);
    }
    *recent = (struct recent_place){ class, place };
    return place;
}

static void note_waiter(struct class_time *class, uint32_t thread_id)
{
    const uint64_t bit = thread_id < 64 ? UINT64_C(1) << thread_id : 0;
    if (!(class->few & bit))
        g_hash_table_add(class->threads, GUINT_TO_POINTER(thread_id));
    class->few |= bit;
}

static void note_wait(struct lost_time *state, const struct replay_step *step, uint64_t waited)
{
    struct class_time *class = state->classes[step->object->class_id];
    if (!class) {
        state->classes[step->object->class_id] = class = g_new0(struct class_time, 1);
        class->object = step->object;
        class->places = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        class->threads = g_hash_table_new(NULL, NULL);
    }
    class->waits++;
    note_waiter(class, step->ordered->thread_id);
    class->waited += waited;
    need_place(state, class, step)->waited += waited;
}

static void event(void *data, const struct replay_step *step)
{
    struct lost_time *state = data;
    const struct replay_request *request = &step->thread->request;
    if (step->event->kind == EVENT_COND_WAIT) {
        end_hold(state, step, step->mutex ? held_set_find(&step->thread->held, step->mutex->row.id) : NULL);
        return;
    }
    if (step->event->kind == EVENT_RELEASE) {
        end_hold(state, step, step->hold);
        return;
    }
    // A wait for a semaphore's permit is mostly a wait for work.
    if (!event_is_request(request->kind) || request->subject != step->event->subject || !step->object ||
        step->object->row.kind == OBJECT_SEMAPHORE || step->event->ticks < request->ticks)
        return;
    uint64_t waited = step->event->ticks - request->ticks;
    note_wait(state, step, waited);
    if (waited >= state->long_ticks)
        note_long_hold(state, step);
}

// --- the findings ---

static double seconds(const struct lost_time *state, uint64_t ticks)
{
    return (double)ticks * state->detection->model->ns_per_tick / 1e9;
}

static void report_long_hold(struct lost_time *state, const struct long_hold *worst)
{
    const struct model *model = state->detection->model;
    struct finding *finding = finding_new(model, &rule_long_hold, LEVEL_NOTE);
    finding->site_stack = worst->hold.stack;
    finding->instances = worst->instances;
    finding_add_step(finding, worst->hold.thread_id, "acquire", worst->object, worst->hold.stack, NULL, 0);
    finding_add_step(finding, worst->waiter_id, "request", worst->object, worst->wait_stack, NULL, 0);
    g_autofree char *self = finding_thread_label(finding, worst->hold.thread_id);
    g_autofree char *other = finding_thread_label(finding, worst->waiter_id);
    finding_set_message(finding,
        g_strdup_printf("%s holds '%s' for %.2f s, and %s waits %.2f s for it", self, worst->object->label,
            seconds(state, worst->hold.to - worst->hold.from), other, seconds(state, worst->waited)));
    g_autofree char *place = fingerprint_stack(model, worst->hold.stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s", worst->object->fingerprint, place);
    finding_set_id(finding, parts);
    finding_list_add(state->detection->findings, finding);
}

static gint longer_wait_first(gconstpointer left, gconstpointer right)
{
    const struct long_hold *a = *(const struct long_hold *const *)left;
    const struct long_hold *b = *(const struct long_hold *const *)right;
    return a->waited > b->waited ? -1 : a->waited < b->waited;
}

static gint longer_place_first(gconstpointer left, gconstpointer right)
{
    const struct place_time *a = *(const struct place_time *const *)left;
    const struct place_time *b = *(const struct place_time *const *)right;
    return a->waited > b->waited ? -1 : a->waited < b->waited;
}

static gint longer_class_first(gconstpointer left, gconstpointer right)
{
    const struct class_time *a = *(const struct class_time *const *)left;
    const struct class_time *b = *(const struct class_time *const *)right;
    return a->waited > b->waited ? -1 : a->waited < b->waited;
}

static GPtrArray *sorted(GHashTable *table, GCompareFunc compare)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTableIter each;
    void *value;
    g_hash_table_iter_init(&each, table);
    while (g_hash_table_iter_next(&each, NULL, &value))
        g_ptr_array_add(all, value);
    g_ptr_array_sort(all, compare);
    return all;
}

// The time of a thread: from its start to its end, or as long as the recording lasted.
static double thread_seconds(const struct lost_time *state, const struct class_time *class)
{
    const struct model *model = state->detection->model;
    double sum = 0;
    GHashTableIter each;
    void *key;
    g_hash_table_iter_init(&each, class->threads);
    while (g_hash_table_iter_next(&each, &key, NULL)) {
        const struct model_thread *thread = model_thread(model, GPOINTER_TO_UINT(key));
        int64_t start = thread ? MAX(thread->row.started_ticks, 0) : 0;
        int64_t end = thread && thread->row.ended_ticks > start ? thread->row.ended_ticks : state->last_ticks;
        sum += end > start ? seconds(state, (uint64_t)(end - start)) : 0;
    }
    return sum;
}

static bool is_contended(const struct lost_time *state, const struct class_time *class)
{
    double waited = seconds(state, class->waited);
    return class->waits >= CONTENDED_WAITS && waited * 1e9 >= CONTENDED_NS &&
           waited >= CONTENDED_SHARE * thread_seconds(state, class);
}

static void report_contention(struct lost_time *state, const struct class_time *class)
{
    const struct model *model = state->detection->model;
    struct finding *finding = finding_new(model, &rule_contention, LEVEL_NOTE);
    g_autoptr(GPtrArray) places = sorted(class->places, longer_place_first);
    for (unsigned i = 0; i < MIN(places->len, 3u); i++) {
        const struct place_time *place = places->pdata[i];
        finding_add_step(finding, place->thread_id, "request", class->object, place->stack, NULL, 0);
    }
    finding->site_stack = ((const struct place_time *)places->pdata[0])->stack;
    finding_set_message(
        finding, g_strdup_printf("'%s' is waited for %" G_GUINT64_FORMAT " times, %.2f s in all",
                     class->object->label, class->waits, seconds(state, class->waited)));
    finding_set_id(finding, class->object->class_key);
    finding_list_add(state->detection->findings, finding);
}

static void finish(void *data)
{
    struct lost_time *state = data;
    state->last_ticks = (int64_t)replay_now(state->detection->replay);
    g_autoptr(GPtrArray) holds = sorted(state->long_holds, longer_wait_first);
    g_autoptr(GPtrArray) classes = g_ptr_array_new_with_free_func(free_class);
    for (unsigned i = 0; i <= state->detection->model->n_classes; i++)
        if (state->classes[i])
            g_ptr_array_add(classes, state->classes[i]);
    g_ptr_array_sort(classes, longer_class_first);
    for (unsigned i = 0; i < MIN(holds->len, WORST); i++)
        report_long_hold(state, holds->pdata[i]);
    unsigned reported = 0;
    for (unsigned i = 0; i < classes->len && reported < WORST; i++)
        if (is_contended(state, classes->pdata[i])) {
            report_contention(state, classes->pdata[i]);
            reported++;
        }
    g_hash_table_unref(state->last);
    g_hash_table_unref(state->long_holds);
    g_free(state->classes);
    g_free(state);
}

const struct detector detector_lost_time = {
    .name = "lost-time",
    .kinds = DETECTOR_SEES(EVENT_COND_WAIT) | DETECTOR_SEES(EVENT_RELEASE) | DETECTOR_SEES(EVENT_ACQUIRE) |
             DETECTOR_SEES(EVENT_ACQUIRE_SHARED) | DETECTOR_SEES(EVENT_ACQUIRE_TIMED) |
             DETECTOR_SEES(EVENT_ACQUIRE_TIMED_SHARED),
    .not_plain = DETECTOR_SEES(EVENT_RELEASE) | DETECTOR_SEES(EVENT_ACQUIRE) |
                 DETECTOR_SEES(EVENT_ACQUIRE_SHARED) | DETECTOR_SEES(EVENT_ACQUIRE_TIMED) |
                 DETECTOR_SEES(EVENT_ACQUIRE_TIMED_SHARED),
    .begin = begin,
    .event = event,
    .finish = finish,
};
