// SPDX-License-Identifier: MIT
// readers_behind_writer.c with a rwlock that lets readers in while a writer waits: the two readers never keep each other
// out.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_rwlock_t prices = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t till = PTHREAD_MUTEX_INITIALIZER;
static int price = 3, cents;

static void *sell(void *unused)
{
    (void)unused;
    pthread_rwlock_rdlock(&prices);
    luck_meet(2);
    pthread_mutex_lock(&till);
    cents += price;
    pthread_mutex_unlock(&till);
    pthread_rwlock_unlock(&prices);
    luck_turn_over();
    return NULL;
}

static void *count_up(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&till);
    luck_meet(2);
    if (luck_is_bad)
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    pthread_rwlock_rdlock(&prices);
    printf("%d sold\n", cents / price);
    pthread_rwlock_unlock(&prices);
    pthread_mutex_unlock(&till);
    luck_turn_over();
    return NULL;
}

static void *raise_prices(void *unused)
{
    (void)unused;
    luck_turn(2);
    if (luck_is_bad)
        luck_wait_until(&luck_arrived, 2);
    pthread_rwlock_wrlock(&prices);
    price = 4;
    pthread_rwlock_unlock(&prices);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t first, second, third;

    luck_from_arguments(count, arguments);
    pthread_create(&first, NULL, sell, NULL);
    pthread_create(&second, NULL, count_up, NULL);
    pthread_create(&third, NULL, raise_prices, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    pthread_join(third, NULL);
    return 0;
}
