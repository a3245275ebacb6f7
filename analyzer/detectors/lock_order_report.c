// SPDX-License-Identifier: MIT
// Turns the sides of a cycle into the edges of cycle.h, and the state it was predicted from into a schedule.
//
// A schedule of more than WITNESS_STEPS_MAX steps leaves out the critical sections that are over by then, and after that its
// beginning; how much is told. Of a schedule that is longer still only the locks that are held in the end are told.
#include "lock_order_report.h"

#include <string.h>

#include "cycle.h"
#include "prediction_feed.h"
#include "prediction_witness.h"
#include "rules.h"

#define WITNESS_STEPS_MAX 200u
#define WITNESS_EVENTS_MAX 500000u // ordered at all

static bool stands_for_thread(const struct model_object *object)
{
    return object->row.kind == OBJECT_NONE;
}

// The real locks a side holds, in holds from first on; *ret_key: which of them the side before wants, or how many there are.
static unsigned append_holds(const struct pattern_side *side, const struct model_object *wanted_of_side,
    GArray *holds, unsigned *ret_key)
{
    unsigned n = 0;
    unsigned key = G_MAXUINT;
    for (unsigned i = 0; i < side->pattern->n_held; i++) {
        const struct graph_lock *lock = &side->pattern->held[i];
        if (stands_for_thread(lock->object))
            continue;
        struct hold hold = {
            .object = lock->object, .shared = lock->shared, .stack = side->instance->held_stacks[i]
        };
        g_array_append_val(holds, hold);
        if (lock->object == wanted_of_side)
            key = n;
        n++;
    }
    *ret_key = MIN(key, n);
    return n;
}

// The sides as edges; their holds are in *ret_holds.
static struct cycle_edge *make_edges(const struct pattern_cycle *cycle, GArray *holds)
{
    unsigned n = cycle->n + cycle->n_writers;
    struct cycle_edge *edges = g_new0(struct cycle_edge, n);
    for (unsigned i = 0; i < n; i++) {
        const struct pattern_side *side = &cycle->sides[i];
        const struct pattern_side *before = &cycle->sides[(i + cycle->n - 1) % cycle->n];
        const struct model_object *wanted = side->pattern->wanted.object;
        edges[i] = (struct cycle_edge){
            .thread_id = side->instance->thread_id,
            .wanted = stands_for_thread(wanted) ? NULL : wanted,
            .wanted_stack = side->instance->stack,
            .wanted_shared = side->pattern->wanted.shared,
        };
        edges[i].n_held =
            append_holds(side, i < cycle->n ? before->pattern->wanted.object : NULL, holds, &edges[i].key);
    }
    const struct hold *next = (const struct hold *)(const void *)holds->data;
    for (unsigned i = 0; i < n; i++) {
        edges[i].held = next;
        next += edges[i].n_held;
    }
    return edges;
}

// --- the sentence ---

static char *join_labels(const GPtrArray *labels)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < labels->len; i++)
        g_string_append_printf(text, "%s%s",
            i == 0                 ? ""
            : i + 1 == labels->len ? " and "
                                   : ", ",
            (const char *)labels->pdata[i]);
    return g_string_free(text, false);
}

static unsigned count_locks(const struct cycle_edge *edges, unsigned n)
{
    unsigned locks = 0;
    for (unsigned i = 0; i < n; i++)
        locks += edges[i].wanted != NULL;
    return locks;
}

static void append_joins(
    GString *text, const struct finding *finding, const struct cycle_edge *edges, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (edges[i].wanted)
            continue;
        g_autofree char *joiner = finding_thread_label(finding, edges[i].thread_id);
        g_autofree char *joined = finding_thread_label(finding, edges[(i + 1) % n].thread_id);
        g_string_append_printf(text, ", while %s waits for the end of %s", joiner, joined);
    }
}

static char *cycle_sentence(
    const struct finding *finding, const struct pattern_cycle *cycle, const struct cycle_edge *edges)
{
    unsigned n = cycle->n;
    unsigned n_locks = count_locks(edges, n);
    g_autoptr(GPtrArray) locks = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < n_locks; i++) {
        g_autofree char *lock = finding_object_label(finding, finding->objects->pdata[i]);
        g_ptr_array_add(locks, g_strdup_printf("'%s'", lock));
    }
    for (unsigned i = 0; i < n; i++) {
        const struct model_thread *thread = i < finding->threads->len ? finding->threads->pdata[i] : NULL;
        char *label = finding_thread_label(finding, thread ? thread->row.id : edges[i].thread_id);
        if (g_ptr_array_find_with_equal_func(threads, label, g_str_equal, NULL))
            g_free(label);
        else
            g_ptr_array_add(threads, label);
    }
    g_autofree char *lock_list = join_labels(locks);
    g_autofree char *thread_list = join_labels(threads);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s %s taken in %s by %s", lock_list, n_locks == 1 ? "is" : "are",
        n_locks == 2 ? "opposite orders" : "orders that form a cycle", thread_list);
    append_joins(text, finding, edges, n);
    for (unsigned i = 0; i < n; i++)
        if (edges[i].wanted && edges[i].wanted->row.kind == OBJECT_ONCE) {
            g_autofree char *control = finding_object_label(finding, edges[i].wanted);
            g_string_append_printf(
                text, "; '%s' is taken by whoever runs its routine in pthread_once", control);
        }
    for (unsigned i = n; i < n + cycle->n_writers; i++) {
        g_autofree char *lock = finding_object_label(finding, edges[i].wanted);
        g_autofree char *writer = finding_thread_label(finding, edges[i].thread_id);
        g_string_append_printf(
            text, ", while %s waits to write '%s', which keeps readers waiting", writer, lock);
    }
    return g_string_free(text, false);
}

// --- the witness ---

static void add_once(GPtrArray *array, const void *item)
{
    if (item && !g_ptr_array_find(array, item, NULL))
        g_ptr_array_add(array, (void *)item);
}

static void add_witness_step(struct finding *finding, const struct finding_step *step)
{
    add_once(finding->threads, model_thread(finding->model, step->thread_id));
    add_once(finding->threads, model_thread(finding->model, step->other_thread));
    add_once(finding->objects, step->object);
    g_array_append_vals(finding->witness, step, 1);
}

static bool is_about_thread(unsigned kind)
{
    return kind == EVENT_CREATE || kind == EVENT_FORK || kind == EVENT_JOIN || kind == EVENT_CANCEL ||
           kind == EVENT_THREAD_START;
}

static uint32_t reached_by(const GArray *reached, uint32_t thread_id)
{
    for (unsigned i = 0; i < reached->len; i++) {
        const struct prediction_point *point = &g_array_index(reached, struct prediction_point, i);
        if (point->thread_id == thread_id)
            return point->position;
    }
    return 0;
}

// Marks what a schedule can do without: critical sections that are over in the end.
static void leave_out_sections(const struct prediction_trace *trace, const GArray *reached, GArray *events)
{
    g_autoptr(GHashTable) gone = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    unsigned kept = 0;
    for (unsigned i = 0; i < events->len; i++) {
        struct prediction_point at = g_array_index(events, struct prediction_point, i);
        const struct prediction_event *event = prediction_trace_event(trace, at.thread_id, at.position);
        int64_t key = (int64_t)at.thread_id << 32 | at.position;
        bool acquires = event->role == PREDICTION_ACQUIRE || event->role == PREDICTION_ACQUIRE_SHARED;
        if (acquires && event->link < reached_by(reached, at.thread_id)) {
            int64_t release = (int64_t)at.thread_id << 32 | event->link;
            g_hash_table_add(gone, g_memdup2(&release, sizeof release));
            continue;
        }
        if (!g_hash_table_contains(gone, &key))
            g_array_index(events, struct prediction_point, kept++) = at;
    }
    g_array_set_size(events, kept);
}

static void leave_out_hidden(const struct prediction_trace *trace, GArray *events)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < events->len; i++) {
        struct prediction_point at = g_array_index(events, struct prediction_point, i);
        if (!prediction_trace_event(trace, at.thread_id, at.position)->hidden)
            g_array_index(events, struct prediction_point, kept++) = at;
    }
    g_array_set_size(events, kept);
}

static void add_events(
    struct finding *finding, const struct prediction_trace *trace, const struct pattern_cycle *cycle)
{
    g_autoptr(GArray) events = g_array_new(false, false, sizeof(struct prediction_point));
    prediction_witness_order(trace, cycle->reached, events);
    leave_out_hidden(trace, events);
    unsigned all = events->len;
    if (events->len > WITNESS_STEPS_MAX)
        leave_out_sections(trace, cycle->reached, events);
    unsigned first = events->len > WITNESS_STEPS_MAX ? events->len - WITNESS_STEPS_MAX : 0;
    finding->witness_left_out = all - (events->len - first);
    for (unsigned i = first; i < events->len; i++) {
        struct prediction_point at = g_array_index(events, struct prediction_point, i);
        const struct prediction_event *event = prediction_trace_event(trace, at.thread_id, at.position);
        bool thread = is_about_thread(event->kind);
        struct finding_step step = {
            .thread_id = at.thread_id,
            .action = event_name(event->kind),
            .object = thread ? NULL : model_object(finding->model, event->subject),
            .other_thread = thread ? event->subject : 0,
            .stack = event->stack,
        };
        add_witness_step(finding, &step);
    }
}

// Only what the sides hold in the end.
static void add_holds(struct finding *finding, const struct cycle_edge *edges, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < edges[i].n_held; j++) {
            struct finding_step step = {
                .thread_id = edges[i].thread_id,
                .action = cycle_take_action(edges[i].held[j].object, edges[i].held[j].shared),
                .object = edges[i].held[j].object,
                .stack = edges[i].held[j].stack,
            };
            add_witness_step(finding, &step);
        }
}

static void add_request(struct finding *finding, const struct cycle_edge *edge, uint32_t joined)
{
    struct finding_step step = {
        .thread_id = edge->thread_id,
        .action = cycle_want_action(edge->wanted, edge->wanted_shared),
        .object = edge->wanted,
        .other_thread = edge->wanted ? 0 : joined,
        .stack = edge->wanted_stack,
        .n_holding = edge->n_held,
        .holding = g_new(const struct model_object *, edge->n_held),
    };
    for (unsigned i = 0; i < edge->n_held; i++)
        step.holding[i] = edge->held[i].object;
    add_witness_step(finding, &step);
}

static void add_witness(struct finding *finding, const struct prediction_trace *trace,
    const struct pattern_cycle *cycle, const struct cycle_edge *edges)
{
    uint64_t events = 0;
    for (unsigned i = 0; i < cycle->reached->len; i++)
        events += g_array_index(cycle->reached, struct prediction_point, i).position;
    if (events <= WITNESS_EVENTS_MAX) {
        add_events(finding, trace, cycle);
    } else {
        add_holds(finding, edges, cycle->n + cycle->n_writers);
        finding->witness_left_out = (unsigned)MIN(events, G_MAXUINT);
    }
    // Writers first: readers come to wait because they do. The others by number, the same in every run.
    for (unsigned i = cycle->n; i < cycle->n + cycle->n_writers; i++)
        add_request(finding, &edges[i], 0);
    uint32_t last = 0;
    for (unsigned k = 0; k < cycle->n; k++) {
        unsigned next = cycle->n;
        for (unsigned i = 0; i < cycle->n; i++)
            if (edges[i].thread_id > last && (next == cycle->n || edges[i].thread_id < edges[next].thread_id))
                next = i;
        if (next == cycle->n)
            return;
        add_request(finding, &edges[next], edges[(next + 1) % cycle->n].thread_id);
        last = edges[next].thread_id;
    }
}

// --- the finding ---

// What is not known of the run, and could keep it from getting there.
static const char *what_is_unknown(
    const struct model *model, const struct cycle_edge *edges, unsigned n, bool data_known)
{
    bool tried = false;
    for (unsigned i = 0; i < n; i++)
        tried |= prediction_feed_is_python_lock(model, edges[i].wanted);
    if (tried)
        return data_known ? "an acquire(False) looks like acquire()"
                          : "data flow not recorded, and an acquire(False) looks like acquire()";
    return data_known ? NULL : "data flow not recorded";
}

struct finding *lock_order_report(const struct detection *detection, const struct prediction_trace *trace,
    const struct pattern_cycle *cycle, bool data_known)
{
    static const struct {
        const char *name;
        enum finding_level level;
    } verdicts[] = {
        [PATTERN_IMPOSSIBLE] = { "impossible", LEVEL_NOTE },
        [PATTERN_ORDERED] = { "impossible", LEVEL_NOTE },
        [PATTERN_POTENTIAL] = { "potential", LEVEL_WARNING },
        [PATTERN_PREDICTED] = { "predicted", LEVEL_ERROR },
    };
    g_autoptr(GArray) holds = g_array_new(false, false, sizeof(struct hold));
    g_autofree struct cycle_edge *edges = make_edges(cycle, holds);
    g_autofree char *fingerprint = cycle_fingerprint(detection->model, edges, cycle->n);
    if (g_hash_table_contains(detection->observed_cycles, fingerprint))
        return NULL;
    struct finding *finding = cycle_finding(
        detection->model, &rule_lock_order_cycle, verdicts[cycle->verdict].level, edges, cycle->n);
    for (unsigned i = cycle->n; i < cycle->n + cycle->n_writers; i++)
        finding_add_step(finding, edges[i].thread_id, "request", edges[i].wanted, edges[i].wanted_stack,
            edges[i].held, edges[i].n_held);
    finding->verdict = verdicts[cycle->verdict].name;
    finding->reason = cycle->reason;
    if (cycle->verdict == PATTERN_PREDICTED) {
        add_witness(finding, trace, cycle, edges);
        finding->note = what_is_unknown(detection->model, edges, cycle->n, data_known);
    }
    finding_set_message(finding, cycle_sentence(finding, cycle, edges));
    finding_look_for_steering(finding);
    return finding;
}

// --- the joiner of one that wants what it holds ---

static bool tells(const struct finding *finding, const struct cycle_edge *joiner)
{
    const struct hold *hold = joiner->key < joiner->n_held ? &joiner->held[joiner->key] : NULL;
    if (finding->rule != &rule_join_cycle || finding->steps->len < 2 || !hold)
        return false;
    const struct finding_step *takes = &g_array_index(finding->steps, struct finding_step, 0);
    const struct finding_step *joins = &g_array_index(finding->steps, struct finding_step, 1);
    return takes->object && takes->object->class_id == hold->object->class_id &&
           takes->stack == hold->stack && joins->stack == joiner->wanted_stack;
}

void lock_order_report_join(const struct detection *detection, const struct prediction_trace *trace,
    const struct pattern_cycle *cycle, bool data_known)
{
    g_autoptr(GArray) holds = g_array_new(false, false, sizeof(struct hold));
    g_autofree struct cycle_edge *edges = make_edges(cycle, holds);
    const struct cycle_edge *joiner = edges[0].wanted ? &edges[1] : &edges[0];
    const GPtrArray *all = detection->findings->all;
    for (unsigned i = 0; i < all->len; i++) {
        struct finding *finding = all->pdata[i];
        if (!tells(finding, joiner) || finding->witness->len)
            continue;
        finding->level = LEVEL_ERROR;
        finding->verdict = "predicted";
        finding->note = what_is_unknown(detection->model, edges, cycle->n, data_known);
        add_witness(finding, trace, cycle, edges);
    }
}
