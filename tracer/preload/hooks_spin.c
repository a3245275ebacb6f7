// SPDX-License-Identifier: MIT
// pthread_spin_*.
#include "record.h"
#include "steer.h"

EXPORT int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
    struct call call;
    const int rc = REAL(pthread_spin_init)(lock, shared);
    if (rc == 0 && call_begin_plain(&call))
        object_init(call.thread, (const void *)lock, OBJECT_SPINLOCK,
            shared == PTHREAD_PROCESS_SHARED ? OBJECT_PROCESS_SHARED : 0, 0, call.stack);
    return rc;
}

EXPORT int pthread_spin_destroy(pthread_spinlock_t *lock)
{
    struct call call;
    if (!call_begin(&call, (const void *)lock, OBJECT_SPINLOCK))
        return REAL(pthread_spin_destroy)(lock);
    const uint64_t token = object_destroy(call.thread, (const void *)lock, OBJECT_SPINLOCK, call.stack);
    const int rc = REAL(pthread_spin_destroy)(lock);
    if (rc != 0)
        object_revive(call.thread, (const void *)lock, token, call.stack, rc);
    return rc;
}

EXPORT int pthread_spin_lock(pthread_spinlock_t *lock)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, (const void *)lock, OBJECT_SPINLOCK)))
        return REAL(pthread_spin_lock)(lock);
    STEER(&call, (const void *)lock, OBJECT_SPINLOCK, false);
    int rc = REAL(pthread_spin_trylock)(lock);
    if (UNLIKELY(rc != 0)) {
        call_event(&call, EVENT_REQUEST, 0);
        rc = REAL(pthread_spin_lock)(lock);
    }
    return call_locked(&call, EVENT_ACQUIRE, rc);
}

EXPORT int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    struct call call;
    if (!call_begin(&call, (const void *)lock, OBJECT_SPINLOCK))
        return REAL(pthread_spin_trylock)(lock);
    return call_locked(&call, EVENT_ACQUIRE_TRY, REAL(pthread_spin_trylock)(lock));
}

EXPORT int pthread_spin_unlock(pthread_spinlock_t *lock)
{
    struct call call;
    if (UNLIKELY(!call_begin(&call, (const void *)lock, OBJECT_SPINLOCK)))
        return REAL(pthread_spin_unlock)(lock);
    call_event(&call, EVENT_RELEASE, 0);
    return REAL(pthread_spin_unlock)(lock);
}
