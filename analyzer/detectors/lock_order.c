// SPDX-License-Identifier: MIT
// lock-order-cycle: locks are taken in orders that form a cycle, whether or not it has ever come to a deadlock.
//
// A cycle of patterns (lock_graph.h) is reported when its sides can be given to different threads that create and join do not
// put one after the other. Blind to orders by other means (conditions, semaphores, data): such a cycle is called potential
// although it may not be able to happen.
#include <string.h>

#include "cycle.h"
#include "lock_graph.h"
#include "rules.h"

#define VISITS_MAX 20000u  // choices of threads tried for one cycle
#define CYCLES_MAX 200000u // cycles looked at
#define PLACES_MAX 64u     // combinations of places reported for one cycle

struct lock_order {
    struct detection *detection;
    struct lock_graph *graph;
    GHashTable *reported; // set of char *: places and classes that are reported already
    unsigned cycles;
};

static void *begin(struct detection *detection)
{
    struct lock_order *state = g_new0(struct lock_order, 1);
    state->detection = detection;
    state->graph = lock_graph_new();
    state->reported = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return state;
}

static bool is_lock(const struct model_object *object)
{
    return object && (object->row.kind == OBJECT_MUTEX || object->row.kind == OBJECT_RWLOCK ||
                         object->row.kind == OBJECT_SPINLOCK);
}

static bool may_block(unsigned kind)
{
    return kind == EVENT_REQUEST || kind == EVENT_REQUEST_SHARED || kind == EVENT_ACQUIRE ||
           kind == EVENT_ACQUIRE_SHARED || kind == EVENT_COND_WAKE;
}

static void event(void *data, const struct replay_step *step)
{
    struct lock_order *state = data;
    const struct replay_thread *thread = step->thread;
    const struct trace_event *e = step->event;
    const struct model_object *wanted = e->kind == EVENT_COND_WAKE ? step->mutex : step->object;
    if (!thread->held.count || !is_lock(wanted) || held_set_find(&thread->held, wanted->row.id))
        return;
    // What it has asked for and now gets was counted when it asked.
    if (event_is_acquire(e->kind) && event_is_request(thread->request.kind) &&
        thread->request.subject == e->subject)
        return;
    if (!may_block(e->kind) && !state->detection->all)
        return;
    struct graph_request request = {
        .thread_id = step->ordered->thread_id,
        .segment =
            thread_order_segment(replay_thread_order(state->detection->replay), step->ordered->thread_id),
        .wanted = wanted,
        .shared = event_is_shared(e->kind),
        .blocks = may_block(e->kind),
        .stack = e->stack ? e->stack : thread->request.stack,
        .sequence = step->ordered->sequence,
        .held = thread->held.holds,
        .n_held = thread->held.count,
    };
    lock_graph_add(state->graph, &request);
}

// --- giving the sides of a cycle to threads ---

struct choice {
    const struct graph_instance *instance;
    uint32_t segment;
};

struct casting {
    struct lock_order *state;
    const struct graph_pattern *const *patterns;
    unsigned n;
    struct choice *choices;
    unsigned visits;
    unsigned places;       // reported so far
    bool possible;         // some choice passed all tests
    bool distinct_threads; // some choice had different threads, in whatever order
};

// The lock a pattern holds that the one before it in the circle wants.
static unsigned key_of(const struct casting *casting, unsigned i)
{
    unsigned before = (i + casting->n - 1) % casting->n;
    return graph_pattern_find(casting->patterns[i], casting->patterns[before]->wanted.object);
}

static void fill_edge(const struct casting *casting, unsigned i, struct cycle_edge *ret_edge, GArray *holds)
{
    const struct graph_pattern *pattern = casting->patterns[i];
    const struct graph_instance *instance = casting->choices[i].instance;
    for (unsigned j = 0; j < pattern->n_held; j++) {
        struct hold hold = {
            .object = pattern->held[j].object,
            .shared = pattern->held[j].shared,
            .stack = instance->held_stacks[j],
        };
        g_array_append_val(holds, hold);
    }
    *ret_edge = (struct cycle_edge){
        .thread_id = instance->thread_id,
        .n_held = pattern->n_held,
        .key = key_of(casting, i),
        .wanted = pattern->wanted.object,
        .wanted_stack = instance->stack,
        .wanted_shared = pattern->wanted.shared,
    };
}

static GString *join_labels(GPtrArray *labels)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < labels->len; i++)
        g_string_append_printf(text, "%s%s",
            i == 0                 ? ""
            : i + 1 == labels->len ? " and "
                                   : ", ",
            (const char *)labels->pdata[i]);
    return text;
}

static char *cycle_sentence(const struct finding *finding, const struct cycle_edge *edges, unsigned n)
{
    g_autoptr(GPtrArray) locks = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *lock = finding_object_label(finding, finding->objects->pdata[i]);
        g_ptr_array_add(locks, g_strdup_printf("'%s'", lock));
        const struct model_thread *thread = finding->threads->len > i ? finding->threads->pdata[i] : NULL;
        char *label = finding_thread_label(finding, thread ? thread->row.id : edges[i].thread_id);
        if (g_ptr_array_find_with_equal_func(threads, label, g_str_equal, NULL))
            g_free(label);
        else
            g_ptr_array_add(threads, label);
    }
    g_autoptr(GString) lock_list = join_labels(locks);
    g_autoptr(GString) thread_list = join_labels(threads);
    return g_strdup_printf("%s are taken in %s by %s", lock_list->str,
        n == 2 ? "opposite orders" : "orders that form a cycle", thread_list->str);
}

static void report(struct casting *casting, const char *reason)
{
    struct detection *detection = casting->state->detection;
    unsigned n = casting->n;
    g_autofree struct cycle_edge *edges = g_new(struct cycle_edge, n);
    g_autoptr(GArray) holds = g_array_new(false, false, sizeof(struct hold));
    for (unsigned i = 0; i < n; i++)
        fill_edge(casting, i, &edges[i], holds);
    const struct hold *next = (const struct hold *)(const void *)holds->data;
    for (unsigned i = 0; i < n; i++) {
        edges[i].held = next;
        next += edges[i].n_held;
    }
    g_autofree char *fingerprint = cycle_fingerprint(detection->model, edges, n);
    if (g_hash_table_contains(detection->observed_cycles, fingerprint))
        return;
    struct finding *finding =
        cycle_finding(detection->model, &rule_lock_order_cycle, reason ? LEVEL_NOTE : LEVEL_ERROR, edges, n);
    finding->verdict = reason ? "impossible" : "potential";
    finding->reason = reason;
    finding_set_message(finding, cycle_sentence(finding, edges, n));
    finding_list_add(detection->findings, finding);
}

// Equal for choices that differ in nothing a finding would show.
static char *places_key(const struct casting *casting)
{
    GString *key = g_string_new(NULL);
    for (unsigned i = 0; i < casting->n; i++) {
        const struct graph_pattern *pattern = casting->patterns[i];
        const struct graph_instance *instance = casting->choices[i].instance;
        unsigned held = key_of(casting, i);
        g_string_append_printf(key, "%u,%u,%u,%u;", pattern->wanted.object->class_id,
            pattern->held[held].object->class_id, instance->stack, instance->held_stacks[held]);
    }
    return g_string_free(key, false);
}

static void report_once(struct casting *casting, const char *reason)
{
    char *key = places_key(casting);
    if (g_hash_table_add(casting->state->reported, key)) {
        report(casting, reason);
        casting->places++;
    }
}

static bool thread_is_taken(const struct casting *casting, unsigned depth, uint32_t thread_id)
{
    for (unsigned i = 0; i < depth; i++)
        if (casting->choices[i].instance->thread_id == thread_id)
            return true;
    return false;
}

static bool fits(const struct casting *casting, unsigned depth)
{
    struct thread_order *order = replay_thread_order(casting->state->detection->replay);
    const struct choice *last = &casting->choices[depth];
    for (unsigned i = 0; i < depth; i++) {
        const struct choice *other = &casting->choices[i];
        if (!thread_order_concurrent(
                order, other->instance->thread_id, other->segment, last->instance->thread_id, last->segment))
            return false;
    }
    return true;
}

static void cast_from(struct casting *casting, unsigned depth)
{
    if (depth == casting->n) {
        casting->possible = true;
        report_once(casting, NULL);
        return;
    }
    const GPtrArray *instances = casting->patterns[depth]->instances;
    for (unsigned i = 0; i < instances->len; i++) {
        const struct graph_instance *instance = instances->pdata[i];
        if (thread_is_taken(casting, depth, instance->thread_id))
            continue;
        casting->distinct_threads |= depth + 1 == casting->n;
        casting->choices[depth].instance = instance;
        for (unsigned s = 0; s < instance->segments->len; s++) {
            if (++casting->visits > VISITS_MAX || casting->places >= PLACES_MAX) {
                casting->state->detection->left_out++;
                return;
            }
            casting->choices[depth].segment = g_array_index(instance->segments, uint32_t, s);
            if (fits(casting, depth)) {
                cast_from(casting, depth + 1);
                break; // another part of the same life would tell the same story
            }
        }
    }
}

// Whether different threads could take the parts at all, were it not for create and join.
static bool has_distinct_threads(struct casting *casting, unsigned depth)
{
    if (depth == casting->n)
        return true;
    const GPtrArray *instances = casting->patterns[depth]->instances;
    for (unsigned i = 0; i < instances->len; i++) {
        const struct graph_instance *instance = instances->pdata[i];
        if (thread_is_taken(casting, depth, instance->thread_id) || ++casting->visits > VISITS_MAX)
            continue;
        casting->choices[depth].instance = instance;
        if (has_distinct_threads(casting, depth + 1))
            return true;
    }
    return false;
}

static void report_impossible(struct casting *casting, enum cycle_obstacle obstacle)
{
    static const char *const reasons[] = {
        [OBSTACLE_TRYLOCK] = "trylock",
        [OBSTACLE_READ_READ] = "read-read",
        [OBSTACLE_GATE] = "gate lock",
    };
    casting->visits = 0;
    bool distinct = has_distinct_threads(casting, 0);
    for (unsigned i = 0; !distinct && i < casting->n; i++)
        casting->choices[i].instance = casting->patterns[i]->instances->pdata[0];
    report_once(casting, !distinct                   ? "same thread"
                         : obstacle != OBSTACLE_NONE ? reasons[obstacle]
                                                     : "ordered");
}

static bool each_cycle(
    const struct graph_pattern *const *patterns, unsigned n, enum cycle_obstacle obstacle, void *data)
{
    struct lock_order *state = data;
    g_autofree struct choice *choices = g_new0(struct choice, n);
    struct casting casting = { .state = state, .patterns = patterns, .n = n, .choices = choices };
    if (obstacle == OBSTACLE_NONE)
        cast_from(&casting, 0);
    if (!casting.possible && state->detection->all)
        report_impossible(&casting, obstacle);
    if (++state->cycles < CYCLES_MAX)
        return true;
    state->detection->left_out++;
    return false;
}

static void finish(void *data)
{
    struct lock_order *state = data;
    lock_graph_each_cycle(state->graph, state->detection->all, each_cycle, state);
    state->detection->left_out += lock_graph_left_out(state->graph);
    lock_graph_free(state->graph);
    g_hash_table_unref(state->reported);
    g_free(state);
}

const struct detector detector_lock_order = {
    .name = "lock-order",
    .kinds = DETECTOR_SEES(EVENT_REQUEST) | DETECTOR_SEES(EVENT_REQUEST_SHARED) |
             DETECTOR_SEES(EVENT_REQUEST_TIMED) | DETECTOR_SEES(EVENT_REQUEST_TIMED_SHARED) |
             DETECTOR_SEES(EVENT_ACQUIRE) | DETECTOR_SEES(EVENT_ACQUIRE_SHARED) |
             DETECTOR_SEES(EVENT_ACQUIRE_TIMED) | DETECTOR_SEES(EVENT_ACQUIRE_TIMED_SHARED) |
             DETECTOR_SEES(EVENT_ACQUIRE_TRY) | DETECTOR_SEES(EVENT_ACQUIRE_TRY_SHARED) |
             DETECTOR_SEES(EVENT_COND_WAKE),
    .begin = begin,
    .event = event,
    .finish = finish,
};
