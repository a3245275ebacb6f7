// SPDX-License-Identifier: MIT
// A first look at a run, before anything of it is kept: can its locks form a cycle at all, how is each object to be looked at,
// which threads are joined by somebody who holds a lock, and which locks cover a thread from its creation to its end.
//
// Memory grows with objects, threads and distinct pairs of locks (bounded), never with events. The answers are complete after
// prediction_survey_finish.
#ifndef TRENZA_PREDICTION_SURVEY_H
#define TRENZA_PREDICTION_SURVEY_H

#include "prediction_step.h"

struct prediction_survey;
// Threads and objects have ids below n_threads and n_objects. all: do not ignore what one thread only has to do with; cycles of
// that cannot happen, but may be asked for.
struct prediction_survey *prediction_survey_new(uint32_t n_threads, uint32_t n_objects, bool all);
void prediction_survey_free(struct prediction_survey *survey);
void prediction_survey_add(struct prediction_survey *survey, const struct prediction_step *step);
// The same, cheaper, for nearly all steps: a mutex, rwlock or spinlock is acquired (its last owner has not died) or released.
void prediction_survey_add_plain(struct prediction_survey *survey, uint32_t thread_id, uint64_t sequence,
    const struct model_object *lock, unsigned kind);
void prediction_survey_finish(struct prediction_survey *survey);

// False: no cycle whatever.
bool prediction_survey_has_cycles(const struct prediction_survey *survey);
// May an order of first held, then wanted, be part of a cycle?
bool prediction_survey_is_cyclic(
    const struct prediction_survey *survey, uint32_t held_id, uint32_t wanted_id);
enum prediction_treatment prediction_survey_treatment(
    const struct prediction_survey *survey, const struct model_object *object);
// Does the routine of a once control count as a lock, held by whoever runs it and wanted by those who wait?
bool prediction_survey_is_once_lock(
    const struct prediction_survey *survey, const struct model_object *object);
// Does somebody wait for the thread's end while it holds a lock, or while it is itself waited for so?
bool prediction_survey_joined_holding(const struct prediction_survey *survey, uint32_t thread_id);

// Sequence of the last step of a thread before it lost events for the first time, 0 when it had none; UINT64_MAX: it lost none.
uint64_t prediction_survey_lost_after(const struct prediction_survey *survey, uint32_t thread_id);
// The smallest of all threads'.
uint64_t prediction_survey_first_loss(const struct prediction_survey *survey);

// A lock held by another thread from the thread's creation until it had joined it: whatever the thread does, it does under
// that lock (multi-thread critical sections, Sulzmann 2025).
struct prediction_cover {
    uint32_t object_id;
    uint32_t owner_id;
    uint64_t sequence; // of the acquisition
    bool shared;
};
// Appends all covers of a thread to ret_covers (of struct prediction_cover).
void prediction_survey_covers(const struct prediction_survey *survey, uint32_t thread_id, GArray *ret_covers);

#endif
