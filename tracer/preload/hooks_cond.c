// SPDX-License-Identifier: MIT
// pthread_cond_*: the functions of GLIBC_2.3.2, and the older ones that very old programs name (GLIBC_2.2.5: another
// layout of the condition), which are only forwarded. The wait releases and takes its mutex inside glibc, where no hook
// sees it: COND_WAIT and COND_WAKE stand for that. A cancelled wait takes its mutex too, and tells so on its way out.
#include "record.h"

#define NEW_COND(name) __asm__(".symver " #name "_2_3_2, " #name "@@GLIBC_2.3.2")
#define OLD_COND(name) __asm__(".symver " #name "_2_2_5, " #name "@GLIBC_2.2.5")

int pthread_cond_init_2_3_2(pthread_cond_t *restrict cond, const pthread_condattr_t *restrict attributes);
int pthread_cond_destroy_2_3_2(pthread_cond_t *cond);
int pthread_cond_wait_2_3_2(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex);
int pthread_cond_timedwait_2_3_2(
    pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, const struct timespec *restrict abstime);
int pthread_cond_signal_2_3_2(pthread_cond_t *cond);
int pthread_cond_broadcast_2_3_2(pthread_cond_t *cond);

EXPORT int pthread_cond_init_2_3_2(
    pthread_cond_t *restrict cond, const pthread_condattr_t *restrict attributes)
{
    struct call call;
    const int rc = REAL(pthread_cond_init)(cond, attributes);
    if (rc == 0 && call_begin_plain(&call))
        object_init(call.thread, cond, OBJECT_COND, 0, 0, call.stack);
    return rc;
}
NEW_COND(pthread_cond_init);

EXPORT int pthread_cond_destroy_2_3_2(pthread_cond_t *cond)
{
    struct call call;
    if (!call_begin(&call, cond, OBJECT_COND))
        return REAL(pthread_cond_destroy)(cond);
    const uint64_t token = object_destroy(call.thread, cond, OBJECT_COND, call.stack);
    const int rc = REAL(pthread_cond_destroy)(cond);
    if (rc != 0)
        object_revive(call.thread, cond, token, call.stack, rc);
    return rc;
}
NEW_COND(pthread_cond_destroy);

EXPORT int pthread_cond_wait_2_3_2(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex)
{
    struct wait wait;
    if (!wait_begin(&wait, cond, mutex, false))
        return REAL(pthread_cond_wait)(cond, mutex);
    int rc;
    CLEANUP_PUSH(wait_cancelled, &wait);
    rc = REAL(pthread_cond_wait)(cond, mutex);
    CLEANUP_POP();
    wait_event(&wait, EVENT_COND_WAKE, 0, rc);
    return rc;
}
NEW_COND(pthread_cond_wait);

EXPORT int pthread_cond_timedwait_2_3_2(
    pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, const struct timespec *restrict abstime)
{
    struct wait wait;
    if (!wait_begin(&wait, cond, mutex, true))
        return REAL(pthread_cond_timedwait)(cond, mutex, abstime);
    int rc;
    CLEANUP_PUSH(wait_cancelled, &wait);
    rc = REAL(pthread_cond_timedwait)(cond, mutex, abstime);
    CLEANUP_POP();
    wait_event(&wait, EVENT_COND_WAKE, 0, rc);
    return rc;
}
NEW_COND(pthread_cond_timedwait);

EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
    clockid_t clock, const struct timespec *restrict abstime)
{
    struct wait wait;
    if (!wait_begin(&wait, cond, mutex, true))
        return REAL(pthread_cond_clockwait)(cond, mutex, clock, abstime);
    int rc;
    CLEANUP_PUSH(wait_cancelled, &wait);
    rc = REAL(pthread_cond_clockwait)(cond, mutex, clock, abstime);
    CLEANUP_POP();
    wait_event(&wait, EVENT_COND_WAKE, 0, rc);
    return rc;
}

EXPORT int pthread_cond_signal_2_3_2(pthread_cond_t *cond)
{
    struct call call;
    if (call_begin(&call, cond, OBJECT_COND))
        call_event(&call, EVENT_COND_SIGNAL, 0);
    return REAL(pthread_cond_signal)(cond);
}
NEW_COND(pthread_cond_signal);

EXPORT int pthread_cond_broadcast_2_3_2(pthread_cond_t *cond)
{
    struct call call;
    if (call_begin(&call, cond, OBJECT_COND))
        call_event(&call, EVENT_COND_BROADCAST, 0);
    return REAL(pthread_cond_broadcast)(cond);
}
NEW_COND(pthread_cond_broadcast);

// --- GLIBC_2.2.5 ---

// The old functions, looked up when one is first called: no program of the last twenty years does.
#define OLD_FORWARD(name, parameters, arguments)                                                             \
    int name##_2_2_5 parameters;                                                                             \
    EXPORT int name##_2_2_5 parameters                                                                       \
    {                                                                                                        \
        static int(*_Atomic old) parameters;                                                                 \
        int(*function) parameters = atomic_load(&old);                                                       \
        if (function == NULL) {                                                                              \
            function = (int(*) parameters)dlvsym(RTLD_NEXT, #name, "GLIBC_2.2.5");                           \
            atomic_store(&old, function);                                                                    \
        }                                                                                                    \
        return function arguments;                                                                           \
    }                                                                                                        \
    OLD_COND(name)

OLD_FORWARD(pthread_cond_init, (void *cond, const void *attributes), (cond, attributes));
OLD_FORWARD(pthread_cond_destroy, (void *cond), (cond));
OLD_FORWARD(pthread_cond_wait, (void *cond, void *mutex), (cond, mutex));
OLD_FORWARD(pthread_cond_timedwait, (void *cond, void *mutex, const void *abstime), (cond, mutex, abstime));
OLD_FORWARD(pthread_cond_signal, (void *cond), (cond));
OLD_FORWARD(pthread_cond_broadcast, (void *cond), (cond));
