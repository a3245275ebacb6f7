// SPDX-License-Identifier: MIT
// What the parts of the builder share: prediction_builder.c (threads, objects, locks) and prediction_handoffs.c.
#ifndef TRENZA_PREDICTION_BUILDER_PRIVATE_H
#define TRENZA_PREDICTION_BUILDER_PRIVATE_H

#include "held_set.h"
#include "prediction_builder.h"
#include "prediction_sync.h"

struct open_section {
    uint32_t object_id;
    uint32_t position; // of its acquisition
};

struct use {
    uint32_t thread_id;
    uint32_t position; // up to and with its last use of the object
};

// Where the uses of the last few objects of a thread are, so that they need not be searched for.
#define RECENT_USES 64u
struct recent_use {
    uint32_t object_id;
    uint32_t index;
};

struct object_state {
    enum prediction_treatment treatment;
    bool tracks_uses;             // its beginning or its end is part of the run
    struct prediction_point init; // or where its maker could first tell anybody of it
    bool seen;                    // by others than its maker
    GArray *uses;                 // of struct use; NULL: none
    GArray *holders; // of struct prediction_point: who has the lock, up to and with the acquisition
    struct prediction_point last_acquire;
    struct prediction_sync *sync; // NULL: no hand-offs
};

struct thread_state {
    bool begun;
    struct prediction_point origin;
    struct prediction_point cancelled;
    struct held_set held;
    GArray *open; // of struct open_section
    GArray *made; // of uint32_t: objects it has made and cannot have told anybody of; NULL: none
    const struct model_object *requested; // the request is in the graph already; NULL: none
    uint32_t requested_stack;
    bool requested_join;
    bool fence;                             // events of it were lost, and its list ends at a fence
    const struct model_object *join_object; // stands for its end; NULL: nobody waits for that under a lock
    struct recent_use *recent;              // RECENT_USES of them, by object id; NULL: none
};

struct prediction_builder {
    const struct prediction_survey *survey;
    struct prediction_trace *trace;
    struct lock_graph *graph;
    uint64_t max_events;
    uint64_t clock; // steps
    bool cut;
    bool fenced;                   // events have been lost: who let whom go on is not known any more
    struct object_state **objects; // by id, made when first used
    struct thread_state *threads;
    GArray *points; // of struct prediction_point: scratch
    GArray *holds;  // of struct hold: scratch
};

// The state of an object, made when it is first asked for.
struct object_state *prediction_builder_object(
    struct prediction_builder *builder, const struct model_object *object);
// The point a thread has come to, and the point with the event that comes next.
struct prediction_point prediction_builder_here(struct prediction_builder *builder, uint32_t thread_id);
struct prediction_point prediction_builder_next(struct prediction_builder *builder, uint32_t thread_id);
// Appends a step that requires the points in builder->points, and empties those.
void prediction_builder_append(
    struct prediction_builder *builder, const struct prediction_step *step, uint32_t subject, bool hidden);
// Before anything is done with an object: its init has to be over.
void prediction_builder_use(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *object, struct object_state *state);
// Puts what the thread wants into the graph, with what it holds: its locks, and its own end where somebody waits for that.
void prediction_builder_want(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *wanted, bool blocks, uint32_t stack);
void prediction_builder_lock(struct prediction_builder *builder, const struct prediction_step *step,
    const struct model_object *lock, struct object_state *state);

// A step on an object that hands off.
void prediction_handoffs_add(
    struct prediction_builder *builder, const struct prediction_step *step, struct object_state *state);
// A step on a condition that hands nothing on: only its mutex counts.
void prediction_handoffs_add_mutex(struct prediction_builder *builder, const struct prediction_step *step);
// Does the condition of a wait hand anything on? One that only one thread uses does not.
bool prediction_handoffs_count(struct prediction_builder *builder, const struct prediction_step *step);

// A thread has made an object; it is its alone until a step tells others.
void prediction_construction_begin(
    struct prediction_builder *builder, uint32_t thread_id, uint32_t object_id);
// After each step is taken in: it may be one that tells others what the thread has made.
void prediction_construction_step(struct prediction_builder *builder, const struct prediction_step *step);

#endif
