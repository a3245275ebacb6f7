// SPDX-License-Identifier: MIT
// Lesson: a barrier lets nobody on before all have arrived. Three walkers cross three passes and wait for each other at
// each; one of them, no matter which, is told to write the diary (PTHREAD_BARRIER_SERIAL_THREAD).
// In the trace: all arrivals of a round before all departures.
#include <pthread.h>
#include <stdio.h>

enum { WALKERS = 3, PASSES = 3 };

static pthread_barrier_t pass;
static int diary_pages;

static void *walk(void *unused)
{
    (void)unused;
    for (int i = 0; i < PASSES; i++) {
        if (pthread_barrier_wait(&pass) == PTHREAD_BARRIER_SERIAL_THREAD)
            diary_pages++;
        pthread_barrier_wait(&pass);
    }
    return NULL;
}

int main(void)
{
    pthread_t walkers[WALKERS];

    pthread_barrier_init(&pass, NULL, WALKERS);
    for (int i = 0; i < WALKERS; i++)
        pthread_create(&walkers[i], NULL, walk, NULL);
    for (int i = 0; i < WALKERS; i++)
        pthread_join(walkers[i], NULL);
    pthread_barrier_destroy(&pass);
    printf("%d passes, %d diary pages\n", PASSES, diary_pages);
    return 0;
}
