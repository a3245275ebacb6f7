// SPDX-License-Identifier: MIT
// An abstract trace: of one run, what matters for putting its events into another order.
//
// Each thread has a list of events. A point (thread, n) stands for the thread's first n events. An event may require points:
// what must have happened before it in every order that keeps the recorded hand-offs (a create before the child's first event,
// a post before the wait it lets through ...). Locks are told apart from that: only one thread has one at a time, but who
// comes first is free, as far as closure.h allows.
//
//   T1  | acquire a | create T2 | release a | join T2 |
//             |          \                       / requires (T2, 3)
//             |           \ requires (T1, 2)    /
//   T2        |            | start | acquire a | release a |
//             '- end: 2 (the position of its release)
#ifndef TRENZA_PREDICTION_TRACE_H
#define TRENZA_PREDICTION_TRACE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PREDICTION_NEVER UINT32_MAX

struct prediction_point {
    uint32_t thread_id;
    uint32_t position; // how many events of the thread
};

enum prediction_role {
    PREDICTION_STEP, // neither takes nor gives back a lock
    PREDICTION_ACQUIRE,
    PREDICTION_ACQUIRE_SHARED,
    PREDICTION_RELEASE,
};

struct prediction_event {
    uint32_t sequence; // place in the trace; ascends in each thread and over all
    uint32_t subject;  // object.id, or thread.id where kind is about a thread; 0: none
    uint32_t stack;
    uint32_t
        link; // acquire: position of its release in the same thread; step: its first requirement; else PREDICTION_NEVER
    uint8_t kind;    // enum event_kind: what it is in the run
    uint8_t role;    // enum prediction_role
    bool data : 1;   // what it requires is the flow of data
    bool hidden : 1; // part of an event of the run that another one shows
    bool fenced : 1; // what it requires may have been lost
};

// One requirement; an event's stand in a row.
struct prediction_requirement {
    struct prediction_point point;
    bool last; // of the row
};

struct prediction_trace {
    uint32_t n_threads; // ids are below
    uint32_t n_objects;
    GArray **events;      // by thread id, of struct prediction_event; NULL: none
    GArray *requirements; // of struct prediction_requirement
    uint64_t n_events;
};

struct prediction_trace *prediction_trace_new(uint32_t n_threads, uint32_t n_objects);
void prediction_trace_free(struct prediction_trace *trace);

// Appends an event to a thread; its sequence follows from the order of the calls, its link is PREDICTION_NEVER until it is set.
// Returns its position.
uint32_t prediction_trace_append(
    struct prediction_trace *trace, uint32_t thread_id, const struct prediction_event *event);
// Requires n points (n > 0) of the event that comes next; returns what to put into its link.
uint32_t prediction_trace_require(
    struct prediction_trace *trace, const struct prediction_point *points, unsigned n);

// How many events a thread has.
static inline uint32_t prediction_trace_length(const struct prediction_trace *trace, uint32_t thread_id)
{
    const GArray *events = trace->events[thread_id];
    return events ? events->len : 0;
}

// Valid until something is appended.
static inline struct prediction_event *prediction_trace_event(
    const struct prediction_trace *trace, uint32_t thread_id, uint32_t position)
{
    return &g_array_index(trace->events[thread_id], struct prediction_event, position);
}

static inline const struct prediction_requirement *prediction_trace_requirement(
    const struct prediction_trace *trace, uint32_t index)
{
    return &g_array_index(trace->requirements, struct prediction_requirement, index);
}

#endif
