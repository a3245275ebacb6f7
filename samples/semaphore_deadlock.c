// SPDX-License-Identifier: MIT
// Two semaphores used as locks, taken in both orders. Python's threading.Lock is such a semaphore, and knows no owner; the
// deadlock is the same as with mutexes. Here it happens in every run: both threads have their first one before they go on.
// Repaired in semaphore_deadlock_fixed.c.
#include "luck.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

static sem_t pan, plate;

static void *fry(void *unused)
{
    (void)unused;
    sem_wait(&pan);
    luck_meet(2);
    sem_wait(&plate);
    sem_post(&plate);
    sem_post(&pan);
    return NULL;
}

static void *serve(void *unused)
{
    (void)unused;
    sem_wait(&plate);
    luck_meet(2);
    sem_wait(&pan);
    sem_post(&pan);
    sem_post(&plate);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    luck_is_bad = true;
    sem_init(&pan, 0, 1);
    sem_init(&plate, 0, 1);
    pthread_create(&first, NULL, fry, NULL);
    pthread_create(&second, NULL, serve, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("served\n");
    return 0;
}
