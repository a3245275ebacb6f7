// SPDX-License-Identifier: MIT
// interruptions HOW: signals and cancellation that hit a thread in the middle of a call and never let it come back there.
// Prints what happened, which must be the same with and without a tracer.
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define JUMPS 1000
#define PAIRS 20000
#define CANCELLED 100

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore;
static _Atomic int started, jumps, cleanups;
static sigjmp_buf back;

static void jump(int number)
{
    (void)number;
    sem_post(&semaphore);
    siglongjmp(back, 1);
}

static void post_on(void)
{
    for (;;)
        sem_post(&semaphore);
}

// sem_post may be interrupted anywhere and left for good. The calls after that are made from deeper frames.
static void *jump_out(void *argument)
{
    (void)argument;
    if (sigsetjmp(back, 1) == 0)
        atomic_store(&started, 1);
    if (atomic_fetch_add(&jumps, 1) < JUMPS)
        post_on();
    signal(SIGUSR1, SIG_IGN);
    for (int pair = 0; pair < PAIRS; pair++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void jumping(void)
{
    pthread_t id;
    signal(SIGUSR1, jump);
    pthread_create(&id, NULL, jump_out, NULL);
    while (!atomic_load(&started))
        usleep(100);
    while (atomic_load(&jumps) <= JUMPS) {
        pthread_kill(id, SIGUSR1);
        usleep(20);
    }
    pthread_join(id, NULL);
    printf("jumped\n");
}

static void jump_back(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static void clean_up(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    atomic_fetch_add(&cleanups, 1);
    pthread_mutex_unlock(&mutex);
}

static void *post_until_cancelled(void *argument)
{
    (void)argument;
    int old;
    pthread_cleanup_push(clean_up, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    atomic_store(&started, 1);
    post_on();
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancelling(void)
{
    for (int i = 0; i < CANCELLED; i++) {
        pthread_t id;
        atomic_store(&started, 0);
        pthread_create(&id, NULL, post_until_cancelled, NULL);
        while (!atomic_load(&started))
            ;
        usleep(100 + i);
        pthread_cancel(id);
        pthread_join(id, NULL);
    }
    printf("cleanups %d\n", atomic_load(&cleanups));
}

static void nothing(int number)
{
    (void)number;
}

// Locks for a while, and no system call in it lasts longer than 5 ms.
static void ticking(void)
{
    const struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
    signal(SIGALRM, nothing);
    setitimer(ITIMER_REAL, &often, NULL);
    printf("begun\n");
    fflush(stdout);
    for (int pair = 0; pair < 1000 * PAIRS; pair++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    printf("done\n");
}

static void post(int number)
{
    (void)number;
    sem_post(&semaphore);
}

static void *check_signals(void *argument)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    // SIGUSR1 is open to signals, or not, as it was where the thread was created.
    if (sigismember(&set, SIGUSR1) != (argument != NULL) || sigismember(&set, SIGUSR2) ||
        sigismember(&set, SIGALRM))
        atomic_fetch_add(&cleanups, 1);
    return NULL;
}

// A timer's signals go to whatever thread there is, also to one that has hardly begun.
static void tick_often(void)
{
    const struct itimerval often = { { 0, 50 }, { 0, 50 } };
    signal(SIGALRM, post);
    setitimer(ITIMER_REAL, &often, NULL);
}

static void create_and_join(const pthread_attr_t *attributes, bool blocked)
{
    pthread_t id;
    pthread_create(&id, attributes, check_signals, blocked ? &mutex : NULL);
    pthread_join(id, NULL);
}

static void starting(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    tick_often();
    for (int i = 0; i < 1000; i++) {
        create_and_join(NULL, false);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
        create_and_join(NULL, true);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    }
    printf("wrong masks %d\n", atomic_load(&cleanups));
}

static void starting_with_masks(void)
{
    pthread_attr_t attributes;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_attr_init(&attributes);
    pthread_attr_setsigmask_np(&attributes, &set);
    tick_often();
    for (int i = 0; i < 1000; i++)
        create_and_join(&attributes, true);
    printf("wrong masks %d\n", atomic_load(&cleanups));
}

__attribute__((noinline)) static void write_over_the_stack(void)
{
    volatile char bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0x5a;
}

static void *jump_out_of_waits(void *argument)
{
    struct timespec far;
    clock_gettime(CLOCK_REALTIME, &far);
    far.tv_sec += 60;
    pthread_cleanup_push(clean_up, NULL);
    if (sigsetjmp(back, 1) == 0) {
        atomic_store(&started, 1);
        sem_wait(&semaphore);
    }
    write_over_the_stack();
    if (sigsetjmp(back, 1) == 0) {
        atomic_store(&started, 2);
        sem_timedwait(&semaphore, &far);
    }
    write_over_the_stack();
    if (sigsetjmp(back, 1) == 0) {
        atomic_store(&started, 3);
        pthread_join(*(pthread_t *)argument, NULL);
    }
    write_over_the_stack();
    pthread_exit(&jumps);
    pthread_cleanup_pop(0);
    return NULL;
}

// Out of waits, and then out of the thread.
static void jumping_out_of_waits(void)
{
    pthread_t self = pthread_self(), id;
    void *result = NULL;
    signal(SIGUSR1, jump_back);
    pthread_create(&id, NULL, jump_out_of_waits, &self);
    for (int wait = 1; wait <= 3; wait++) {
        while (atomic_load(&started) < wait)
            usleep(1000);
        usleep(50000);
        pthread_kill(id, SIGUSR1);
    }
    pthread_join(id, &result);
    printf("jumped out and left: %d, cleanups %d\n", result == &jumps, atomic_load(&cleanups));
}

// Locks where there is no memory, in a program that is prepared for it.
static void faulting(void)
{
    pthread_mutex_t *volatile no_mutex = NULL;
    pthread_rwlock_t *volatile no_rwlock = (pthread_rwlock_t *)64;
    sem_t *volatile no_semaphore = NULL;
    volatile int caught = 0;
    signal(SIGSEGV, jump_back);
    if (sigsetjmp(back, 1) == 0)
        pthread_mutex_lock(no_mutex);
    else
        caught++;
    if (sigsetjmp(back, 1) == 0)
        pthread_rwlock_rdlock(no_rwlock);
    else
        caught++;
    if (sigsetjmp(back, 1) == 0)
        sem_post(no_semaphore);
    else
        caught++;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    printf("caught %d\n", caught);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    alarm(60);
    sem_init(&semaphore, 0, 0);
    if (strcmp(how, "jump") == 0)
        jumping();
    else if (strcmp(how, "jump-wait") == 0)
        jumping_out_of_waits();
    else if (strcmp(how, "cancel") == 0)
        cancelling();
    else if (strcmp(how, "ticks") == 0)
        ticking();
    else if (strcmp(how, "start") == 0)
        starting();
    else if (strcmp(how, "start-masked") == 0)
        starting_with_masks();
    else if (strcmp(how, "fault") == 0)
        faulting();
    else
        return 2;
    return 0;
}
