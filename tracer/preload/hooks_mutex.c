// SPDX-License-Identifier: MIT
// pthread_mutex_*. Locking tries first, so that an acquisition nobody stands in the way of is one event, not two; glibc
// itself begins with the same compare-and-swap, for every kind of mutex. Anything but success is left to the real call,
// so that every result is glibc's own. Calls with a time-out are not tried first: glibc checks their arguments first.
#include "record.h"
#include "steer.h"

// glibc's trylock leaves a robust mutex locked for ever when it finds it given up (ENOTRECOVERABLE): not to be tried first.
static inline bool may_try_first(const pthread_mutex_t *mutex)
{
    const int robust_bit = 16; // of __kind; glibc's headers do not name it
    return !(mutex->__data.__kind & robust_bit);
}

EXPORT int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    struct call call = { .thread = thread_current() };
    const int rc = REAL(pthread_mutex_init)(mutex, attributes);
    if (rc == 0 && call_begin_plain(&call))
        object_init(call.thread, mutex, OBJECT_MUTEX, 0, 0, call.stack);
    return rc;
}

EXPORT int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    struct call call;
    if (!call_begin(&call, mutex, OBJECT_MUTEX))
        return REAL(pthread_mutex_destroy)(mutex);
    const uint64_t token = object_destroy(call.thread, mutex, OBJECT_MUTEX, call.stack);
    const int rc = REAL(pthread_mutex_destroy)(mutex);
    if (rc != 0)
        object_revive(call.thread, mutex, token, call.stack, rc);
    return rc;
}

EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, mutex, OBJECT_MUTEX)))
        return REAL(pthread_mutex_lock)(mutex);
    STEER(&call, mutex, OBJECT_MUTEX, false);
    int rc = LIKELY(may_try_first(mutex)) ? REAL(pthread_mutex_trylock)(mutex) : EBUSY;
    if (UNLIKELY(rc != 0 && rc != EOWNERDEAD)) {
        call_event(&call, EVENT_REQUEST, 0);
        rc = REAL(pthread_mutex_lock)(mutex);
    }
    return call_locked(&call, EVENT_ACQUIRE, rc);
}

EXPORT int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, mutex, OBJECT_MUTEX)))
        return REAL(pthread_mutex_trylock)(mutex);
    return call_locked(&call, EVENT_ACQUIRE_TRY, REAL(pthread_mutex_trylock)(mutex));
}

EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *abstime)
{
    struct call call;
    if (!call_begin(&call, mutex, OBJECT_MUTEX))
        return REAL(pthread_mutex_timedlock)(mutex, abstime);
    call_event(&call, EVENT_REQUEST_TIMED, 0);
    return call_locked(&call, EVENT_ACQUIRE_TIMED, REAL(pthread_mutex_timedlock)(mutex, abstime));
}

EXPORT int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *abstime)
{
    struct call call;
    if (!call_begin(&call, mutex, OBJECT_MUTEX))
        return REAL(pthread_mutex_clocklock)(mutex, clock, abstime);
    call_event(&call, EVENT_REQUEST_TIMED, 0);
    return call_locked(&call, EVENT_ACQUIRE_TIMED, REAL(pthread_mutex_clocklock)(mutex, clock, abstime));
}

EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    struct call call;
    if (UNLIKELY(!call_begin_release(&call, mutex, OBJECT_MUTEX, mutex->__data.__owner)))
        return REAL(pthread_mutex_unlock)(mutex);
    call_event(&call, EVENT_RELEASE, 0);
    const int rc = REAL(pthread_mutex_unlock)(mutex);
    if (UNLIKELY(rc != 0))
        call_event(&call, EVENT_RELEASE_FAILED, rc);
    return rc;
}

EXPORT int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
    struct call call;
    if (!call_begin(&call, mutex, OBJECT_MUTEX))
        return REAL(pthread_mutex_consistent)(mutex);
    const int rc = REAL(pthread_mutex_consistent)(mutex);
    if (rc == 0)
        call_event(&call, EVENT_CONSISTENT, 0);
    return rc;
}

EXPORT_ALIAS(__pthread_mutex_init, pthread_mutex_init);
EXPORT_ALIAS(__pthread_mutex_destroy, pthread_mutex_destroy);
EXPORT_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);
EXPORT_ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);
EXPORT_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
EXPORT_ALIAS(pthread_mutex_consistent_np, pthread_mutex_consistent);
