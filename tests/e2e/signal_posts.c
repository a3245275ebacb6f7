// SPDX-License-Identifier: MIT
// signal_posts: a timer fires a thousand times a second; its handler, which may interrupt any of the threads anywhere,
// also inside a lock call, posts a semaphore. Three threads lock, one waits for the posts. No post may get lost.
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>

#define WORKERS 3
#define POSTS 1500

static pthread_mutex_t locks[WORKERS] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER };
static pthread_mutex_t common = PTHREAD_MUTEX_INITIALIZER;
static sem_t posts;
static _Atomic unsigned posts_done;
static _Atomic int handler_broke_errno, stop;

static void on_timer(int signal_number)
{
    (void)signal_number;
    errno = EDOM;
    if (sem_post(&posts) != 0 || errno != EDOM)
        atomic_store(&handler_broke_errno, 1);
    atomic_fetch_add(&posts_done, 1);
}

static void *worker(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    for (unsigned round = 0; !atomic_load(&stop); round++) {
        pthread_mutex_lock(&locks[index]);
        pthread_mutex_lock(&common);
        pthread_mutex_unlock(&common);
        pthread_mutex_unlock(&locks[index]);
        // Most of the time between the locks, so that the trace stays small; the signals still meet every place.
        for (volatile unsigned spin = 0; spin < 20000; spin++)
            ;
    }
    return NULL;
}

int main(void)
{
    sem_init(&posts, 0, 0);
    struct sigaction action = { .sa_handler = on_timer, .sa_flags = SA_RESTART };
    sigaction(SIGALRM, &action, NULL);
    pthread_t ids[WORKERS];
    for (uintptr_t index = 0; index < WORKERS; index++)
        if (pthread_create(&ids[index], NULL, worker, (void *)index) != 0)
            return 3;
    // The workers shall be met by the signals, not this thread, which would otherwise take most of them.
    sigset_t timer;
    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &timer, NULL);
    struct itimerval interval = { { 0, 1000 }, { 0, 1000 } };
    setitimer(ITIMER_REAL, &interval, NULL);
    for (unsigned got = 0; got < POSTS; got++)
        while (sem_wait(&posts) != 0)
            if (errno != EINTR)
                return 4;
    struct itimerval never = { { 0, 0 }, { 0, 0 } };
    setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&stop, 1);
    for (int index = 0; index < WORKERS; index++)
        pthread_join(ids[index], NULL);
    int left = -1;
    sem_getvalue(&posts, &left);
    printf("posts %s, errno %s\n", (unsigned)left + POSTS == posts_done ? "all there" : "lost",
        handler_broke_errno ? "changed" : "kept");
    sem_destroy(&posts);
    return 0;
}
