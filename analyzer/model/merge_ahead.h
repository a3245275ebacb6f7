// SPDX-License-Identifier: MIT
// The merge of a long trace on a second processor, some thousands of events ahead of whoever takes them. A short trace is merged by
// the caller itself. Same events in the same order as merge.h alone.
#ifndef TRENZA_MERGE_AHEAD_H
#define TRENZA_MERGE_AHEAD_H

#include "merge.h"

struct merge_ahead;
// As merge_new(). Until it is freed or has come to its end, the model's store must not be used by the caller.
struct merge_ahead *merge_ahead_new(const struct model *model);
// Where the events are taken out, the same all the time. When there are no more in it:
struct event_reader *merge_ahead_reader(struct merge_ahead *ahead);
// 1: the next event has been taken out; 0: there are no more; negative errno: as merge_read().
int merge_ahead_go_on(struct merge_ahead *ahead);
// Of all that has been merged, which is a little more than what has been taken until the end has come.
void merge_ahead_get_counts(const struct merge_ahead *ahead, struct merge_counts *ret_counts);
void merge_ahead_free(struct merge_ahead *ahead);

#endif
