// SPDX-License-Identifier: MIT
// Lesson: an event is something that has happened or not. pthreads have none; a flag, a mutex and a condition make one.
// Three runners wait for the starting gun. Who comes late finds the flag set and runs at once: no signal is missed.
// In the trace: one broadcast wakes all who wait, and they take the mutex one after the other.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

enum { RUNNERS = 3 };

struct event {
    pthread_mutex_t lock;
    pthread_cond_t happened;
    bool has_happened;
};

static struct event gun = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };

static void event_wait(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    while (!event->has_happened)
        pthread_cond_wait(&event->happened, &event->lock);
    pthread_mutex_unlock(&event->lock);
}

static void event_set(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->has_happened = true;
    pthread_cond_broadcast(&event->happened);
    pthread_mutex_unlock(&event->lock);
}

static void *run(void *unused)
{
    (void)unused;
    event_wait(&gun);
    return NULL;
}

int main(void)
{
    pthread_t runners[RUNNERS];

    for (int i = 0; i < RUNNERS; i++)
        pthread_create(&runners[i], NULL, run, NULL);
    event_set(&gun);
    for (int i = 0; i < RUNNERS; i++)
        pthread_join(runners[i], NULL);
    printf("%d runners have started\n", RUNNERS);
    return 0;
}
