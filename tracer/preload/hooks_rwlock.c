// SPDX-License-Identifier: MIT
// pthread_rwlock_*: like mutexes, with readers. glibc's try variants admit a reader by the same rule as the plain one,
// also where a waiting writer is preferred.
#include "record.h"
#include "steer.h"

EXPORT int pthread_rwlock_init(pthread_rwlock_t *rwlock, const pthread_rwlockattr_t *attributes)
{
    struct call call;
    const int rc = REAL(pthread_rwlock_init)(rwlock, attributes);
    if (rc == 0 && call_begin_plain(&call))
        object_init(call.thread, rwlock, OBJECT_RWLOCK, 0, 0, call.stack);
    return rc;
}

EXPORT int pthread_rwlock_destroy(pthread_rwlock_t *rwlock)
{
    struct call call;
    if (!call_begin(&call, rwlock, OBJECT_RWLOCK))
        return REAL(pthread_rwlock_destroy)(rwlock);
    const uint64_t token = object_destroy(call.thread, rwlock, OBJECT_RWLOCK, call.stack);
    const int rc = REAL(pthread_rwlock_destroy)(rwlock);
    if (rc != 0)
        object_revive(call.thread, rwlock, token, call.stack, rc);
    return rc;
}

EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, rwlock, OBJECT_RWLOCK)))
        return REAL(pthread_rwlock_rdlock)(rwlock);
    STEER(&call, rwlock, OBJECT_RWLOCK, true);
    int rc = REAL(pthread_rwlock_tryrdlock)(rwlock);
    if (UNLIKELY(rc != 0)) {
        call_event(&call, EVENT_REQUEST_SHARED, 0);
        rc = REAL(pthread_rwlock_rdlock)(rwlock);
    }
    return call_locked(&call, EVENT_ACQUIRE_SHARED, rc);
}

EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, rwlock, OBJECT_RWLOCK)))
        return REAL(pthread_rwlock_wrlock)(rwlock);
    STEER(&call, rwlock, OBJECT_RWLOCK, false);
    int rc = REAL(pthread_rwlock_trywrlock)(rwlock);
    if (UNLIKELY(rc != 0)) {
        call_event(&call, EVENT_REQUEST, 0);
        rc = REAL(pthread_rwlock_wrlock)(rwlock);
    }
    return call_locked(&call, EVENT_ACQUIRE, rc);
}

EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *rwlock)
{
    struct call call;
    if (!call_begin(&call, rwlock, OBJECT_RWLOCK))
        return REAL(pthread_rwlock_tryrdlock)(rwlock);
    return call_locked(&call, EVENT_ACQUIRE_TRY_SHARED, REAL(pthread_rwlock_tryrdlock)(rwlock));
}

EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *rwlock)
{
    struct call call;
    if (!call_begin(&call, rwlock, OBJECT_RWLOCK))
        return REAL(pthread_rwlock_trywrlock)(rwlock);
    return call_locked(&call, EVENT_ACQUIRE_TRY, REAL(pthread_rwlock_trywrlock)(rwlock));
}

EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *rwlock, const struct timespec *abstime)
{
    struct call call;
    if (!call_begin(&call, rwlock, OBJECT_RWLOCK))
        return REAL(pthread_rwlock_timedrdlock)(rwlock, abstime);
    call_event(&call, EVENT_REQUEST_TIMED_SHARED, 0);
    return call_locked(&call, EVENT_ACQUIRE_TIMED_SHARED, REAL(pthread_rwlock_timedrdlock)(rwlock, abstime));
}

EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *rwlock, const struct timespec *abstime)
{
    struct call call;
    if (!call_begin(&call, rwlock, OBJECT_RWLOCK))
        return REAL(pthread_rwlock_timedwrlock)(rwlock, abstime);
    call_event(&call, EVENT_REQUEST_TIMED, 0);
    return call_locked(&call, EVENT_ACQUIRE_TIMED, REAL(pthread_rwlock_timedwrlock)(rwlock, abstime));
}

EXPORT int pthread_rwlock_clockrdlock(
    pthread_rwlock_t *rwlock, clockid_t clock, const struct timespec *abstime)
{
    struct call call;
    if (!call_begin(&call, rwlock, OBJECT_RWLOCK))
        return REAL(pthread_rwlock_clockrdlock)(rwlock, clock, abstime);
    call_event(&call, EVENT_REQUEST_TIMED_SHARED, 0);
    return call_locked(
        &call, EVENT_ACQUIRE_TIMED_SHARED, REAL(pthread_rwlock_clockrdlock)(rwlock, clock, abstime));
}

EXPORT int pthread_rwlock_clockwrlock(
    pthread_rwlock_t *rwlock, clockid_t clock, const struct timespec *abstime)
{
    struct call call;
    if (!call_begin(&call, rwlock, OBJECT_RWLOCK))
        return REAL(pthread_rwlock_clockwrlock)(rwlock, clock, abstime);
    call_event(&call, EVENT_REQUEST_TIMED, 0);
    return call_locked(&call, EVENT_ACQUIRE_TIMED, REAL(pthread_rwlock_clockwrlock)(rwlock, clock, abstime));
}

EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *rwlock)
{
    struct call call;
    if (UNLIKELY(!call_begin_release(&call, rwlock, OBJECT_RWLOCK, rwlock->__data.__cur_writer)))
        return REAL(pthread_rwlock_unlock)(rwlock);
    call_event(&call, EVENT_RELEASE, 0);
    const int rc = REAL(pthread_rwlock_unlock)(rwlock);
    if (UNLIKELY(rc != 0))
        call_event(&call, EVENT_RELEASE_FAILED, rc);
    return rc;
}

EXPORT_ALIAS(__pthread_rwlock_init, pthread_rwlock_init);
EXPORT_ALIAS(__pthread_rwlock_destroy, pthread_rwlock_destroy);
EXPORT_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
EXPORT_ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
EXPORT_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
EXPORT_ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
EXPORT_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
