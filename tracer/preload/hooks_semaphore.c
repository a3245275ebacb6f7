// SPDX-License-Identifier: MIT
// sem_*. sem_wait is a cancellation point also when it need not wait, so trying first comes after testing for that; and
// a successful sem_wait leaves errno alone, so a failed try must too. sem_post is legal in a signal handler.
#include <fcntl.h>
#include <stdarg.h>

#include "record.h"
#include "steer.h"

static void sem_wait_cancelled(void *data)
{
    call_event(data, EVENT_FAIL, ECANCELED);
}

// The end of a wait: rc as sem_wait returns it. Leaves errno as the call left it: recording uses none.
static int waited(const struct call *call, enum event_kind acquired, int rc)
{
    if (LIKELY(rc == 0))
        call_event(call, acquired, 0);
    else
        call_event(call, EVENT_FAIL, errno);
    return rc;
}

EXPORT int sem_init(sem_t *semaphore, int shared, unsigned value)
{
    struct call call;
    const int rc = REAL(sem_init)(semaphore, shared, value);
    if (rc == 0 && call_begin_plain(&call))
        object_init(call.thread, semaphore, OBJECT_SEMAPHORE, 0, value, call.stack);
    return rc;
}

EXPORT int sem_destroy(sem_t *semaphore)
{
    struct call call;
    if (!call_begin(&call, semaphore, OBJECT_SEMAPHORE))
        return REAL(sem_destroy)(semaphore);
    const uint64_t token = object_destroy(call.thread, semaphore, OBJECT_SEMAPHORE, call.stack);
    const int rc = REAL(sem_destroy)(semaphore);
    if (rc != 0)
        object_revive(call.thread, semaphore, token, call.stack, errno);
    return rc;
}

EXPORT sem_t *sem_open(const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    const unsigned value = flags & O_CREAT ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    struct call call;
    sem_t *semaphore = REAL(sem_open)(name, flags, mode, value);
    // Opening a name twice gives the same address again: the object that is there already.
    if (semaphore != SEM_FAILED && call_begin_plain(&call))
        object_resolve_flags(call.thread, semaphore, OBJECT_SEMAPHORE, OBJECT_NAMED, call.stack);
    return semaphore;
}

EXPORT int sem_close(sem_t *semaphore)
{
    struct thread *thread = thread_current();
    const int rc = REAL(sem_close)(semaphore);
    unsigned char resident;
    // Only the last close unmaps it.
    const uintptr_t page = (uintptr_t)semaphore & ~(uintptr_t)4095;
    if (rc == 0 && thread != NULL && SYS3(SYS_mincore, page, 1, &resident) == -ENOMEM)
        object_end_at(thread, semaphore, WIRE_END_CLOSED);
    return rc;
}

// Apart, to keep the quick way short.
static int wait_blocked(struct call *call, sem_t *semaphore)
{
    int rc;
    call_event(call, EVENT_REQUEST, 0);
    CLEANUP_PUSH(sem_wait_cancelled, call);
    rc = REAL(sem_wait)(semaphore);
    CLEANUP_POP();
    return rc;
}

EXPORT int sem_wait(sem_t *semaphore)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, semaphore, OBJECT_SEMAPHORE)))
        return REAL(sem_wait)(semaphore);
    pthread_testcancel();
    STEER(&call, semaphore, OBJECT_SEMAPHORE, false);
    const int error = errno;
    int rc = REAL(sem_trywait)(semaphore);
    if (UNLIKELY(rc != 0)) {
        errno = error;
        rc = wait_blocked(&call, semaphore);
    }
    return waited(&call, EVENT_ACQUIRE, rc);
}

EXPORT int sem_trywait(sem_t *semaphore)
{
    struct call call;
    if (!call_begin(&call, semaphore, OBJECT_SEMAPHORE))
        return REAL(sem_trywait)(semaphore);
    return waited(&call, EVENT_ACQUIRE_TRY, REAL(sem_trywait)(semaphore));
}

EXPORT int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict abstime)
{
    struct call call;
    if (!call_begin(&call, semaphore, OBJECT_SEMAPHORE))
        return REAL(sem_timedwait)(semaphore, abstime);
    int rc;
    call_event(&call, EVENT_REQUEST_TIMED, 0);
    CLEANUP_PUSH(sem_wait_cancelled, &call);
    rc = REAL(sem_timedwait)(semaphore, abstime);
    CLEANUP_POP();
    return waited(&call, EVENT_ACQUIRE_TIMED, rc);
}

EXPORT int sem_clockwait(sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict abstime)
{
    struct call call;
    if (!call_begin(&call, semaphore, OBJECT_SEMAPHORE))
        return REAL(sem_clockwait)(semaphore, clock, abstime);
    int rc;
    call_event(&call, EVENT_REQUEST_TIMED, 0);
    CLEANUP_PUSH(sem_wait_cancelled, &call);
    rc = REAL(sem_clockwait)(semaphore, clock, abstime);
    CLEANUP_POP();
    return waited(&call, EVENT_ACQUIRE_TIMED, rc);
}

EXPORT int sem_post(sem_t *semaphore)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, semaphore, OBJECT_SEMAPHORE)))
        return REAL(sem_post)(semaphore);
    call_event(&call, EVENT_POST, 0);
    const int rc = REAL(sem_post)(semaphore);
    if (UNLIKELY(rc != 0))
        call_event(&call, EVENT_RELEASE_FAILED, errno);
    return rc;
}
