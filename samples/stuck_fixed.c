// SPDX-License-Identifier: MIT
// stuck.c, repaired: who gives up comes to the barrier all the same, and goes home afterwards.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

enum { RIDERS = 3 };

static pthread_barrier_t start;

static void *ride(void *data)
{
    bool fit = *(bool *)data;

    pthread_barrier_wait(&start);
    if (!fit)
        return NULL;
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
