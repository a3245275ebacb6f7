// SPDX-License-Identifier: MIT
// A small run for the oracle: at most 64 operations of at most 4 threads, in the order in which they happened.
#ifndef SMALL_TRACE_H
#define SMALL_TRACE_H

#include "model.h"
#include "prediction_step.h"

#define SMALL_THREADS 4u // T1 to T4
#define SMALL_OBJECTS 12u
#define SMALL_OPS 64u

struct small_op {
    uint8_t thread;   // from 1
    uint8_t kind;     // enum event_kind
    uint8_t object;   // from 1; 0: none
    uint8_t mutex;    // of a condition wait
    uint8_t other;    // thread created or joined
    bool shared;      // FAIL: of a try to read
    bool timed;       // JOIN_REQUEST: with a time-out
    bool tries_first; // a try whose failure leads to waiting, as of CPython's locks
    int error;
};

struct small_trace {
    unsigned n_threads;
    unsigned n_objects;
    struct model_object objects[SMALL_OBJECTS + 1]; // by id
    unsigned n_ops;
    struct small_op ops[SMALL_OPS];
};

// What a random run may use besides mutexes.
enum small_features {
    SMALL_RWLOCKS = 1 << 0,
    SMALL_CONDITIONS = 1 << 1,
    SMALL_SEMAPHORES = 1 << 2,
    SMALL_BARRIERS = 1 << 3,
    SMALL_DATA = 1 << 4,
    SMALL_TRIES = 1 << 5,
    SMALL_LIVES = 1 << 6, // init and destroy
    SMALL_ONCE = 1 << 7,
    SMALL_FOREIGN = 1 << 8, // unlocks by others
    SMALL_FEATURES = 1 << 9,
    // In a quarter of the runs, whatever else there is:
    SMALL_TIMED = 1 << 9,   // time-outs that are waited for
    SMALL_PYTHON = 1 << 10, // semaphores are locks that are tried first
};

// A random run of a random program. The same seed gives the same run.
void small_trace_random(struct small_trace *trace, uint64_t seed);
// What hardly comes at random: T1 takes the locks in one order and then a semaphore, T2 waits for that one, tried first as CPython
// does, and takes the locks in the other order, T3 hands the semaphore over. T2 may as well come before T1.
void small_trace_handed_over(struct small_trace *trace);
// One line per operation, in STD's form: T1|acq(L2)|17
char *small_trace_text(const struct small_trace *trace);
// The step that an operation is, at a place in the code (a stack id).
struct prediction_step small_trace_step(const struct small_trace *trace, unsigned op, uint32_t place);

#endif
