// SPDX-License-Identifier: MIT
// three_cycle.c, repaired: the forks are numbered, and each philosopher takes the lower number first. The last one
// thereby reaches to the right first, and the circle is broken.
#include "luck.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

enum { PHILOSOPHERS = 3 };

static pthread_mutex_t forks[PHILOSOPHERS] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER };

static void *dine(void *seat)
{
    int left = (int)(intptr_t)seat, right = (left + 1) % PHILOSOPHERS;
    int first = left < right ? left : right, second = left < right ? right : left;

    luck_turn(left);
    pthread_mutex_lock(&forks[first]);
    pthread_mutex_lock(&forks[second]);
    printf("philosopher %d eats\n", left);
    pthread_mutex_unlock(&forks[second]);
    pthread_mutex_unlock(&forks[first]);
    luck_turn_over();
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t philosophers[PHILOSOPHERS];

    luck_from_arguments(count, arguments);
    for (intptr_t seat = 0; seat < PHILOSOPHERS; seat++)
        pthread_create(&philosophers[seat], NULL, dine, (void *)seat);
    for (int seat = 0; seat < PHILOSOPHERS; seat++)
        pthread_join(philosophers[seat], NULL);
    return 0;
}
