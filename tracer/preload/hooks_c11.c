// SPDX-License-Identifier: MIT
// <threads.h>: in glibc these do not pass through the pthread symbols, though mtx_t is a pthread_mutex_t inside and
// cnd_t a pthread_cond_t. (call_once is beside pthread_once, thrd_* beside pthread_create.)
#include "record.h"
#include "steer.h"

static int error_of(int result)
{
    switch (result) {
    case thrd_success:
        return 0;
    case thrd_busy:
        return EBUSY;
    case thrd_timedout:
        return ETIMEDOUT;
    case thrd_nomem:
        return ENOMEM;
    default:
        return EINVAL;
    }
}

static int locked(const struct call *call, enum event_kind acquired, int result)
{
    call_locked(call, acquired, error_of(result));
    return result;
}

EXPORT int mtx_init(mtx_t *mutex, int type)
{
    struct call call;
    const int result = REAL(mtx_init)(mutex, type);
    if (result == thrd_success && call_begin_plain(&call))
        object_init(call.thread, mutex, OBJECT_MUTEX, OBJECT_C11, 0, call.stack);
    return result;
}

EXPORT void mtx_destroy(mtx_t *mutex)
{
    struct call call;
    if (call_begin(&call, mutex, OBJECT_MUTEX))
        object_destroy(call.thread, mutex, OBJECT_MUTEX, call.stack);
    REAL(mtx_destroy)(mutex);
}

EXPORT int mtx_lock(mtx_t *mutex)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, mutex, OBJECT_MUTEX)))
        return REAL(mtx_lock)(mutex);
    STEER(&call, mutex, OBJECT_MUTEX, false);
    int result = REAL(mtx_trylock)(mutex);
    if (UNLIKELY(result != thrd_success)) {
        call_event(&call, EVENT_REQUEST, 0);
        result = REAL(mtx_lock)(mutex);
    }
    return locked(&call, EVENT_ACQUIRE, result);
}

EXPORT int mtx_trylock(mtx_t *mutex)
{
    struct call call;
    if (!call_begin(&call, mutex, OBJECT_MUTEX))
        return REAL(mtx_trylock)(mutex);
    return locked(&call, EVENT_ACQUIRE_TRY, REAL(mtx_trylock)(mutex));
}

EXPORT int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict abstime)
{
    struct call call;
    if (!call_begin(&call, mutex, OBJECT_MUTEX))
        return REAL(mtx_timedlock)(mutex, abstime);
    call_event(&call, EVENT_REQUEST_TIMED, 0);
    return locked(&call, EVENT_ACQUIRE_TIMED, REAL(mtx_timedlock)(mutex, abstime));
}

EXPORT int mtx_unlock(mtx_t *mutex)
{
    struct call call;
    if (UNLIKELY(!call_begin_release(
            &call, mutex, OBJECT_MUTEX, ((const pthread_mutex_t *)mutex)->__data.__owner)))
        return REAL(mtx_unlock)(mutex);
    call_event(&call, EVENT_RELEASE, 0);
    const int result = REAL(mtx_unlock)(mutex);
    if (UNLIKELY(result != thrd_success))
        call_event(&call, EVENT_RELEASE_FAILED, error_of(result));
    return result;
}

EXPORT int cnd_init(cnd_t *cond)
{
    struct call call;
    const int result = REAL(cnd_init)(cond);
    if (result == thrd_success && call_begin_plain(&call))
        object_init(call.thread, cond, OBJECT_COND, OBJECT_C11, 0, call.stack);
    return result;
}

EXPORT void cnd_destroy(cnd_t *cond)
{
    struct call call;
    if (call_begin(&call, cond, OBJECT_COND))
        object_destroy(call.thread, cond, OBJECT_COND, call.stack);
    REAL(cnd_destroy)(cond);
}

EXPORT int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    struct wait wait;
    if (!wait_begin(&wait, cond, mutex, false))
        return REAL(cnd_wait)(cond, mutex);
    int result;
    CLEANUP_PUSH(wait_cancelled, &wait);
    result = REAL(cnd_wait)(cond, mutex);
    CLEANUP_POP();
    wait_event(&wait, EVENT_COND_WAKE, 0, error_of(result));
    return result;
}

EXPORT int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict abstime)
{
    struct wait wait;
    if (!wait_begin(&wait, cond, mutex, true))
        return REAL(cnd_timedwait)(cond, mutex, abstime);
    int result;
    CLEANUP_PUSH(wait_cancelled, &wait);
    result = REAL(cnd_timedwait)(cond, mutex, abstime);
    CLEANUP_POP();
    wait_event(&wait, EVENT_COND_WAKE, 0, error_of(result));
    return result;
}

EXPORT int cnd_signal(cnd_t *cond)
{
    struct call call;
    if (call_begin(&call, cond, OBJECT_COND))
        call_event(&call, EVENT_COND_SIGNAL, 0);
    return REAL(cnd_signal)(cond);
}

EXPORT int cnd_broadcast(cnd_t *cond)
{
    struct call call;
    if (call_begin(&call, cond, OBJECT_COND))
        call_event(&call, EVENT_COND_BROADCAST, 0);
    return REAL(cnd_broadcast)(cond);
}
