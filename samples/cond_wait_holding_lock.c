// SPDX-License-Identifier: MIT
// The nested monitor: a thread waits for a signal and keeps a second lock that the signaller needs. The cook waits for an
// order with the kitchen locked; the waiter must pass through the kitchen to bring one. The wait gives back only its own mutex.
// Repaired in cond_wait_holding_lock_fixed.c. `cond_wait_holding_lock unlucky` shows the bad day.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t kitchen = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t order_came = PTHREAD_COND_INITIALIZER;
static int orders, cooked;

static void *cook(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&kitchen);
    luck_meet(2);
    pthread_mutex_lock(&order_lock);
    luck_turn_over();
    while (orders == 0)
        pthread_cond_wait(&order_came, &order_lock);
    orders--;
    pthread_mutex_unlock(&order_lock);
    cooked++;
    pthread_mutex_unlock(&kitchen);
    return NULL;
}

static void *waiter(void *unused)
{
    (void)unused;
    luck_meet(2);
    pthread_mutex_lock(&kitchen);
    pthread_mutex_unlock(&kitchen);
    luck_turn_over();
    luck_turn(2);
    pthread_mutex_lock(&order_lock);
    orders++;
    pthread_cond_signal(&order_came);
    pthread_mutex_unlock(&order_lock);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t first, second;

    luck_from_arguments(count, arguments);
    pthread_create(&first, NULL, cook, NULL);
    pthread_create(&second, NULL, waiter, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("%d cooked\n", cooked);
    return 0;
}
