// SPDX-License-Identifier: MIT
// A detector: a file of its own with one table entry, listed in detect.c. All detectors see one pass over the events.
#ifndef TRENZA_DETECTOR_H
#define TRENZA_DETECTOR_H

#include "finding.h"
#include "replay.h"
#include "run_orders.h"

struct detection {
    const struct model *model;
    struct replay *replay;
    struct finding_list *findings; // detectors add to it
    bool all;                      // keep cycles that are impossible, with the reason
    GHashTable *observed_cycles;   // set of char *: fingerprints of cycles that did deadlock in this run
    struct run_orders *orders;     // to be filled; NULL: not asked for
    uint64_t left_out;             // patterns and cycles a bound left out
};

#define DETECTOR_SEES(kind) (UINT64_C(1) << (kind))
_Static_assert(EVENT_KINDS <= 64, "event kinds fit a mask");

struct detector {
    const char *name;
    uint64_t kinds;     // DETECTOR_SEES(...), or-ed; EVENT_NONE: the end of a thread
    uint64_t not_plain; // those of kinds of which it does not need to see steps that are plain (replay.h)
    // Returns the detector's own state, which event and finish get and finish frees; NULL: nothing to do in this trace, and neither
    // is called.
    void *(*begin)(struct detection *detection);
    void (*event)(void *state, const struct replay_step *step);
    void (*finish)(void *state);
};

extern const struct detector detector_double_lock;
extern const struct detector detector_unreleased_lock;
extern const struct detector detector_lock_order;
extern const struct detector detector_class_order;
extern const struct detector detector_deadlock;
extern const struct detector detector_stuck;
extern const struct detector detector_unlock;
extern const struct detector detector_invalid_object;
extern const struct detector detector_cond_mutex;
extern const struct detector detector_nested_monitor;
extern const struct detector detector_lost_signal;
extern const struct detector detector_semaphore;
extern const struct detector detector_join_cycle;
extern const struct detector detector_thread_leak;
extern const struct detector detector_blocking_call;
extern const struct detector detector_lost_time;
extern const struct detector detector_run_orders;

#endif
