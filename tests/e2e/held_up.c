// SPDX-License-Identifier: MIT
// held_up RESULTS: two locks in both orders, in threads that an atomic keeps apart, so that no timing leads into a deadlock.
// While the first thread takes its second lock it gets a signal, a fork goes on beside it and it is cancelled; all that it
// can notice of having been held up there must be what glibc promises. Appends a line to RESULTS for each run.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static atomic_int handled, cleaned, about_to_lock, asked, over, again, own_errno;

static void nap(int milliseconds)
{
    struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&left, &left) != 0)
        ;
}

static void await(atomic_int *flag)
{
    while (!atomic_load(flag))
        nap(1);
}

static void handler(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

static void clean(void *unused)
{
    (void)unused;
    atomic_fetch_add(&cleaned, 1);
    pthread_mutex_unlock(&second);
    pthread_mutex_unlock(&first);
    atomic_store(&over, 1);
}

// One call, at which the thread comes by twice: the second time it has the lock, and is told so at once.
__attribute__((noinline)) static int take(pthread_mutex_t *mutex)
{
    return pthread_mutex_lock(mutex);
}

static void *forwards(void *unused)
{
    int result = 0;
    (void)unused;
    pthread_mutex_lock(&first);
    errno = 77;
    atomic_store(&about_to_lock, 1);
    for (int round = 0; round < 2; round++)
        result = take(&second);
    atomic_store(&again, result);
    atomic_store(&own_errno, errno);
    pthread_cleanup_push(clean, NULL);
    await(&asked);
    for (;;)
        pthread_testcancel();
    pthread_cleanup_pop(0);
    return NULL;
}

static void *backwards(void *unused)
{
    (void)unused;
    await(&over);
    pthread_mutex_lock(&second);
    pthread_mutex_lock(&first);
    pthread_mutex_unlock(&first);
    pthread_mutex_unlock(&second);
    return NULL;
}

static bool deadline_is_kept(void)
{
    struct timespec begun, until, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    until = (struct timespec){ begun.tv_sec + 1, begun.tv_nsec };
    const int result = pthread_mutex_clocklock(&first, CLOCK_MONOTONIC, &until);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    const double seconds =
        (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
    return result == ETIMEDOUT && seconds >= 1.0 && seconds < 1.9;
}

static int fork_and_lock(void)
{
    int status = -1;
    const pid_t child = fork();
    if (child == 0) {
        pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
        _exit(take(&own));
    }
    waitpid(child, &status, 0);
    return status;
}

int main(int count, char **arguments)
{
    pthread_t one, two;
    void *ended_as = NULL;

    if (count < 2)
        return 2;
    signal(SIGUSR1, handler);
    pthread_create(&one, NULL, forwards, NULL);
    pthread_create(&two, NULL, backwards, NULL);
    await(&about_to_lock);
    nap(100);
    pthread_kill(one, SIGUSR1);
    const bool kept = deadline_is_kept();
    const int child = fork_and_lock();
    pthread_cancel(one);
    atomic_store(&asked, 1);
    pthread_join(one, &ended_as);
    pthread_join(two, NULL);
    FILE *results = fopen(arguments[1], "a");
    fprintf(results, "handled %d, child %d, deadline kept %d, errno %d, again %d, cleaned %d, cancelled %d\n",
        atomic_load(&handled), child, kept, atomic_load(&own_errno), atomic_load(&again) == EDEADLK,
        atomic_load(&cleaned), ended_as == PTHREAD_CANCELED);
    return fclose(results);
}
