// SPDX-License-Identifier: MIT
// unreleased_lock.c, repaired: one way in, one way out. The condition only decides what happens between them.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

static pthread_mutex_t account_lock = PTHREAD_MUTEX_INITIALIZER;
static long cents = 5000;

static bool withdraw(long amount)
{
    bool enough;

    pthread_mutex_lock(&account_lock);
    enough = cents >= amount;
    if (enough)
        cents -= amount;
    pthread_mutex_unlock(&account_lock);
    return enough;
}

static void *shop(void *unused)
{
    (void)unused;
    printf("a book: %s\n", withdraw(2000) ? "paid" : "refused");
    printf("a piano: %s\n", withdraw(900000) ? "paid" : "refused");
    return NULL;
}

int main(void)
{
    pthread_t shopper;

    pthread_create(&shopper, NULL, shop, NULL);
    pthread_join(shopper, NULL);
    return 0;
}
