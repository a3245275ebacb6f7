// SPDX-License-Identifier: MIT
// Turns one thread's events into the spans and marks of its lane.
#ifndef TRENZA_LANE_BUILDER_H
#define TRENZA_LANE_BUILDER_H

#include "timeline.h"

struct lane_builder;
// Fills the lane, whose thread, begin and end are set; edges collects locks taken while others were held.
struct lane_builder *lane_builder_new(const struct model *model, struct lane *lane, GHashTable *edges);
// The thread's events in their order.
void lane_builder_add(struct lane_builder *builder, const struct trace_event *event);
// Closes what is still open and frees the builder.
void lane_builder_finish(struct lane_builder *builder);

// For edges: a set of struct lock_edge, freed with it.
GHashTable *lane_builder_edges_new(void);

#endif
