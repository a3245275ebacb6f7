// SPDX-License-Identifier: MIT
// Prints what a call returned and what it did to errno, for comparison with another run of the same program.
#ifndef TRENZA_TESTS_SHOW_H
#define TRENZA_TESTS_SHOW_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define SHOW_ERRNO 4242 // no error has this number: a call that leaves errno alone leaves this

#define SHOW(call)                                                                                           \
    do {                                                                                                     \
        errno = SHOW_ERRNO;                                                                                  \
        long show_result = (long)(call);                                                                     \
        int show_errno = errno;                                                                              \
        printf("%s: %ld%s", #call, show_result, show_errno == SHOW_ERRNO ? "\n" : " ");                      \
        if (show_errno != SHOW_ERRNO)                                                                        \
            printf("errno %d\n", show_errno);                                                                \
    } while (0)

static inline struct timespec show_soon(clockid_t clock, long milliseconds)
{
    struct timespec time;
    clock_gettime(clock, &time);
    long long ns = time.tv_sec * 1000000000LL + time.tv_nsec + milliseconds * 1000000LL;
    time.tv_sec = ns / 1000000000;
    time.tv_nsec = ns % 1000000000;
    return time;
}

static inline const struct timespec *show_until(clockid_t clock, long milliseconds)
{
    static __thread struct timespec until;
    until = show_soon(clock, milliseconds);
    return &until;
}

// Runs routine(argument) in a thread of its own and waits for its end: for calls as "somebody else".
static inline void show_in_thread(void *(*routine)(void *), void *argument)
{
    pthread_t id;
    if (pthread_create(&id, NULL, routine, argument) == 0)
        pthread_join(id, NULL);
}

void show_mutexes(void);
void show_rwlocks_and_spinlocks(void);
void show_conditions_and_barriers(void);
void show_semaphores(void);
void show_threads(void);
void show_c11(void);

#endif
