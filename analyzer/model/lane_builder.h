// SPDX-License-Identifier: MIT
// Turns one thread's events into the spans and marks of its lane.
#ifndef TRENZA_LANE_BUILDER_H
#define TRENZA_LANE_BUILDER_H

#include "timeline.h"

struct lane_builder;
// Fills the lane, whose thread, begin and end are set; edges collects locks taken while others were held, with the lane's number as
// their rank. kinds: enum object_kind by object id, so close together that they stay at hand.
struct lane_builder *lane_builder_new(const uint8_t *kinds, uint32_t n_kinds, struct lane *lane,
    struct lock_edges *edges, uint32_t lane_number);
// The thread's events in their order.
void lane_builder_add(struct lane_builder *builder, const struct trace_event *event);
// Closes what is still open and frees the builder.
void lane_builder_finish(struct lane_builder *builder);

#endif
