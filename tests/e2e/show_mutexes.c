// SPDX-License-Identifier: MIT
// Return values of mutexes: every type, protocol and robustness, by owner, by another thread and in wrong states.
#include "show.h"

static pthread_mutex_t mutex;
static const struct timespec bad_time = { 0, 1000000000 };

static void *as_another(void *argument)
{
    (void)argument;
    SHOW(pthread_mutex_trylock(&mutex));
    SHOW(pthread_mutex_timedlock(&mutex, show_until(CLOCK_REALTIME, 10)));
    SHOW(pthread_mutex_timedlock(&mutex, show_until(CLOCK_REALTIME, -10)));
    SHOW(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 10)));
    SHOW(pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, show_until(CLOCK_REALTIME, 10)));
    SHOW(pthread_mutex_timedlock(&mutex, &bad_time));
    SHOW(pthread_mutex_destroy(&mutex));
    return NULL;
}

static void *unlock_of_another(void *argument)
{
    (void)argument;
    SHOW(pthread_mutex_unlock(&mutex));
    return NULL;
}

static void *lock_free_one(void *argument)
{
    (void)argument;
    SHOW(pthread_mutex_lock(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_mutex_trylock(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_mutex_timedlock(&mutex, show_until(CLOCK_REALTIME, 10)));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_mutex_timedlock(&mutex, &bad_time));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 10)));
    SHOW(pthread_mutex_unlock(&mutex));
    return NULL;
}

static void show_type(int type, int protocol, int robust, int shared)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    SHOW(pthread_mutexattr_settype(&attributes, type));
    SHOW(pthread_mutexattr_setprotocol(&attributes, protocol));
    SHOW(pthread_mutexattr_setrobust(&attributes, robust));
    SHOW(pthread_mutexattr_setpshared(&attributes, shared));
    SHOW(pthread_mutex_init(&mutex, &attributes));
    SHOW(pthread_mutexattr_destroy(&attributes));
    show_in_thread(lock_free_one, NULL);
    SHOW(pthread_mutex_lock(&mutex));
    show_in_thread(as_another, NULL);
    if (type != PTHREAD_MUTEX_NORMAL) {
        // A second time by the owner: counts, fails, or (default and adaptive types, timed) waits for nobody.
        if (type != PTHREAD_MUTEX_ADAPTIVE_NP || protocol == PTHREAD_PRIO_INHERIT || robust)
            SHOW(pthread_mutex_trylock(&mutex));
        if (type == PTHREAD_MUTEX_RECURSIVE) {
            SHOW(pthread_mutex_lock(&mutex));
            SHOW(pthread_mutex_unlock(&mutex));
            SHOW(pthread_mutex_unlock(&mutex));
        }
        if (type == PTHREAD_MUTEX_ERRORCHECK)
            SHOW(pthread_mutex_lock(&mutex));
    }
    SHOW(pthread_mutex_timedlock(&mutex, show_until(CLOCK_REALTIME, 10)));
    if (type == PTHREAD_MUTEX_RECURSIVE)
        SHOW(pthread_mutex_unlock(&mutex));
    if (type == PTHREAD_MUTEX_ERRORCHECK || type == PTHREAD_MUTEX_RECURSIVE || robust)
        show_in_thread(unlock_of_another, NULL);
    SHOW(pthread_mutex_consistent(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    if (type == PTHREAD_MUTEX_ERRORCHECK || type == PTHREAD_MUTEX_RECURSIVE || robust)
        SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_mutex_destroy(&mutex));
    SHOW(pthread_mutex_destroy(&mutex));
}

static void show_priority_ceiling(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    SHOW(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT));
    SHOW(pthread_mutexattr_setprioceiling(&attributes, 1));
    SHOW(pthread_mutex_init(&mutex, &attributes));
    int ceiling = 0;
    SHOW(pthread_mutex_getprioceiling(&mutex, &ceiling));
    SHOW(pthread_mutex_destroy(&mutex));
    SHOW(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    SHOW(pthread_mutex_init(&mutex, &attributes));
    SHOW(pthread_mutexattr_destroy(&attributes));
}

void show_mutexes(void)
{
    static const int types[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
        PTHREAD_MUTEX_ADAPTIVE_NP };
    for (unsigned type = 0; type < 4; type++)
        for (int protocol = PTHREAD_PRIO_NONE; protocol <= PTHREAD_PRIO_INHERIT; protocol++)
            for (int robust = PTHREAD_MUTEX_STALLED; robust <= PTHREAD_MUTEX_ROBUST; robust++)
                for (int shared = PTHREAD_PROCESS_PRIVATE; shared <= PTHREAD_PROCESS_SHARED; shared++) {
                    printf("-- mutex type %d protocol %d robust %d shared %d\n", types[type], protocol,
                        robust, shared);
                    show_type(types[type], protocol, robust, shared);
                }
    show_priority_ceiling();
    static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    SHOW(pthread_mutex_lock(&recursive));
    SHOW(pthread_mutex_lock(&recursive));
    SHOW(pthread_mutex_unlock(&recursive));
    SHOW(pthread_mutex_unlock(&recursive));
    SHOW(pthread_mutex_unlock(&recursive));
    static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    SHOW(pthread_mutex_unlock(&checking));
    SHOW(pthread_mutex_lock(&checking));
    SHOW(pthread_mutex_lock(&checking));
    SHOW(pthread_mutex_unlock(&checking));
}
