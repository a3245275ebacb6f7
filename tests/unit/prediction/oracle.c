// SPDX-License-Identifier: MIT
// Compares the prediction with brute force on random small runs:
//
//   nothing is predicted that no order of the run reaches;
//   each deadlock that an order keeping the critical sections reaches is predicted;
//   the witness of a prediction can be executed, and ends where its threads wait for each other.
//
// oracle RUNS [SEED]: TAP on standard output. A run that fails is shrunk and printed in STD's form.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"
#include "patterns.h"
#include "prediction_builder.h"
#include "prediction_witness.h"
#include "recorded_order.h"

// Where things are in the code. FINE: everything is somewhere else, so that each deadlock is told apart. COARSE: little is, so
// that many are one. CUT: as fine, but the abstract trace ends half way: then deadlocks may be missed, but not invented. LOSSY: the
// same, but some operations of a thread are lost.
enum mode { FINE, COARSE, CUT, LOSSY };
static const char *const mode_names[] = { "fine", "coarse", "cut", "lossy" };

static uint32_t place_of(const struct small_trace *trace, unsigned op, enum mode mode)
{
    return mode == COARSE ? 1u + trace->ops[op].object % 3 : op + 1;
}

// Likewise for objects: each a class of its own, or few classes.
static unsigned class_of(unsigned object, enum mode mode)
{
    return object && mode == COARSE ? 1 + object % 2 : object;
}

struct prediction {
    struct prediction_survey *survey;
    struct prediction_trace *trace;
    struct lock_graph *graph;
    struct prediction_builder *builder;
    struct thread_order *order;
};

enum fate { KEPT, LOST_BEFORE, LOST_HERE };

// In LOSSY mode the middle third of one thread's operations is lost, and that is known where the last of them was.
static enum fate fate_of(const struct small_trace *trace, unsigned op, enum mode mode)
{
    unsigned thread = 1 + trace->n_ops % trace->n_threads;
    unsigned all = 0;
    unsigned before = 0;
    if (mode != LOSSY || trace->ops[op].thread != thread)
        return KEPT;
    for (unsigned i = 0; i < trace->n_ops; i++) {
        all += trace->ops[i].thread == thread;
        before += trace->ops[i].thread == thread && i < op;
    }
    unsigned first = all / 3;
    unsigned last = 2 * all / 3;
    return before < first || before > last ? KEPT : before == last ? LOST_HERE : LOST_BEFORE;
}

static struct prediction_step step_of(const struct small_trace *trace, unsigned op, enum mode mode)
{
    if (fate_of(trace, op, mode) == KEPT)
        return small_trace_step(trace, op, place_of(trace, op, mode));
    return (
        struct prediction_step){ .sequence = op + 1, .thread_id = trace->ops[op].thread, .kind = EVENT_LOST };
}

static void prediction_make(struct prediction *prediction, const struct small_trace *trace, enum mode mode)
{
    uint32_t n_threads = SMALL_THREADS + 1;
    uint32_t n_objects = trace->n_objects + 1;
    prediction->survey = prediction_survey_new(n_threads, n_objects, mode == COARSE);
    for (unsigned i = 0; i < trace->n_ops; i++) {
        struct prediction_step step = step_of(trace, i, mode);
        if (fate_of(trace, i, mode) == LOST_BEFORE)
            continue;
        prediction_survey_add(prediction->survey, &step);
    }
    prediction_survey_finish(prediction->survey);
    prediction->trace = prediction_trace_new(n_threads, n_objects);
    prediction->graph = lock_graph_new();
    prediction->order = thread_order_new(n_threads);
    prediction->builder = prediction_builder_new(prediction->survey, prediction->trace, prediction->graph,
        mode == CUT ? trace->n_ops / 2 : UINT32_MAX);
    if (!prediction_survey_has_cycles(prediction->survey))
        return;
    for (unsigned i = 0; i < trace->n_ops; i++) {
        struct prediction_step step = step_of(trace, i, mode);
        if (fate_of(trace, i, mode) == LOST_BEFORE)
            continue;
        step.segment = thread_order_segment(prediction->order, step.thread_id);
        prediction_builder_add(prediction->builder, &step);
        if (step.kind == EVENT_CREATE)
            thread_order_create(prediction->order, step.thread_id, step.other_thread);
        if (step.kind == EVENT_JOIN)
            thread_order_join(prediction->order, step.thread_id, step.other_thread);
    }
}

static void prediction_done(struct prediction *prediction)
{
    prediction_builder_free(prediction->builder);
    lock_graph_free(prediction->graph);
    prediction_trace_free(prediction->trace);
    prediction_survey_free(prediction->survey);
    thread_order_free(prediction->order);
}

// --- deadlocks as text, so that both sides can be compared ---

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join_sorted(GPtrArray *texts)
{
    g_ptr_array_sort(texts, by_text);
    for (unsigned i = texts->len;
         i-- > 1;) // a circle that goes through the same places twice is that of going once
        if (strcmp(texts->pdata[i - 1], texts->pdata[i]) == 0)
            g_ptr_array_remove_index(texts, i);
    g_ptr_array_add(texts, NULL);
    return g_strjoinv(" ", (char **)texts->pdata);
}

static char *explored_text(
    const struct small_trace *trace, const struct explorer_deadlock *deadlock, enum mode mode)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < deadlock->n; i++) {
        const struct explorer_side *side = &deadlock->sides[i];
        unsigned held = deadlock->sides[(i + deadlock->n - 1) % deadlock->n].wanted;
        g_ptr_array_add(texts,
            g_strdup_printf("%u@%u<%u@%u", class_of(side->wanted, mode), place_of(trace, side->request, mode),
                class_of(held, mode), side->hold == EXPLORER_END ? 0 : place_of(trace, side->hold, mode)));
    }
    return join_sorted(texts);
}

static char *predicted_text(const struct pattern_cycle *cycle)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < cycle->n; i++) {
        const struct pattern_side *side = &cycle->sides[i];
        const struct pattern_side *before = &cycle->sides[(i + cycle->n - 1) % cycle->n];
        unsigned key = graph_pattern_find(side->pattern, before->pattern->wanted.object);
        g_ptr_array_add(texts,
            g_strdup_printf("%u@%u<%u@%u", side->pattern->wanted.object->class_id, side->instance->stack,
                side->pattern->held[key].object->class_id, side->instance->held_stacks[key]));
    }
    return join_sorted(texts);
}

// --- one run ---

struct check {
    const struct small_trace *trace;
    const struct prediction *prediction;
    enum mode mode;
    GHashTable *predicted; // set of char *
    GString *complaints;   // empty: all is well
    unsigned patterns;
};

static GHashTable *explore(const struct small_trace *trace, enum explorer_orders orders, enum mode mode)
{
    g_autoptr(GArray) deadlocks = g_array_new(false, false, sizeof(struct explorer_deadlock));
    GHashTable *texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    explorer_run(trace, orders, deadlocks);
    for (unsigned i = 0; i < deadlocks->len; i++)
        g_hash_table_add(
            texts, explored_text(trace, &g_array_index(deadlocks, struct explorer_deadlock, i), mode));
    return texts;
}

// A witness as operations of the run.
struct schedule {
    struct recorded_order order;
    uint8_t ops[SMALL_OPS];
    unsigned n;
    bool happened[SMALL_OPS];
};

// A thread's first n operations, as far as they have not happened. What the abstract trace leaves out comes with what follows it.
static void schedule_thread(struct schedule *schedule, unsigned thread, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        uint8_t op = schedule->order.thread_ops[thread][k];
        if (!schedule->happened[op])
            schedule->ops[schedule->n++] = op;
        schedule->happened[op] = true;
    }
}

// Each event of the abstract trace says by its stack which operation it is.
static void check_witness(struct check *check, const struct pattern_cycle *cycle)
{
    g_autoptr(GArray) events = g_array_new(false, false, sizeof(struct prediction_point));
    struct schedule schedule = { 0 };
    recorded_order_make(&schedule.order, check->trace);
    prediction_witness_order(check->prediction->trace, cycle->reached, events);
    for (unsigned i = 0; i < events->len; i++) {
        struct prediction_point at = g_array_index(events, struct prediction_point, i);
        const struct prediction_event *event =
            prediction_trace_event(check->prediction->trace, at.thread_id, at.position);
        // A wake is two events: it has happened with the second.
        if (!event->stack || (event->kind == EVENT_COND_WAKE && event->hidden))
            continue;
        if (event->kind == EVENT_JOIN)
            schedule_thread(&schedule, event->subject, schedule.order.n_thread_ops[event->subject]);
        schedule_thread(&schedule, at.thread_id, schedule.order.index[event->stack - 1] + 1u);
    }
    if (explorer_execute(check->trace, EXPLORE_CORRECT, schedule.ops, schedule.n))
        return;
    g_string_append(check->complaints, "the witness cannot be executed:");
    for (unsigned i = 0; i < schedule.n; i++)
        g_string_append_printf(check->complaints, " %u", schedule.ops[i]);
    g_string_append_c(check->complaints, '\n');
}

static void each_cycle(const struct pattern_cycle *cycle, void *data)
{
    struct check *check = data;
    check->patterns++;
    if (cycle->verdict != PATTERN_PREDICTED)
        return;
    char *text = predicted_text(cycle);
    if (!g_hash_table_add(check->predicted, text))
        g_string_append(check->complaints, "reported twice\n");
    if (check->mode != COARSE)
        check_witness(check, cycle);
}

static void complain(struct check *check, const char *what, GHashTable *of, GHashTable *missing_in)
{
    GHashTableIter iter;
    void *text;
    g_hash_table_iter_init(&iter, of);
    while (g_hash_table_iter_next(&iter, &text, NULL))
        if (!g_hash_table_contains(missing_in, text))
            g_string_append_printf(check->complaints, "%s: %s\n", what, (char *)text);
}

static void check_run(struct check *check)
{
    struct prediction prediction;
    prediction_make(&prediction, check->trace, check->mode);
    check->prediction = &prediction;
    struct patterns_options options = { .graph = prediction.graph,
        .trace = prediction.trace,
        .survey = prediction.survey,
        .order = prediction.order,
        .all = check->mode == COARSE };
    patterns_find(&options, each_cycle, check);
    g_autoptr(GHashTable) preserving = explore(check->trace, EXPLORE_SYNC_PRESERVING, check->mode);
    complain(
        check, "predicted, but no order that keeps the sections reaches it", check->predicted, preserving);
    if (check->mode != CUT && check->mode != LOSSY)
        complain(check, "missed", preserving, check->predicted);
    if (g_hash_table_size(check->predicted)) {
        g_autoptr(GHashTable) correct = explore(check->trace, EXPLORE_CORRECT, check->mode);
        complain(check, "predicted, but not reachable", check->predicted, correct);
    }
    prediction_done(&prediction);
}

struct result {
    unsigned patterns;
    unsigned predicted;
    char *complaints; // NULL: all is well
};

// A mutex that somebody else gives back, which is a mistake of its own, looks like any other when that is lost.
static bool has_foreign_unlocks(const struct small_trace *trace)
{
    struct recorded_order order;
    recorded_order_make(&order, trace);
    for (unsigned i = 0; i < trace->n_ops; i++)
        if (trace->ops[i].kind == EVENT_RELEASE && !order.is_lock[trace->ops[i].object])
            return true;
    return false;
}

static struct result run_once(const struct small_trace *trace, enum mode mode)
{
    struct small_trace classed = *trace;
    for (unsigned i = 1; i <= trace->n_objects; i++)
        classed.objects[i].class_id = class_of(i, mode);
    struct check check = { .trace = &classed, .mode = mode, .complaints = g_string_new(NULL) };
    check.predicted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (mode != LOSSY || !has_foreign_unlocks(trace))
        check_run(&check);
    struct result result = { .patterns = check.patterns, .predicted = g_hash_table_size(check.predicted) };
    g_hash_table_unref(check.predicted);
    result.complaints = g_string_free(check.complaints, check.complaints->len == 0);
    return result;
}

// --- shrinking ---

static bool is_possible(const struct small_trace *trace)
{
    uint8_t ops[SMALL_OPS];
    for (unsigned i = 0; i < trace->n_ops; i++)
        ops[i] = (uint8_t)i;
    return explorer_execute(trace, EXPLORE_CORRECT, ops, trace->n_ops);
}

static bool fails(const struct small_trace *trace, enum mode mode)
{
    if (!is_possible(trace))
        return false;
    struct result result = run_once(trace, mode);
    bool failed = result.complaints != NULL;
    g_free(result.complaints);
    return failed;
}

// Without operations a and b.
static struct small_trace without(const struct small_trace *trace, unsigned a, unsigned b)
{
    struct small_trace less = *trace;
    less.n_ops = 0;
    for (unsigned i = 0; i < trace->n_ops; i++)
        if (i != a && i != b)
            less.ops[less.n_ops++] = trace->ops[i];
    return less;
}

static void shrink(struct small_trace *trace, enum mode mode)
{
    bool smaller = true;
    while (smaller) {
        smaller = false;
        for (unsigned a = 0; a < trace->n_ops && !smaller; a++)
            for (unsigned b = a; b < trace->n_ops && !smaller; b++) {
                struct small_trace less = without(trace, a, b);
                if (fails(&less, mode)) {
                    *trace = less;
                    smaller = true;
                }
            }
    }
}

static void report_failure(const struct small_trace *trace, uint64_t seed, enum mode mode)
{
    struct small_trace less = *trace;
    shrink(&less, mode);
    struct result result = run_once(&less, mode);
    g_autofree char *text = small_trace_text(&less);
    g_autofree char *all = g_strdup_printf("seed %" G_GUINT64_FORMAT ", %s\n%s%s", seed, mode_names[mode],
        text, result.complaints ? result.complaints : "");
    g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
    for (char **line = lines; *line; line++)
        printf("# %s\n", *line);
    g_free(result.complaints);
}

static bool finds_what_is_handed_over(void)
{
    struct small_trace trace;
    small_trace_handed_over(&trace);
    struct result result = run_once(&trace, FINE);
    if (result.complaints)
        report_failure(&trace, 0, FINE);
    g_free(result.complaints);
    return is_possible(&trace) && !result.complaints && result.predicted == 1;
}

int main(int count, char **arguments)
{
    uint64_t runs = count > 1 ? g_ascii_strtoull(arguments[1], NULL, 10) : 3000;
    uint64_t first = count > 2 ? g_ascii_strtoull(arguments[2], NULL, 10) : 1;
    uint64_t patterns = 0;
    uint64_t predicted = 0;
    unsigned failures = 0;
    unsigned impossible = 0;
    for (uint64_t seed = first; seed < first + runs && failures < 5; seed++) {
        struct small_trace trace;
        small_trace_random(&trace, seed);
        if (!is_possible(&trace) && impossible++ < 3) {
            g_autofree char *text = small_trace_text(&trace);
            printf("# seed %" G_GUINT64_FORMAT " cannot have happened\n%s", seed, text);
        }
        for (enum mode mode = FINE; mode <= LOSSY; mode++) {
            struct result result = run_once(&trace, mode);
            patterns += result.patterns;
            predicted += result.predicted;
            if (result.complaints && failures++ < 3)
                report_failure(&trace, seed, mode);
            g_free(result.complaints);
        }
    }
    printf("# %" G_GUINT64_FORMAT " runs from seed %" G_GUINT64_FORMAT ": %" G_GUINT64_FORMAT
           " cycles, %" G_GUINT64_FORMAT " predicted\n",
        runs, first, patterns, predicted);
    bool handed_over = finds_what_is_handed_over();
    printf("1..4\n");
    printf("%s 1 - the random runs can happen\n", impossible ? "not ok" : "ok");
    printf("%s 2 - the prediction agrees with brute force\n", failures ? "not ok" : "ok");
    // A comparison of nothing with nothing shows nothing.
    bool enough = patterns >= runs / 10 && predicted >= runs / 20 && predicted < patterns;
    printf("%s 3 - there was enough to compare\n", enough ? "ok" : "not ok");
    printf("%s 4 - a wait that begins with a try may come before what made the try fail\n",
        handed_over ? "ok" : "not ok");
    return impossible || failures || !enough || !handed_over;
}
