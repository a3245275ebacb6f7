// SPDX-License-Identifier: MIT
// A thread ends and keeps a lock. withdraw() leaves by an early return when there is not enough money, and that path
// forgets to unlock. Nobody will ever get the lock again; who asks for it next waits for ever.
// Repaired in unreleased_lock_fixed.c.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

static pthread_mutex_t account_lock = PTHREAD_MUTEX_INITIALIZER;
static long cents = 5000;

static bool withdraw(long amount)
{
    pthread_mutex_lock(&account_lock);
    if (cents < amount)
        return false;
    cents -= amount;
    pthread_mutex_unlock(&account_lock);
    return true;
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
