// SPDX-License-Identifier: MIT
// Who let whom go on: matches posts with waits, signals with wakes, arrivals with departures. Each object that hands off has
// one sync; points are what must have happened, as prediction_trace.h has them.
//
// Where the run does not say who woke whom, a matching is taken that explains it: programs cannot tell the difference.
#ifndef TRENZA_PREDICTION_SYNC_H
#define TRENZA_PREDICTION_SYNC_H

#include "model.h"
#include "prediction_trace.h"

struct prediction_sync;
struct prediction_sync *prediction_sync_new(const struct model_object *object);
void prediction_sync_free(void *sync);

// Each appends to ret_points (of struct prediction_point) what the event requires; point: the thread up to and with the event.

// Semaphores.
void prediction_sync_post(struct prediction_sync *sync, struct prediction_point point, GArray *ret_points);
void prediction_sync_permit(struct prediction_sync *sync, struct prediction_point point, GArray *ret_points);
void prediction_sync_no_permit(const struct prediction_sync *sync, GArray *ret_points);

// Conditions. clock: counts events, whatever the unit.
void prediction_sync_wait(struct prediction_sync *sync, uint32_t thread_id, uint64_t clock);
void prediction_sync_signal(
    struct prediction_sync *sync, struct prediction_point point, uint64_t clock, bool broadcast);
// woken: by a signal, not by time or cancellation.
void prediction_sync_wake(struct prediction_sync *sync, uint32_t thread_id, bool woken, GArray *ret_points);
// Would a signal wake somebody?
bool prediction_sync_has_waiters(const struct prediction_sync *sync);

// Barriers.
void prediction_sync_arrive(struct prediction_sync *sync, struct prediction_point point, GArray *ret_points);
void prediction_sync_leave(struct prediction_sync *sync, uint32_t thread_id, GArray *ret_points);

// Once controls and variables: done or written by one, seen by others; locks whose order is to be kept.
void prediction_sync_set(struct prediction_sync *sync, struct prediction_point point);
void prediction_sync_see(const struct prediction_sync *sync, GArray *ret_points);

#endif
