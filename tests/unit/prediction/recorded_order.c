// SPDX-License-Identifier: MIT
// Each rule looks over the whole run again: quadratic, and plain to read.
#include "recorded_order.h"

#include <errno.h>
#include <string.h>

static const struct small_op *op_at(const struct small_trace *trace, unsigned i)
{
    return &trace->ops[i];
}

static enum object_kind kind_of(const struct small_trace *trace, uint8_t object)
{
    return object ? trace->objects[object].row.kind : OBJECT_NONE;
}

static bool is_pthread_lock(const struct small_trace *trace, uint8_t object)
{
    enum object_kind kind = kind_of(trace, object);
    return kind == OBJECT_MUTEX || kind == OBJECT_RWLOCK || kind == OBJECT_SPINLOCK;
}

static bool takes(const struct small_op *op, uint8_t lock)
{
    return small_op_acquires(op) && small_op_lock(op) == lock;
}

static bool gives(const struct small_op *op, uint8_t lock)
{
    return (op->kind == EVENT_RELEASE || op->kind == EVENT_POST || op->kind == EVENT_COND_WAIT) &&
           small_op_lock(op) == lock;
}

// Walks the run and says which acquisitions and releases are outermost; false when somebody else gives the lock back.
static bool follow_lock(struct recorded_order *order, const struct small_trace *trace, uint8_t lock)
{
    unsigned depth[SMALL_THREADS + 1] = { 0 };
    unsigned total = 0;
    bool semaphore = kind_of(trace, lock) == OBJECT_SEMAPHORE;
    if (semaphore && trace->objects[lock].row.value != 1)
        return false;
    for (unsigned i = 0; i < trace->n_ops; i++) {
        const struct small_op *op = op_at(trace, i);
        if (takes(op, lock)) {
            if (semaphore && total)
                return false;
            order->outermost[i] = depth[op->thread]++ == 0;
            total++;
        } else if (gives(op, lock)) {
            if (!depth[op->thread])
                return false;
            order->outermost[i] = --depth[op->thread] == 0;
            total--;
        }
    }
    return true;
}

static bool conflict(const struct small_op *a, const struct small_op *b)
{
    return !(event_is_shared(a->kind) && event_is_shared(b->kind));
}

// Critical sections that conflict stay in their order.
static void keep_sections(struct recorded_order *order, const struct small_trace *trace, uint8_t lock)
{
    for (unsigned i = 0; i < trace->n_ops; i++)
        for (unsigned j = i + 1; j < trace->n_ops; j++)
            if (takes(op_at(trace, i), lock) && order->outermost[i] && takes(op_at(trace, j), lock) &&
                order->outermost[j] && conflict(op_at(trace, i), op_at(trace, j)))
                order->not_before[i] |= OP_BIT(j);
}

// A lock given back by others: everything about it in its order.
static void keep_everything(struct recorded_order *order, const struct small_trace *trace, uint8_t lock)
{
    for (unsigned i = 0; i < trace->n_ops; i++)
        for (unsigned j = 0; j < i; j++) {
            const struct small_op *a = op_at(trace, j);
            const struct small_op *b = op_at(trace, i);
            if (small_op_lock(a) == lock && small_op_lock(b) == lock && !event_is_request(a->kind) &&
                !event_is_request(b->kind) && a->kind != EVENT_INIT && b->kind != EVENT_INIT &&
                b->kind != EVENT_DESTROY)
                order->before[i] |= OP_BIT(j);
        }
}

// A failed try comes while the one who had the lock then has it.
static void keep_failure(struct recorded_order *order, const struct small_trace *trace, unsigned fail)
{
    uint8_t lock = op_at(trace, fail)->object;
    uint8_t holders[SMALL_THREADS + 1] = { 0 };
    for (unsigned i = 0; i < fail; i++) {
        const struct small_op *op = op_at(trace, i);
        if (takes(op, lock) && order->outermost[i])
            holders[op->thread] = (uint8_t)(i + 1);
        else if (gives(op, lock) && order->outermost[i])
            holders[op->thread] = 0;
    }
    unsigned first = SMALL_OPS; // of several readers: the one that was there first
    for (unsigned t = 1; t <= SMALL_THREADS; t++)
        if (holders[t] && holders[t] - 1u < first)
            first = holders[t] - 1u;
    if (first == SMALL_OPS)
        return;
    order->before[fail] |= OP_BIT(first);
    for (unsigned i = fail + 1; i < trace->n_ops; i++)
        if (op_at(trace, i)->thread == op_at(trace, first)->thread && gives(op_at(trace, i), lock) &&
            order->outermost[i]) {
            order->not_before[fail] |= OP_BIT(i);
            break;
        }
}

static void keep_semaphore(struct recorded_order *order, const struct small_trace *trace, uint8_t semaphore)
{
    unsigned waits = 0;
    uint64_t value = trace->objects[semaphore].row.value;
    for (unsigned i = 0; i < trace->n_ops; i++) {
        const struct small_op *op = op_at(trace, i);
        if (op->object != semaphore)
            continue;
        if (op->kind == EVENT_FAIL && !op->tries_first) {
            for (unsigned j = 0; j < trace->n_ops; j++) {
                const struct small_op *other = op_at(trace, j);
                if (other->object == semaphore && j < i && event_is_acquire(other->kind))
                    order->before[i] |= OP_BIT(j);
                if (other->object == semaphore && j > i && other->kind == EVENT_POST)
                    order->not_before[i] |= OP_BIT(j);
            }
        } else if (event_is_acquire(op->kind) && ++waits > value) {
            unsigned posts = 0;
            for (unsigned j = 0; j < i; j++)
                if (op_at(trace, j)->object == semaphore && op_at(trace, j)->kind == EVENT_POST &&
                    ++posts == waits - value)
                    order->before[i] |= OP_BIT(j);
        }
    }
}

// Wakes in order; each takes the first broadcast of its wait, else the first signal that nobody took.
static void keep_condition(struct recorded_order *order, const struct small_trace *trace, uint8_t condition)
{
    uint64_t taken = 0;
    for (unsigned i = 0; i < trace->n_ops; i++) {
        const struct small_op *wake = op_at(trace, i);
        if (wake->kind != EVENT_COND_WAKE || wake->object != condition || wake->error)
            continue;
        unsigned wait = order->thread_ops[wake->thread][order->index[i] - 1];
        int signal = -1;
        for (unsigned j = i; j-- > wait + 1;) {
            const struct small_op *op = op_at(trace, j);
            if (op->object == condition && op->kind == EVENT_COND_SIGNAL && !(taken & OP_BIT(j)))
                signal = (int)j;
        }
        for (unsigned j = i; j-- > wait + 1;)
            if (op_at(trace, j)->object == condition && op_at(trace, j)->kind == EVENT_COND_BROADCAST)
                signal = (int)j;
        if (signal >= 0) {
            order->before[i] |= OP_BIT(signal);
            taken |= OP_BIT(signal);
        }
    }
}

static void keep_barrier(struct recorded_order *order, const struct small_trace *trace, uint8_t barrier)
{
    unsigned count = (unsigned)trace->objects[barrier].row.value;
    uint64_t rounds[SMALL_OPS] = { 0 };
    unsigned own[SMALL_THREADS + 1] = { 0 };
    unsigned arrived = 0;
    for (unsigned i = 0; i < trace->n_ops; i++) {
        const struct small_op *op = op_at(trace, i);
        if (op->object != barrier)
            continue;
        if (op->kind == EVENT_BARRIER_ARRIVE) {
            own[op->thread] = arrived++ / count;
            rounds[own[op->thread]] |= OP_BIT(i);
            if (own[op->thread])
                order->before[i] |= rounds[own[op->thread] - 1];
        } else if (op->kind == EVENT_BARRIER_LEAVE) {
            order->before[i] |= rounds[own[op->thread]];
        }
    }
}

// Its routine counts as a lock's section when it has come to its end.
static void keep_once(struct recorded_order *order, const struct small_trace *trace, uint8_t once)
{
    for (unsigned i = 0; i < trace->n_ops; i++)
        order->is_lock[once] |= op_at(trace, i)->object == once && op_at(trace, i)->kind == EVENT_ONCE_END;
    for (unsigned i = 0; i < trace->n_ops; i++)
        for (unsigned j = 0; j < i; j++)
            if (op_at(trace, i)->object == once && op_at(trace, j)->object == once &&
                op_at(trace, i)->kind == EVENT_ONCE_DONE && op_at(trace, j)->kind == EVENT_ONCE_END)
                order->before[i] |= OP_BIT(j);
}

static void keep_data(struct recorded_order *order, const struct small_trace *trace, uint8_t variable)
{
    unsigned written = 0;
    for (unsigned i = 0; i < trace->n_ops; i++) {
        const struct small_op *op = op_at(trace, i);
        if (op->object == variable && op->kind == EVENT_WRITE)
            written = i + 1;
        if (op->object == variable && op->kind == EVENT_READ)
            order->written[i] = (uint8_t)written;
    }
}

static bool may_tell(const struct small_op *op, uint8_t object)
{
    return (op->kind == EVENT_RELEASE && op->object != object) || op->kind == EVENT_POST ||
           op->kind == EVENT_COND_WAIT || op->kind == EVENT_COND_SIGNAL || op->kind == EVENT_COND_BROADCAST ||
           op->kind == EVENT_BARRIER_ARRIVE || op->kind == EVENT_ONCE_END || op->kind == EVENT_CREATE ||
           op->kind == EVENT_WRITE;
}

// Others than its maker use an object once that one could have told them of it.
static void keep_construction(struct recorded_order *order, const struct small_trace *trace, uint8_t object)
{
    unsigned init = 0;
    while (init < trace->n_ops &&
           !(op_at(trace, init)->kind == EVENT_INIT && op_at(trace, init)->object == object))
        init++;
    unsigned told = init + 1;
    for (; told < trace->n_ops; told++) {
        const struct small_op *op = op_at(trace, told);
        bool own = op->thread == op_at(trace, init)->thread;
        if (own && may_tell(op, object))
            break;
        if (!own && (op->object == object || op->mutex == object))
            return;
    }
    if (told >= trace->n_ops)
        return;
    order->told[object] = OP_BIT(told);
    order->maker[object] = op_at(trace, init)->thread;
    for (unsigned i = told + 1; i < trace->n_ops; i++) {
        const struct small_op *op = op_at(trace, i);
        if (op->thread != order->maker[object] && (op->object == object || op->mutex == object))
            order->before[i] |= order->told[object];
    }
}

// Nothing is used before its init or after its end.
static void keep_life(struct recorded_order *order, const struct small_trace *trace, uint8_t object)
{
    for (unsigned i = 0; i < trace->n_ops; i++)
        for (unsigned j = 0; j < i; j++) {
            const struct small_op *a = op_at(trace, j);
            const struct small_op *b = op_at(trace, i);
            bool uses_a = a->object == object || a->mutex == object;
            bool uses_b = b->object == object || b->mutex == object;
            if (uses_a && uses_b && (a->kind == EVENT_INIT || b->kind == EVENT_DESTROY))
                order->before[i] |= OP_BIT(j);
        }
}

static void keep_object(struct recorded_order *order, const struct small_trace *trace, uint8_t object)
{
    enum object_kind kind = kind_of(trace, object);
    bool lock = is_pthread_lock(trace, object) || kind == OBJECT_SEMAPHORE;
    order->is_lock[object] = lock && follow_lock(order, trace, object);
    for (unsigned i = 0; i < trace->n_ops && !order->is_lock[object]; i++)
        if (small_op_lock(op_at(trace, i)) == object)
            order->outermost[i] = false;
    if (order->is_lock[object])
        keep_sections(order, trace, object);
    else if (kind == OBJECT_SEMAPHORE)
        keep_semaphore(order, trace, object);
    else if (lock)
        keep_everything(order, trace, object);
    else if (kind == OBJECT_COND)
        keep_condition(order, trace, object);
    else if (kind == OBJECT_BARRIER)
        keep_barrier(order, trace, object);
    else if (kind == OBJECT_ONCE)
        keep_once(order, trace, object);
    else if (kind == OBJECT_VARIABLE)
        keep_data(order, trace, object);
    for (unsigned i = 0; i < trace->n_ops && order->is_lock[object]; i++)
        if (op_at(trace, i)->kind == EVENT_FAIL && op_at(trace, i)->object == object &&
            !op_at(trace, i)->tries_first)
            keep_failure(order, trace, i);
    keep_life(order, trace, object);
    keep_construction(order, trace, object);
}

static bool may_block(const struct small_op *op)
{
    return op->kind == EVENT_REQUEST || op->kind == EVENT_REQUEST_SHARED || op->kind == EVENT_ACQUIRE ||
           op->kind == EVENT_ACQUIRE_SHARED || op->kind == EVENT_COND_WAKE ||
           (op->kind == EVENT_JOIN_REQUEST && !op->timed) || op->kind == EVENT_JOIN ||
           op->kind == EVENT_ONCE_REQUEST || (op->tries_first && event_is_acquire(op->kind));
}

void recorded_order_make(struct recorded_order *order, const struct small_trace *trace)
{
    memset(order, 0, sizeof *order);
    for (unsigned i = 0; i < trace->n_ops; i++) {
        const struct small_op *op = op_at(trace, i);
        order->index[i] = (uint8_t)order->n_thread_ops[op->thread];
        order->thread_ops[op->thread][order->n_thread_ops[op->thread]++] = (uint8_t)i;
        order->blocks[i] = may_block(op);
        unsigned k = order->index[i];
        if (op->kind == EVENT_JOIN && k && op_at(trace, order->thread_ops[op->thread][k - 1])->timed)
            order->blocks[i] = false; // what it ends would have timed out
        if (op->kind == EVENT_CREATE)
            order->created_by[op->other] = (uint8_t)(i + 1);
    }
    for (unsigned object = 1; object <= trace->n_objects; object++)
        keep_object(order, trace, (uint8_t)object);
}
