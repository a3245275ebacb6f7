// SPDX-License-Identifier: MIT
// semaphore_cycle.c with one order for both threads.
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
    luck_turn_over();
    return NULL;
}

static void *serve(void *unused)
{
    (void)unused;
    luck_turn(1);
    sem_wait(&pan);
    luck_meet(2);
    sem_wait(&plate);
    sem_post(&plate);
    sem_post(&pan);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t first, second;

    luck_from_arguments(count, arguments);
    sem_init(&pan, 0, 1);
    sem_init(&plate, 0, 1);
    pthread_create(&first, NULL, fry, NULL);
    pthread_create(&second, NULL, serve, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("served\n");
    return 0;
}
