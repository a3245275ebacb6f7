// SPDX-License-Identifier: MIT
// transfer_pairs.c with an order: of two accounts, the one that comes first in memory is locked first, whoever pays.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

struct account {
    pthread_mutex_t lock;
    long cents;
};

static struct account accounts[4] = { [0 ... 3] = { PTHREAD_MUTEX_INITIALIZER, 1000 } };

static void transfer(struct account *giver, struct account *taker, long cents)
{
    struct account *first = giver < taker ? giver : taker;
    struct account *second = giver < taker ? taker : giver;

    pthread_mutex_lock(&first->lock);
    pthread_mutex_lock(&second->lock);
    giver->cents -= cents;
    taker->cents += cents;
    pthread_mutex_unlock(&taker->lock);
    pthread_mutex_unlock(&giver->lock);
}

static void *pay_rent(void *unused)
{
    (void)unused;
    transfer(&accounts[0], &accounts[1], 700);
    luck_turn_over();
    return NULL;
}

static void *pay_back(void *unused)
{
    (void)unused;
    luck_turn(1);
    transfer(&accounts[3], &accounts[2], 200);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t first, second;

    luck_from_arguments(count, arguments);
    pthread_create(&first, NULL, pay_rent, NULL);
    pthread_create(&second, NULL, pay_back, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    for (int i = 0; i < 4; i++)
        printf("account %d: %ld\n", i, accounts[i].cents);
    return 0;
}
