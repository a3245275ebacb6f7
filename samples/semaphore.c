// SPDX-License-Identifier: MIT
// Lesson: a semaphore is a bowl of permits. Five cars share a car park of two places: sem_wait takes a place or waits
// for one, sem_post gives it back. Unlike a mutex it has no owner: anybody may post.
// In the trace: never more than two cars between wait and post.
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { CARS = 5, PLACES = 2 };

static sem_t places;
static atomic_int parked, most_parked;

static void *park(void *unused)
{
    int now, most;

    (void)unused;
    sem_wait(&places);
    now = atomic_fetch_add(&parked, 1) + 1;
    most = atomic_load(&most_parked);
    while (now > most && !atomic_compare_exchange_weak(&most_parked, &most, now))
        ;
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    atomic_fetch_sub(&parked, 1);
    sem_post(&places);
    return NULL;
}

int main(void)
{
    pthread_t cars[CARS];

    sem_init(&places, 0, PLACES);
    for (int i = 0; i < CARS; i++)
        pthread_create(&cars[i], NULL, park, NULL);
    for (int i = 0; i < CARS; i++)
        pthread_join(cars[i], NULL);
    sem_destroy(&places);
    printf("%d cars, at most %d places taken: %s\n", CARS, PLACES, most_parked <= PLACES ? "yes" : "no");
    return 0;
}
