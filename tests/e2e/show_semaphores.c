// SPDX-License-Identifier: MIT
// Return values of semaphores, unnamed and named, also interrupted by a signal.
#include "show.h"

#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static sem_t semaphore;

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

static void interrupt_soon(void)
{
    struct itimerval once = { { 0, 0 }, { 0, 20000 } };
    setitimer(ITIMER_REAL, &once, NULL);
}

static void show_waits(void)
{
    const struct timespec bad_time = { 0, 1000000000 };
    int value = -1;
    SHOW(sem_init(&semaphore, 0, 2));
    SHOW(sem_wait(&semaphore));
    SHOW(sem_timedwait(&semaphore, &bad_time));
    SHOW(sem_trywait(&semaphore));
    SHOW(sem_timedwait(&semaphore, show_until(CLOCK_REALTIME, 20)));
    SHOW(sem_timedwait(&semaphore, show_until(CLOCK_REALTIME, -20)));
    SHOW(sem_timedwait(&semaphore, &bad_time));
    SHOW(sem_clockwait(&semaphore, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 20)));
    SHOW(sem_clockwait(&semaphore, CLOCK_PROCESS_CPUTIME_ID, show_until(CLOCK_MONOTONIC, 20)));
    SHOW(sem_post(&semaphore));
    SHOW(sem_getvalue(&semaphore, &value));
    printf("value %d\n", value);
    SHOW(sem_clockwait(&semaphore, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 20)));
    interrupt_soon();
    SHOW(sem_wait(&semaphore));
    interrupt_soon();
    SHOW(sem_timedwait(&semaphore, show_until(CLOCK_REALTIME, 5000)));
    interrupt_soon();
    SHOW(sem_clockwait(&semaphore, CLOCK_MONOTONIC, show_until(CLOCK_MONOTONIC, 5000)));
    SHOW(sem_destroy(&semaphore));
    SHOW(sem_init(&semaphore, 1, SEM_VALUE_MAX));
    SHOW(sem_post(&semaphore));
    SHOW(sem_destroy(&semaphore));
    SHOW(sem_init(&semaphore, 0, (unsigned)SEM_VALUE_MAX + 1));
}

static void show_named(void)
{
    char name[64];
    snprintf(name, sizeof(name), "/trenza-test-%d", (int)getpid());
    int value = -1;
    SHOW(sem_open(name, 0) == SEM_FAILED);
    errno = SHOW_ERRNO;
    sem_t *first = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    printf("created %d\n", first != SEM_FAILED);
    SHOW(sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
    sem_t *second = sem_open(name, O_CREAT, 0600, 7);
    printf("the same %d\n", first == second);
    SHOW(sem_wait(first));
    SHOW(sem_trywait(second));
    SHOW(sem_post(second));
    SHOW(sem_getvalue(first, &value));
    printf("value %d\n", value);
    SHOW(sem_close(second));
    SHOW(sem_wait(first));
    SHOW(sem_unlink(name));
    SHOW(sem_unlink(name));
    SHOW(sem_post(first));
    SHOW(sem_close(first));
    SHOW(sem_open("/", O_CREAT, 0600, 1) == SEM_FAILED);
    SHOW(sem_open("/trenza/too/deep", O_CREAT, 0600, 1) == SEM_FAILED);
    SHOW(sem_open("/trenza-bad-value", O_CREAT, 0600, (unsigned)SEM_VALUE_MAX + 1) == SEM_FAILED);
}

void show_semaphores(void)
{
    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &action, NULL);
    show_waits();
    show_named();
}
