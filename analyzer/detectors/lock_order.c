// SPDX-License-Identifier: MIT
// lock-order-cycle: locks are taken in orders that form a cycle, whether or not it has ever come to a deadlock.
//
// The pass over the events that all detectors share only surveys them (prediction_survey.h). When the locks' orders cannot form
// a cycle, which is the rule, that was all. Else the events are read once more, into an abstract trace and a graph of patterns,
// and patterns.h decides what could have happened.
//
// Bounds: the abstract trace keeps TRACE_EVENTS_MAX events (20 bytes each) of objects that several threads use; a cycle behind
// its end can only be potential. Cycles of two in which one joins the other are join-cycle's, which has
// told them before; here it is found out whether they are predicted.
#include "detector.h"
#include "lock_order_report.h"
#include "prediction_builder.h"
#include "prediction_feed.h"

#define TRACE_EVENTS_MAX 16000000u

struct lock_order {
    struct detection *detection;
    struct prediction_feed *feed;
    struct prediction_survey *survey;
    bool data_known; // memory accesses are in the trace
    struct prediction_trace *trace;
};

static void *begin(struct detection *detection)
{
    struct lock_order *state = g_new0(struct lock_order, 1);
    const struct model *model = detection->model;
    state->detection = detection;
    state->feed = prediction_feed_new(model);
    state->survey = prediction_survey_new(model->threads->len, model->objects->len, detection->all);
    return state;
}

static __attribute__((noinline)) void odd_event(struct lock_order *state, const struct replay_step *step)
{
    struct prediction_step taken;
    state->data_known |= step->event->kind == EVENT_READ || step->event->kind == EVENT_WRITE;
    if (prediction_feed_step(state->feed, state->detection->replay, step, &taken))
        prediction_survey_add(state->survey, &taken);
}

static void event(void *data, const struct replay_step *step)
{
    struct lock_order *state = data;
    if (step->plain) // nothing that the feed would leave out or add to
        prediction_survey_add_plain(state->survey, step->ordered->thread_id, step->ordered->sequence,
            step->object, step->event->kind);
    else
        odd_event(state, step);
}

// A thread that waits for the end of one that wants what it holds: join-cycle tells it.
static bool is_join_cycle(const struct pattern_cycle *cycle)
{
    return cycle->n == 2 && (cycle->sides[0].pattern->wanted.object->row.kind == OBJECT_NONE ||
                                cycle->sides[1].pattern->wanted.object->row.kind == OBJECT_NONE);
}

static void each_cycle(const struct pattern_cycle *cycle, void *data)
{
    struct lock_order *state = data;
    if (is_join_cycle(cycle)) {
        if (cycle->verdict == PATTERN_PREDICTED)
            lock_order_report_join(state->detection, state->trace, cycle, state->data_known);
        return;
    }
    struct finding *finding = lock_order_report(state->detection, state->trace, cycle, state->data_known);
    if (finding)
        finding_list_add(state->detection->findings, finding);
}

// The second look, at those that the survey did not clear.
static void predict(struct lock_order *state)
{
    const struct model *model = state->detection->model;
    struct replay *replay = replay_new(model);
    struct lock_graph *graph = lock_graph_new();
    state->trace = prediction_trace_new(model->threads->len, model->objects->len);
    struct prediction_builder *builder =
        prediction_builder_new(state->survey, state->trace, graph, TRACE_EVENTS_MAX);
    struct replay_step step;
    struct prediction_step taken;
    while (replay_next(replay, &step) == 1) // a damaged trace was noticed in the first pass
        if (prediction_feed_step(state->feed, replay, &step, &taken))
            prediction_builder_add(builder, &taken);
    struct patterns_options options = {
        .graph = graph,
        .trace = state->trace,
        .survey = state->survey,
        .order = replay_thread_order(replay),
        .all = state->detection->all,
    };
    state->detection->left_out += patterns_find(&options, each_cycle, state);
    state->detection->left_out += prediction_builder_is_cut(builder);
    prediction_builder_free(builder);
    prediction_trace_free(state->trace);
    lock_graph_free(graph);
    replay_free(replay);
}

static void finish(void *data)
{
    struct lock_order *state = data;
    prediction_survey_finish(state->survey);
    if (prediction_survey_has_cycles(state->survey))
        predict(state);
    prediction_survey_free(state->survey);
    prediction_feed_free(state->feed);
    g_free(state);
}

const struct detector detector_lock_order = {
    .name = "lock-order",
    .kinds = UINT64_MAX,
    .begin = begin,
    .event = event,
    .finish = finish,
};
