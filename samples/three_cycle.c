// SPDX-License-Identifier: MIT
// The dining philosophers: each takes the fork on the left, then the one on the right. No two of them use two forks in
// opposite orders, and still: when all have their left fork at once, all wait for the right one, for ever.
// Repaired in three_cycle_fixed.c. `three_cycle unlucky` shows the hungry evening.
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

    luck_turn(left);
    pthread_mutex_lock(&forks[left]);
    luck_meet(PHILOSOPHERS);
    pthread_mutex_lock(&forks[right]);
    printf("philosopher %d eats\n", left);
    pthread_mutex_unlock(&forks[right]);
    pthread_mutex_unlock(&forks[left]);
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
