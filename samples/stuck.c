// SPDX-License-Identifier: MIT
// A barrier that one thread never reaches. Three riders are to start together, the barrier counts to three, but one of them
// gives up before the start. The other two wait for it for ever. There is no circle of locks, and still nobody goes on.
// Repaired in stuck_fixed.c.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

enum { RIDERS = 3 };

static pthread_barrier_t start;

static void *ride(void *data)
{
    bool fit = *(bool *)data;

    if (!fit)
        return NULL;
    pthread_barrier_wait(&start);
    return NULL;
}

int main(void)
{
    bool fit[RIDERS] = { true, true, false };
    pthread_t riders[RIDERS];

    pthread_barrier_init(&start, NULL, RIDERS);
    for (int i = 0; i < RIDERS; i++)
        pthread_create(&riders[i], NULL, ride, &fit[i]);
    for (int i = 0; i < RIDERS; i++)
        pthread_join(riders[i], NULL);
    pthread_barrier_destroy(&start);
    printf("started\n");
    return 0;
}
