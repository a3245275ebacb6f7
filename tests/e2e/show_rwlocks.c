// SPDX-License-Identifier: MIT
// Return values of rwlocks and spinlocks.
#include "show.h"

static pthread_rwlock_t rwlock;
static pthread_spinlock_t spinlock;
static const struct timespec bad_time = { 0, -1 };

static void *as_another(void *argument)
{
    (void)argument;
    // While it is held as a writer all of these fail; as a reader, readers get in.
    int got[6];
    got[0] = pthread_rwlock_tryrdlock(&rwlock);
    got[1] = pthread_rwlock_trywrlock(&rwlock);
    got[2] = pthread_rwlock_timedrdlock(&rwlock, show_until(CLOCK_REALTIME, 10));
    got[3] = pthread_rwlock_timedwrlock(&rwlock, show_until(CLOCK_REALTIME, 10));
    got[4] = pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 10));
    got[5] = pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 10));
    for (int index = 0; index < 6; index++) {
        printf("another: %d\n", got[index]);
        if (got[index] == 0)
            SHOW(pthread_rwlock_unlock(&rwlock));
    }
    SHOW(pthread_rwlock_timedrdlock(&rwlock, &bad_time));
    SHOW(pthread_rwlock_timedwrlock(&rwlock, &bad_time));
    SHOW(pthread_rwlock_clockwrlock(&rwlock, CLOCK_PROCESS_CPUTIME_ID, show_until(CLOCK_MONOTONIC, 10)));
    return NULL;
}

static void show_rwlock(int kind, int shared)
{
    printf("-- rwlock kind %d shared %d\n", kind, shared);
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    SHOW(pthread_rwlockattr_setkind_np(&attributes, kind));
    SHOW(pthread_rwlockattr_setpshared(&attributes, shared));
    SHOW(pthread_rwlock_init(&rwlock, &attributes));
    SHOW(pthread_rwlockattr_destroy(&attributes));
    show_in_thread(as_another, NULL);
    SHOW(pthread_rwlock_rdlock(&rwlock));
    SHOW(pthread_rwlock_rdlock(&rwlock));
    SHOW(pthread_rwlock_tryrdlock(&rwlock));
    SHOW(pthread_rwlock_trywrlock(&rwlock));
    SHOW(pthread_rwlock_timedwrlock(&rwlock, show_until(CLOCK_REALTIME, 10)));
    show_in_thread(as_another, NULL);
    SHOW(pthread_rwlock_unlock(&rwlock));
    SHOW(pthread_rwlock_unlock(&rwlock));
    SHOW(pthread_rwlock_unlock(&rwlock));
    SHOW(pthread_rwlock_wrlock(&rwlock));
    // Held by the caller as a writer: glibc notices.
    SHOW(pthread_rwlock_wrlock(&rwlock));
    SHOW(pthread_rwlock_rdlock(&rwlock));
    SHOW(pthread_rwlock_tryrdlock(&rwlock));
    SHOW(pthread_rwlock_timedrdlock(&rwlock, show_until(CLOCK_REALTIME, 10)));
    show_in_thread(as_another, NULL);
    SHOW(pthread_rwlock_unlock(&rwlock));
    SHOW(pthread_rwlock_destroy(&rwlock));
}

static void *try_spinlock(void *argument)
{
    (void)argument;
    SHOW(pthread_spin_trylock(&spinlock));
    return NULL;
}

void show_rwlocks_and_spinlocks(void)
{
    for (int shared = PTHREAD_PROCESS_PRIVATE; shared <= PTHREAD_PROCESS_SHARED; shared++) {
        show_rwlock(PTHREAD_RWLOCK_PREFER_READER_NP, shared);
        show_rwlock(PTHREAD_RWLOCK_PREFER_WRITER_NP, shared);
        show_rwlock(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, shared);
    }
    SHOW(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    SHOW(pthread_spin_lock(&spinlock));
    SHOW(pthread_spin_trylock(&spinlock));
    show_in_thread(try_spinlock, NULL);
    SHOW(pthread_spin_unlock(&spinlock));
    SHOW(pthread_spin_trylock(&spinlock));
    SHOW(pthread_spin_unlock(&spinlock));
    SHOW(pthread_spin_destroy(&spinlock));
}
