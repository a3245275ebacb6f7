// SPDX-License-Identifier: MIT
// pthread_barrier_* and pthread_once. A once control that is done costs one load more than without us and is not
// recorded; glibc marks that in bit 1 of the control.
#include "record.h"

EXPORT int pthread_barrier_init(
    pthread_barrier_t *restrict barrier, const pthread_barrierattr_t *restrict attributes, unsigned count)
{
    struct call call;
    const int rc = REAL(pthread_barrier_init)(barrier, attributes, count);
    if (rc == 0 && call_begin_plain(&call))
        object_init(call.thread, barrier, OBJECT_BARRIER, 0, count, call.stack);
    return rc;
}

EXPORT int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    struct call call;
    if (!call_begin(&call, barrier, OBJECT_BARRIER))
        return REAL(pthread_barrier_destroy)(barrier);
    const uint64_t token = object_destroy(call.thread, barrier, OBJECT_BARRIER, call.stack);
    const int rc = REAL(pthread_barrier_destroy)(barrier);
    if (rc != 0)
        object_revive(call.thread, barrier, token, call.stack, rc);
    return rc;
}

EXPORT int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct call call;
    if (!call_begin(&call, barrier, OBJECT_BARRIER))
        return REAL(pthread_barrier_wait)(barrier);
    call_event(&call, EVENT_BARRIER_ARRIVE, 0);
    const int rc = REAL(pthread_barrier_wait)(barrier);
    call_event(&call, EVENT_BARRIER_LEAVE, rc == PTHREAD_BARRIER_SERIAL_THREAD);
    return rc;
}

#define ONCE_DONE 2

// The innermost call in progress. Not in struct thread: a signal handler may fork during a wait for somebody else's
// routine, which the child then runs itself.
static __thread struct {
    void (*routine)(void);
    struct thread *thread;
    uint32_t object;
} running __attribute__((tls_model("initial-exec")));

static void once_begin(const struct call *call, void (*routine)(void))
{
    call_event(call, EVENT_ONCE_REQUEST, 0);
    running.routine = routine;
    running.thread = call->thread;
    running.object = call->object;
}

// Runs in the place of the program's routine, in the thread that won.
static void once_run(void)
{
    void (*routine)(void) = running.routine;
    struct call call;
    if (!call_begin_plain(&call) || call.thread != running.thread) {
        routine();
        return;
    }
    call.object = running.object;
    call_event(&call, EVENT_ONCE_BEGIN, 0);
    routine();
    call_event(&call, EVENT_ONCE_END, 0);
}

// Routines may themselves use other once controls, and may leave by an exception: then the values of the outer call are
// put back by whoever comes next, since each call sets its own.
EXPORT int pthread_once(pthread_once_t *control, void (*routine)(void))
{
    struct call call;
    if (LIKELY((__atomic_load_n(control, __ATOMIC_ACQUIRE) & ONCE_DONE) != 0))
        return 0;
    if (!call_begin(&call, control, OBJECT_ONCE))
        return REAL(pthread_once)(control, routine);
    once_begin(&call, routine);
    const int rc = REAL(pthread_once)(control, once_run);
    call_event(&call, EVENT_ONCE_DONE, 0);
    return rc;
}

EXPORT void call_once(once_flag *flag, void (*routine)(void))
{
    struct call call;
    if (LIKELY((__atomic_load_n((int *)flag, __ATOMIC_ACQUIRE) & ONCE_DONE) != 0))
        return;
    if (!call_begin(&call, flag, OBJECT_ONCE)) {
        REAL(call_once)(flag, routine);
        return;
    }
    once_begin(&call, routine);
    REAL(call_once)(flag, once_run);
    call_event(&call, EVENT_ONCE_DONE, 0);
}

EXPORT_ALIAS(__pthread_once, pthread_once);
