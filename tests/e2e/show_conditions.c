// SPDX-License-Identifier: MIT
// Return values of conditions and barriers, of pthread_once, and who gets which.
#include "show.h"

#include <stdatomic.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static _Atomic int serial_threads, barrier_errors, once_runs;
static int woken;

static void *wake(void *argument)
{
    pthread_mutex_t *of = argument;
    pthread_mutex_lock(of);
    woken = 1;
    SHOW(pthread_cond_signal(&cond));
    pthread_mutex_unlock(of);
    return NULL;
}

static void wait_to_be_woken(pthread_mutex_t *of, int how)
{
    pthread_t id;
    woken = 0;
    pthread_mutex_lock(of);
    pthread_create(&id, NULL, wake, of);
    int result = 0;
    while (!woken)
        if (how == 0)
            result = pthread_cond_wait(&cond, of);
        else if (how == 1)
            result = pthread_cond_timedwait(&cond, of, show_until(CLOCK_REALTIME, 5000));
        else
            result = pthread_cond_clockwait(&cond, of, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 5000));
    printf("woken: %d\n", result);
    SHOW(pthread_mutex_unlock(of));
    pthread_join(id, NULL);
}

static void show_conditions(void)
{
    const struct timespec bad_time = { 0, 1000000000 };
    SHOW(pthread_cond_signal(&cond));
    SHOW(pthread_cond_broadcast(&cond));
    for (int how = 0; how < 3; how++) {
        wait_to_be_woken(&mutex, how);
        wait_to_be_woken(&checking, how);
        wait_to_be_woken(&recursive, how);
    }
    pthread_mutex_lock(&mutex);
    SHOW(pthread_cond_timedwait(&cond, &mutex, show_until(CLOCK_REALTIME, 20)));
    SHOW(pthread_cond_timedwait(&cond, &mutex, show_until(CLOCK_REALTIME, -20)));
    SHOW(pthread_cond_timedwait(&cond, &mutex, &bad_time));
    SHOW(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 20)));
    SHOW(pthread_cond_clockwait(&cond, &mutex, CLOCK_PROCESS_CPUTIME_ID, show_until(CLOCK_MONOTONIC, 20)));
    SHOW(pthread_mutex_unlock(&mutex));
    // Not the owner of an error-checking mutex: refused at once.
    SHOW(pthread_cond_wait(&cond, &checking));
    SHOW(pthread_cond_timedwait(&cond, &checking, show_until(CLOCK_REALTIME, 20)));
    SHOW(pthread_cond_destroy(&cond));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    SHOW(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    SHOW(pthread_cond_init(&cond, &attributes));
    SHOW(pthread_condattr_destroy(&attributes));
    pthread_mutex_lock(&mutex);
    SHOW(pthread_cond_timedwait(&cond, &mutex, show_until(CLOCK_MONOTONIC, 20)));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_cond_destroy(&cond));
    SHOW(pthread_cond_init(&cond, NULL));
    SHOW(pthread_cond_destroy(&cond));
}

static void *arrive(void *argument)
{
    for (int round = 0; round < 50; round++) {
        int result = pthread_barrier_wait(&barrier);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&serial_threads, 1);
        else if (result != 0)
            atomic_fetch_add(&barrier_errors, 1);
    }
    return argument;
}

static void show_barriers(void)
{
    SHOW(pthread_barrier_init(&barrier, NULL, 0));
    SHOW(pthread_barrier_init(&barrier, NULL, 1));
    SHOW(pthread_barrier_wait(&barrier));
    SHOW(pthread_barrier_destroy(&barrier));
    SHOW(pthread_barrier_init(&barrier, NULL, 4));
    pthread_t ids[4];
    for (int index = 0; index < 4; index++)
        pthread_create(&ids[index], NULL, arrive, NULL);
    for (int index = 0; index < 4; index++)
        pthread_join(ids[index], NULL);
    printf("serial threads %d, errors %d\n", serial_threads, barrier_errors);
    SHOW(pthread_barrier_destroy(&barrier));
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_once_t cancelled_once = PTHREAD_ONCE_INIT;

static void run_once(void)
{
    struct timespec pause = { 0, 20000000 };
    nanosleep(&pause, NULL);
    atomic_fetch_add(&once_runs, 1);
}

static void *call_once_routine(void *argument)
{
    (void)argument;
    return (void *)(long)pthread_once(&once, run_once);
}

static void be_cancelled_once(void)
{
    atomic_fetch_add(&once_runs, 100);
    pthread_cancel(pthread_self());
    pthread_testcancel();
}

static void *call_cancelled_once(void *argument)
{
    (void)argument;
    pthread_once(&cancelled_once, be_cancelled_once);
    return NULL;
}

static void show_once(void)
{
    pthread_t ids[4];
    for (int index = 0; index < 4; index++)
        pthread_create(&ids[index], NULL, call_once_routine, NULL);
    for (int index = 0; index < 4; index++) {
        void *result = NULL;
        pthread_join(ids[index], &result);
        printf("once: %ld\n", (long)result);
    }
    SHOW(pthread_once(&once, run_once));
    // A routine that is cancelled has not run: the next call runs it again.
    show_in_thread(call_cancelled_once, NULL);
    SHOW(pthread_once(&cancelled_once, run_once));
    printf("once runs %d\n", once_runs);
}

void show_conditions_and_barriers(void)
{
    show_conditions();
    show_barriers();
    show_once();
}
