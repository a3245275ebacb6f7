// SPDX-License-Identifier: MIT
// What a small run says about its own order, as the design defines it and worked out by hand and slowly: a second opinion on what
// prediction_builder.c makes of it.
#ifndef RECORDED_ORDER_H
#define RECORDED_ORDER_H

#include "small_trace.h"

#define OP_BIT(op) (UINT64_C(1) << (op))

struct recorded_order {
    unsigned n_thread_ops[SMALL_THREADS + 1];
    uint8_t thread_ops[SMALL_THREADS + 1][SMALL_OPS]; // operations of each thread
    uint8_t index[SMALL_OPS];                         // of an operation in its thread
    uint8_t created_by[SMALL_THREADS + 1];            // operation + 1; 0: nobody
    uint64_t before[SMALL_OPS];                       // sync-preserving: what must have happened
    uint64_t not_before[SMALL_OPS];                   // sync-preserving: what must not have happened yet
    uint8_t written[SMALL_OPS];                       // READ: the write it sees, operation + 1; 0: none
    bool outermost[SMALL_OPS];                        // acquisition or release that changes who has the lock
    bool blocks[SMALL_OPS];                           // request or acquisition that may wait for ever
    uint64_t
        told[SMALL_OBJECTS + 1]; // sync-preserving: what has happened before others than its maker want it
    uint8_t maker[SMALL_OBJECTS + 1]; // thread
    bool is_lock[SMALL_OBJECTS + 1];  // has critical sections (semaphores that are used as locks, too)
};

void recorded_order_make(struct recorded_order *order, const struct small_trace *trace);

static inline bool small_op_acquires(const struct small_op *op)
{
    return event_is_acquire(op->kind) || op->kind == EVENT_COND_WAKE;
}
// The lock an operation takes or gives back; 0: none.
static inline uint8_t small_op_lock(const struct small_op *op)
{
    return op->kind == EVENT_COND_WAIT || op->kind == EVENT_COND_WAKE ? op->mutex : op->object;
}

#endif
