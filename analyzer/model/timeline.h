// SPDX-License-Identifier: MIT
// A trace as something to look at: a lane per thread, in it what the thread held and waited for, when.
//
//   lane of 'left'    track 0   |===== holds a =========================|
//                     track 1      |/// waits for b ///|== holds b ==|
//
// A track's spans are sorted and never overlap, so any moment or viewport is found by bisection. The whole is built in one pass
// over each thread, in memory of 32 bytes a span; nothing of it refers to the store afterwards.
#ifndef TRENZA_TIMELINE_H
#define TRENZA_TIMELINE_H

#include "lock_edges.h"
#include "model.h"
#include "pyramid.h"
#include "work.h"

enum span_kind {
    SPAN_HOLD,
    SPAN_WAIT_LOCK,
    SPAN_WAIT_SEMAPHORE,
    SPAN_WAIT_COND,
    SPAN_WAIT_BARRIER,
    SPAN_WAIT_JOIN,
    SPAN_WAIT_ONCE,
    SPAN_BLOCKED, // in a system call; subject is its number
    SPAN_KINDS,
};
// "holds", "waits for", ...
const char *span_kind_text(enum span_kind kind);

enum span_flags {
    SPAN_SHARED = 1 << 0, // as a reader
    SPAN_OPEN = 1 << 1,   // never ended: it lasts as long as the lane
    SPAN_FAILED = 1 << 2, // a wait that ended without what it was for
    SPAN_CROWD = 1 << 3,  // stands for several locks, more than there are tracks; subject is 0
    SPAN_TIMED = 1 << 4,  // a wait with a time-out
};

struct span {
    uint64_t begin; // ticks
    uint64_t end;
    uint32_t subject; // object id; SPAN_WAIT_JOIN: thread id
    uint32_t stack;   // where it began
    uint32_t end_stack;
    uint8_t kind; // enum span_kind
    uint8_t flags;
};

// Is its subject an object's id?
static inline bool span_names_object(const struct span *span)
{
    return span->kind != SPAN_WAIT_JOIN && span->kind != SPAN_BLOCKED && span->subject;
}

// An event that takes no time.
struct span_mark {
    uint64_t ticks;
    uint32_t subject;
    uint32_t stack;
    uint8_t kind; // enum event_kind
};

#define TRACKS_MAX 16u

struct track {
    struct span *spans;
    uint32_t count;
    uint32_t capacity;
};

// On lines of memory of its own: several are filled at once.
struct lane {
    const struct model_thread *thread;
    uint64_t begin; // ticks; of the thread's life
    uint64_t end;
    bool ends; // false: alive when the recording ended
    struct track tracks[TRACKS_MAX];
    unsigned n_tracks;
    struct span_mark *marks; // sorted
    uint32_t n_marks;
    uint32_t marks_capacity;
    uint64_t n_spans;
    struct pyramid *pyramid;
} __attribute__((aligned(64)));

// One span or mark, by where it is.
struct span_ref {
    uint32_t lane;
    uint32_t index;
    uint8_t track; // TRACK_MARKS: a mark
};
#define TRACK_MARKS TRACKS_MAX

// Everything that happened to one object, by time of beginning.
struct object_history {
    const struct span_ref *refs;
    uint32_t count;
    uint64_t wait_ticks; // of all waits for it
    uint64_t hold_ticks;
    uint32_t waits;
    uint32_t holds;
    struct pyramid *pyramid; // colours are numbers of lanes; NULL: there is so little that it is not needed
};

#define OVERVIEW_BINS 2048u
// All lanes together, over the whole time: how many threads hold and wait for locks on average in each piece of it.
struct timeline_overview {
    float held[OVERVIEW_BINS];
    float contended[OVERVIEW_BINS];
};

struct timeline {
    const struct model *model;
    struct lane *lanes; // by process, then by start
    unsigned n_lanes;
    uint32_t *lane_of_thread; // by thread id; UINT32_MAX: none
    uint64_t begin;           // ticks
    uint64_t end;
    uint64_t n_spans;
    uint64_t n_marks;
    struct span_ref *refs;            // the histories lie in it one behind the other
    struct object_history *histories; // by object id; count 0: nothing happened
    GArray *edges;                    // of struct lock_edge, by held and taken
    struct timeline_overview *overview;
};

// What a span counts as in a pyramid.
struct pyramid_span timeline_piece(const struct span *span, unsigned depth, uint8_t colour);

// The model must outlive the timeline. NULL and *error when the trace is damaged or progress said no (MODEL_ERROR_CANCELLED).
// Progress is told by the calling thread. Cost: linear in the events, times the logarithm of the number of tracks, on all processors.
struct timeline *timeline_new(const struct model *model, work_progress progress, void *data, GError **error);
// The same in about so much memory; MODEL_ERROR_MEMORY as soon as it is seen that it does not suffice. The other takes as limit what the
// machine has to give.
struct timeline *timeline_new_within(
    const struct model *model, uint64_t bytes_max, work_progress progress, void *data, GError **error);
void timeline_free(struct timeline *timeline);

// The first span that ends after ticks; count: none.
uint32_t track_find(const struct track *track, uint64_t ticks);
// The first mark not before ticks; n_marks: none.
uint32_t lane_find_mark(const struct lane *lane, uint64_t ticks);
const struct lane *timeline_lane(const struct timeline *timeline, uint32_t thread_id);
static inline const struct span *timeline_span(const struct timeline *timeline, struct span_ref ref)
{
    return &timeline->lanes[ref.lane].tracks[ref.track].spans[ref.index];
}
static inline const struct span_mark *timeline_mark(const struct timeline *timeline, struct span_ref ref)
{
    return &timeline->lanes[ref.lane].marks[ref.index];
}
// How many entries of a history begin no later than ticks.
uint32_t timeline_history_until(
    const struct timeline *timeline, const struct object_history *history, uint64_t ticks);
// The small number by which an object is told from others in colour, from 0.
uint8_t timeline_colour(uint32_t object_id);

// What let a wait end: the release, signal, post or end of a thread that came just before. False: not known.
bool timeline_find_cause(const struct timeline *timeline, struct span_ref wait, struct span_ref *ret_cause);
// Who holds what a lock wait is for while it lasts. False: nobody, or not known.
bool timeline_find_owner(const struct timeline *timeline, struct span_ref wait, struct span_ref *ret_hold);

#endif
