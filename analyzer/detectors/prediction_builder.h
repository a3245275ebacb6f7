// SPDX-License-Identifier: MIT
// Makes an abstract trace of a run, step by step, and puts what its threads want while they hold something into a lock graph,
// each time with the point it happened at.
//
// What counts as what: of a recursive lock the outermost acquisition. A condition wait gives its mutex back and takes it again,
// after the signal that woke it. A post comes before the wait it lets through, all arrivals at a barrier before all
// departures, the routine of a once control before the returns of those who waited for it, an object's init before its
// uses and its uses before its end. A try that failed comes after the acquisition that made it fail.
#ifndef TRENZA_PREDICTION_BUILDER_H
#define TRENZA_PREDICTION_BUILDER_H

#include "lock_graph.h"
#include "prediction_survey.h"
#include "prediction_trace.h"

struct prediction_builder;
// The survey must have seen the same run to its end; it, graph and trace must outlive the builder. Keeps at most max_events
// events; what comes behind goes into the graph without its point.
struct prediction_builder *prediction_builder_new(const struct prediction_survey *survey,
    struct prediction_trace *trace, struct lock_graph *graph, uint64_t max_events);
void prediction_builder_free(struct prediction_builder *builder);
void prediction_builder_add(struct prediction_builder *builder, const struct prediction_step *step);
// Did the trace end before the run?
bool prediction_builder_is_cut(const struct prediction_builder *builder);

#endif
