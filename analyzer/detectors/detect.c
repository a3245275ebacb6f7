// SPDX-License-Identifier: MIT
// The list of detectors and rules, and the one loop over the events.
#include "detect.h"

#include "detector.h"
#include "rules.h"
#include "united_runs.h"

static const struct detector *const detectors[] = {
    &detector_deadlock, // first: it tells the others which cycles have been observed
    &detector_stuck,
    &detector_double_lock,
    &detector_unreleased_lock,
    &detector_unlock,
    &detector_invalid_object,
    &detector_cond_mutex,
    &detector_nested_monitor,
    &detector_lost_signal,
    &detector_semaphore,
    &detector_join_cycle,
    &detector_thread_leak,
    &detector_blocking_call,
    &detector_lost_time,
    &detector_lock_order,
    &detector_class_order, // after it: is silent where a cycle has been told
    &detector_run_orders,
};

const struct rule rule_deadlock = {
    .id = "deadlock",
    .level = LEVEL_ERROR,
    .precision = "very-high",
    .summary = "Threads wait for each other in a circle",
    .help = "Take the locks in the same order everywhere, or take an outer lock around both, or back off "
            "with trylock.",
};
const struct rule rule_lock_order_cycle = {
    .id = "lock-order-cycle",
    .level = LEVEL_ERROR,
    .summary = "Locks are taken in orders that form a cycle",
    .help = "Take the locks in the same order everywhere, or take an outer lock around both, or back off "
            "with trylock.",
};
const struct rule rule_double_lock = {
    .id = "double-lock",
    .level = LEVEL_ERROR,
    .summary = "A thread locks what it already holds",
    .help = "Split the function into one that locks and one that expects the lock held; a recursive mutex "
            "hides the question.",
};
const struct rule rule_unreleased_lock = {
    .id = "unreleased-lock",
    .level = LEVEL_ERROR,
    .summary = "A lock is still held when its thread, the program or the lock itself ends",
    .help = "Give it back on every way out, the early returns and cancellation points too "
            "(pthread_cleanup_push).",
};

const struct rule *const detect_rules[] = {
    &rule_deadlock,
    &rule_stuck,
    &rule_lock_order_cycle,
    &rule_double_lock,
    &rule_unreleased_lock,
    &rule_foreign_unlock,
    &rule_unlock_unheld,
    &rule_invalid_object,
    &rule_cond_unheld_mutex,
    &rule_cond_mixed_mutex,
    &rule_cond_wait_holding_lock,
    &rule_lost_signal,
    &rule_semaphore_overpost,
    &rule_join_cycle,
    &rule_thread_leak,
    &rule_lock_across_blocking_call,
    &rule_long_hold,
    &rule_contention,
    NULL,
};

// Who sees events of one kind, plain or not, in the order of the table.
struct audience {
    void (*event[G_N_ELEMENTS(detectors)])(void *state, const struct replay_step *step);
    void *state[G_N_ELEMENTS(detectors)];
    unsigned n;
};

static void join_audience(struct audience *audience, const struct detector *detector, void *state)
{
    audience->event[audience->n] = detector->event;
    audience->state[audience->n++] = state;
}

static void run_pass(struct detection *detection, int *ret_error)
{
    void *states[G_N_ELEMENTS(detectors)];
    g_autofree struct audience *audiences = g_new0(struct audience, 2 * EVENT_KINDS); // [1]: plain ones
    for (size_t i = 0; i < G_N_ELEMENTS(detectors); i++) {
        states[i] = detectors[i]->begin(detection);
        for (unsigned kind = 0; kind < EVENT_KINDS && states[i]; kind++) {
            if (detectors[i]->kinds & DETECTOR_SEES(kind))
                join_audience(&audiences[2 * kind], detectors[i], states[i]);
            if (detectors[i]->kinds & ~detectors[i]->not_plain & DETECTOR_SEES(kind))
                join_audience(&audiences[2 * kind + 1], detectors[i], states[i]);
        }
    }
    struct replay_step step;
    int r;
    while ((r = replay_next(detection->replay, &step)) == 1) {
        const struct audience *audience = &audiences[2 * step.event->kind + step.plain];
        for (unsigned i = 0; i < audience->n; i++)
            audience->event[i](audience->state[i], &step);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(detectors); i++)
        if (states[i])
            detectors[i]->finish(states[i]);
    *ret_error = r;
}

// Several processes are several runs of their programs.
static void unite_processes(struct detect_result *result)
{
    g_autoptr(GPtrArray) runs = g_ptr_array_new();
    g_ptr_array_add(runs, result->orders);
    result->united = united_runs_find(runs, result->findings, &result->left_out);
}

struct detect_result *detect_run(
    const struct model *model, const struct detect_options *options, GError **error)
{
    bool processes = options && options->processes && model->n_processes > 1;
    struct detection detection = {
        .model = model,
        .replay = replay_new(model),
        .findings = finding_list_new(),
        .all = options && options->all,
        .orders = (options && options->orders) || processes ? run_orders_new(model) : NULL,
        .observed_cycles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    int r;
    run_pass(&detection, &r);
    struct detect_result *result = g_new0(struct detect_result, 1);
    result->findings = detection.findings;
    result->orders = detection.orders;
    result->left_out = detection.left_out + (detection.orders ? detection.orders->left_out : 0);
    replay_get_counts(detection.replay, &result->counts);
    replay_free(detection.replay);
    g_hash_table_unref(detection.observed_cycles);
    if (r < 0) {
        const char *message = store_message(model->store);
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s",
            message && *message ? message : "the trace is damaged: its events cannot be read");
        detect_result_free(result);
        return NULL;
    }
    if (processes)
        unite_processes(result);
    finding_list_sort(result->findings);
    return result;
}

void detect_result_free(struct detect_result *result)
{
    if (!result)
        return;
    finding_list_free(result->findings);
    united_model_free(result->united);
    run_orders_free(result->orders);
    g_free(result);
}
