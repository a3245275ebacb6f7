// SPDX-License-Identifier: MIT
// One line of code that deadlocks with itself. transfer() locks the giver, then the taker; Ana pays Bruno while Bruno
// pays Ana, and each waits for the other. All locks are made at one place and taken at one place.
// Repaired in transfer_fixed.c. `transfer unlucky` shows the bad day.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct account {
    pthread_mutex_t lock;
    long cents;
};

static struct account *ana, *bruno;

static struct account *account_open(long cents)
{
    struct account *account = malloc(sizeof *account);

    if (!account)
        abort();
    pthread_mutex_init(&account->lock, NULL);
    account->cents = cents;
    return account;
}

static void account_close(struct account *account)
{
    pthread_mutex_destroy(&account->lock);
    free(account);
}

static void transfer(struct account *giver, struct account *taker, long cents)
{
    pthread_mutex_lock(&giver->lock);
    luck_meet(2);
    pthread_mutex_lock(&taker->lock);
    giver->cents -= cents;
    taker->cents += cents;
    pthread_mutex_unlock(&taker->lock);
    pthread_mutex_unlock(&giver->lock);
}

static void *ana_pays(void *unused)
{
    (void)unused;
    transfer(ana, bruno, 700);
    luck_turn_over();
    return NULL;
}

static void *bruno_pays(void *unused)
{
    (void)unused;
    luck_turn(1);
    transfer(bruno, ana, 200);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t first, second;

    luck_from_arguments(count, arguments);
    ana = account_open(1000);
    bruno = account_open(1000);
    pthread_create(&first, NULL, ana_pays, NULL);
    pthread_create(&second, NULL, bruno_pays, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("Ana %ld, Bruno %ld\n", ana->cents, bruno->cents);
    account_close(ana);
    account_close(bruno);
    return 0;
}
