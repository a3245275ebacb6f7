// SPDX-License-Identifier: MIT
// cond_wait_holding_lock.c, repaired: the cook waits outside, and goes into the kitchen with the order in hand.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t kitchen = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t order_came = PTHREAD_COND_INITIALIZER;
static int orders, cooked;

static void *cook(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&order_lock);
    while (orders == 0)
        pthread_cond_wait(&order_came, &order_lock);
    orders--;
    pthread_mutex_unlock(&order_lock);
    pthread_mutex_lock(&kitchen);
    cooked++;
    pthread_mutex_unlock(&kitchen);
    return NULL;
}

static void *waiter(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&kitchen);
    pthread_mutex_unlock(&kitchen);
    pthread_mutex_lock(&order_lock);
    orders++;
    pthread_cond_signal(&order_came);
    pthread_mutex_unlock(&order_lock);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    pthread_create(&first, NULL, cook, NULL);
    pthread_create(&second, NULL, waiter, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("%d cooked\n", cooked);
    return 0;
}
