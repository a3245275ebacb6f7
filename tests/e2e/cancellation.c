// SPDX-License-Identifier: MIT
// cancellation: threads that are cancelled while they wait, with cleanup handlers, and threads whose last destructors
// lock. Prints what happened, which must be the same with and without a tracer.
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t destructor_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t empty;
static _Atomic int waiting, cleanups, destructors;
static pthread_key_t key;

// What compilers call for a C++ thread_local with a destructor.
int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *library);
extern void *__dso_handle;

static struct timespec far_away(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_sec += 60;
    return time;
}

static void unlock_mutex(void *argument)
{
    (void)argument;
    // After a cancelled condition wait the mutex is ours again: this must succeed.
    int error = pthread_mutex_unlock(&mutex);
    atomic_fetch_add(&cleanups, error ? 100 : 1);
}

static void count_cleanup(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&destructor_lock);
    atomic_fetch_add(&cleanups, 1);
    pthread_mutex_unlock(&destructor_lock);
}

static void *wait_cond(void *argument)
{
    int how = *(int *)argument;
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock_mutex, NULL);
    atomic_store(&waiting, 1);
    for (;;) {
        struct timespec until = far_away(how == 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME);
        if (how == 0)
            pthread_cond_wait(&never, &mutex);
        else if (how == 1)
            pthread_cond_timedwait(&never, &mutex, &until);
        else
            pthread_cond_clockwait(&never, &mutex, CLOCK_MONOTONIC, &until);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void *wait_semaphore(void *argument)
{
    int how = *(int *)argument;
    pthread_cleanup_push(count_cleanup, NULL);
    atomic_store(&waiting, 1);
    for (;;) {
        struct timespec until = far_away(how == 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME);
        if (how == 0)
            sem_wait(&empty);
        else if (how == 1)
            sem_timedwait(&empty, &until);
        else
            sem_clockwait(&empty, CLOCK_MONOTONIC, &until);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void *wait_join(void *argument)
{
    pthread_cleanup_push(count_cleanup, NULL);
    atomic_store(&waiting, 1);
    pthread_join(*(pthread_t *)argument, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *sleep_long(void *argument)
{
    (void)argument;
    sleep(60);
    return NULL;
}

// Locking is no cancellation point: the thread must get through it and end only at the test.
static void *pass_locks_then_test(void *argument)
{
    (void)argument;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    atomic_store(&waiting, 1);
    usleep(50000);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    for (int pair = 0; pair < 100; pair++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
        sem_post(&empty);
        sem_trywait(&empty);
    }
    atomic_fetch_add(&cleanups, 1);
    pthread_testcancel();
    atomic_fetch_add(&cleanups, 100);
    return NULL;
}

static void *spin_asynchronously(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    atomic_store(&waiting, 1);
    for (;;)
        ;
    return NULL;
}

static void cancel_and_report(const char *what, void *(*routine)(void *), void *argument)
{
    pthread_t id;
    void *result = NULL;
    atomic_store(&waiting, 0);
    atomic_store(&cleanups, 0);
    int created = pthread_create(&id, NULL, routine, argument);
    while (!atomic_load(&waiting))
        usleep(1000);
    usleep(20000);
    int cancelled = pthread_cancel(id);
    int joined = pthread_join(id, &result);
    printf("%s: create %d, cancel %d, join %d, %s, cleanups %d\n", what, created, cancelled, joined,
        result == PTHREAD_CANCELED ? "cancelled" : "not cancelled", atomic_load(&cleanups));
}

static void lock_in_destructor(void *value)
{
    int *rounds = value;
    pthread_mutex_lock(&destructor_lock);
    atomic_fetch_add(&destructors, 1);
    pthread_mutex_unlock(&destructor_lock);
    // Set again, as libraries do that want to be the last: glibc makes up to four rounds.
    if (--*rounds > 0)
        pthread_setspecific(key, value);
    else
        free(value);
}

static void lock_in_thread_local_destructor(void *object)
{
    (void)object;
    pthread_mutex_lock(&destructor_lock);
    atomic_fetch_add(&destructors, 1000);
    pthread_mutex_unlock(&destructor_lock);
}

static void *end_with_destructors(void *argument)
{
    int *rounds = malloc(sizeof(int));
    *rounds = 4;
    pthread_setspecific(key, rounds);
    __cxa_thread_atexit_impl(lock_in_thread_local_destructor, NULL, &__dso_handle);
    if (argument)
        pthread_exit(argument);
    return NULL;
}

static void report_destructors(const char *what, void *argument)
{
    pthread_t ids[4];
    atomic_store(&destructors, 0);
    for (int index = 0; index < 4; index++)
        pthread_create(&ids[index], NULL, end_with_destructors, argument);
    for (int index = 0; index < 4; index++) {
        void *result = NULL;
        pthread_join(ids[index], &result);
        if (result != argument)
            printf("%s: wrong result\n", what);
    }
    printf("%s: destructors %d\n", what, atomic_load(&destructors));
}

int main(void)
{
    static const char *const names[] = { "plain", "timed", "clock" };
    sem_init(&empty, 0, 0);
    for (int how = 0; how < 3; how++) {
        printf("%s ", names[how]);
        cancel_and_report("condition wait", wait_cond, &how);
        int busy = pthread_mutex_trylock(&mutex);
        printf("mutex afterwards: %d\n", busy);
        if (busy == 0)
            pthread_mutex_unlock(&mutex);
        printf("%s ", names[how]);
        cancel_and_report("semaphore wait", wait_semaphore, &how);
    }
    pthread_t sleeper;
    pthread_create(&sleeper, NULL, sleep_long, NULL);
    cancel_and_report("join", wait_join, &sleeper);
    int cancelled = pthread_cancel(sleeper);
    printf("the joined one: cancel %d, join %d\n", cancelled, pthread_join(sleeper, NULL));
    cancel_and_report("locks", pass_locks_then_test, NULL);
    cancel_and_report("asynchronous", spin_asynchronously, NULL);
    pthread_key_create(&key, lock_in_destructor);
    report_destructors("return", NULL);
    report_destructors("pthread_exit", &key);
    sem_destroy(&empty);
    // The main thread leaves first; the process ends with its last thread.
    pthread_t last;
    pthread_create(&last, NULL, end_with_destructors, NULL);
    pthread_detach(last);
    fflush(stdout);
    pthread_exit(NULL);
}
