// SPDX-License-Identifier: MIT
// semaphore_deadlock.c, repaired: both take the pan first, then the plate.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

static sem_t pan, plate;

static void *fry(void *unused)
{
    (void)unused;
    sem_wait(&pan);
    sem_wait(&plate);
    sem_post(&plate);
    sem_post(&pan);
    return NULL;
}

static void *serve(void *unused)
{
    (void)unused;
    sem_wait(&pan);
    sem_wait(&plate);
    sem_post(&plate);
    sem_post(&pan);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    sem_init(&pan, 0, 1);
    sem_init(&plate, 0, 1);
    pthread_create(&first, NULL, fry, NULL);
    pthread_create(&second, NULL, serve, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("served\n");
    return 0;
}
