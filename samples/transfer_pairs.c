// SPDX-License-Identifier: MIT
// transfer.c on a day on which no two accounts meet twice: nothing can deadlock between these four, but the next pair may. The
// accounts' locks are of one kind, made and taken at one place, and taken two at a time in no particular order.
// Repaired in transfer_pairs_fixed.c.
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
    pthread_mutex_lock(&giver->lock);
    pthread_mutex_lock(&taker->lock);
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
