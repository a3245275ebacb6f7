// SPDX-License-Identifier: MIT
// Not a bug: one thread locks an order's lock before the ledger, another locks the ledger before an order's lock. But
// they are two orders; the second merely lies where the first one was. Who tells locks apart by address raises an alarm.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct order {
    pthread_mutex_t lock;
    int amount;
};

static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;
static int sum;

// malloc() often gives the same place again; here it is sure to be the same.
static struct order *order_new(void *place, int amount)
{
    struct order *order = place;

    pthread_mutex_init(&order->lock, NULL);
    order->amount = amount;
    return order;
}

static void *sell(void *place)
{
    struct order *order = order_new(place, 10);

    pthread_mutex_lock(&order->lock);
    pthread_mutex_lock(&ledger);
    sum += order->amount;
    pthread_mutex_unlock(&ledger);
    pthread_mutex_unlock(&order->lock);
    pthread_mutex_destroy(&order->lock);
    luck_turn_over();
    return NULL;
}

static void *refund(void *place)
{
    struct order *order;

    luck_turn(1);
    order = order_new(place, 4);
    pthread_mutex_lock(&ledger);
    pthread_mutex_lock(&order->lock);
    sum -= order->amount;
    pthread_mutex_unlock(&order->lock);
    pthread_mutex_unlock(&ledger);
    pthread_mutex_destroy(&order->lock);
    return NULL;
}

int main(void)
{
    void *place = malloc(sizeof(struct order));
    pthread_t selling, refunding;

    if (!place)
        abort();
    pthread_create(&selling, NULL, sell, place);
    pthread_create(&refunding, NULL, refund, place);
    pthread_join(selling, NULL);
    pthread_join(refunding, NULL);
    printf("sum %d\n", sum);
    free(place);
    return 0;
}
