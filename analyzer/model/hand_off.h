// SPDX-License-Identifier: MIT
// What a thread knows of the others: which of their events come before its present in this run and in every other one with
// the same hand-offs. Create and join, a signal and the wake it gives, a post and the wait it lets through, the arrivals at
// a barrier and the departures. The order of critical sections is not in it: that could be another one.
//
// Vector clocks (Fidge 1988, Mattern 1989) over the threads alive; a component is the time of the last event known.
// Cost: threads alive, at each hand-off. Memory: threads alive squared.
#ifndef TRENZA_HAND_OFF_H
#define TRENZA_HAND_OFF_H

#include "order_rules.h"

struct hand_off;
// The model must outlive it.
struct hand_off *hand_off_new(const struct model *model);
void hand_off_free(struct hand_off *hand_off);

void hand_off_apply(struct hand_off *hand_off, const struct ordered_event *event);

// The ticks of the last event of thread `of` that comes before the present of `by` (plus 1; 0: none does). UINT64_MAX: all of
// them do, or it is not known, because there were too many threads.
uint64_t hand_off_known(const struct hand_off *hand_off, uint32_t by, uint32_t of);

// The same for a moment kept: a copy of all that `by` knows now.
struct hand_off_moment;
struct hand_off_moment *hand_off_keep(const struct hand_off *hand_off, uint32_t by);
uint64_t hand_off_moment_known(const struct hand_off_moment *moment, uint32_t of);
void hand_off_moment_free(struct hand_off_moment *moment);

#endif
