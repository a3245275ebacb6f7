// SPDX-License-Identifier: MIT
// One pass over a trace: each event in the merged order together with what its thread held and waited for.
#ifndef TRENZA_REPLAY_H
#define TRENZA_REPLAY_H

#include "hand_off.h"
#include "held_set.h"
#include "merge_ahead.h"
#include "model.h"
#include "thread_order.h"
#include "waiters.h"

#define REPLAY_LONG_NS 250e6 // holding a lock for so long is out of the ordinary

// What a thread is blocked for.
struct replay_request {
    unsigned
        kind; // EVENT_REQUEST..., EVENT_COND_WAIT, EVENT_JOIN_REQUEST, EVENT_BARRIER_ARRIVE; EVENT_NONE: it runs
    uint32_t subject;
    uint32_t stack;
    uint64_t ticks;
    uint64_t sequence;
};

struct replay_thread {
    const struct model_thread *thread;
    struct held_set held;
    struct replay_request request;
    struct hold gave_back; // the mutex given back to wait for a condition; object NULL: none
    uint64_t events;       // of it so far
    bool ended;            // THREAD_END has come
    bool exited;           // it has ended the process
    int64_t exit_status;
    uint32_t exit_stack;
    uint32_t end_stack; // of THREAD_END
    bool lost;          // events of it are missing: what it held is not known
    bool forked;        // the first of a process whose fork has come
};

// One event. The thread's state is that just before it.
struct replay_step {
    const struct ordered_event *ordered;
    const struct trace_event *event;   // &ordered->event
    struct replay_thread *thread;      // whose event it is
    const struct model_object *object; // the subject; NULL: not an object
    const struct model_object *mutex;  // of a condition wait; else NULL
    const struct hold *hold;           // the thread's own hold of object; NULL: none
    // What happens all the time: of what has an owner, takes at once what is nobody's, or gives back what it has not held for long.
    bool plain;
};

struct replay;
// The model must outlive it. Its store is the replay's until the end of the trace, or of the replay: another thread reads ahead.
struct replay *replay_new(const struct model *model);
// 1: *ret_step is the next event, EVENT_NONE for the end of a thread (its state is then what it left behind); 0: the end of the
// trace; negative errno: damaged. The step is valid until the next call.
int replay_next(struct replay *replay, struct replay_step *ret_step);
// The time of the current event, or of the last one; 0: none so far.
uint64_t replay_now(const struct replay *replay);
// NULL when there is no such thread.
struct replay_thread *replay_find_thread(struct replay *replay, uint32_t thread_id);
struct thread_order *replay_thread_order(struct replay *replay);
const struct waiters *replay_waiters(const struct replay *replay);
const struct hand_off *replay_hand_off(const struct replay *replay);
// A hold of the object by any other thread than `except`, and whose it is; NULL: there is none. Cost: all threads.
const struct hold *replay_find_holder(
    struct replay *replay, uint32_t object_id, uint32_t except, uint32_t *ret_thread_id);
// Who gave the object back last, which has an owner, and where. thread_id 0: nobody so far.
struct replay_release {
    uint32_t thread_id;
    uint32_t stack;
};
struct replay_release replay_last_release(const struct replay *replay, uint32_t object_id);
// True when somebody got the lock while it was another's: an event is missing, and who holds it is guesswork.
bool replay_is_unsure(const struct replay *replay, uint32_t object_id);
void replay_get_counts(const struct replay *replay, struct merge_counts *ret_counts);
void replay_free(struct replay *replay);

#endif
