// SPDX-License-Identifier: MIT
// A thread locks a mutex it already holds. stock_total() locks for its callers' convenience, and stock_report()
// calls it with the lock in hand. A default mutex does not count: the second lock waits for its own thread, for ever.
// Repaired in double_lock_fixed.c.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t stock_lock = PTHREAD_MUTEX_INITIALIZER;
static int stock[] = { 4, 8, 15 };

static int stock_total(void)
{
    int total = 0;

    pthread_mutex_lock(&stock_lock);
    for (int i = 0; i < 3; i++)
        total += stock[i];
    pthread_mutex_unlock(&stock_lock);
    return total;
}

static void stock_report(void)
{
    pthread_mutex_lock(&stock_lock);
    printf("%d items in stock\n", stock_total());
    pthread_mutex_unlock(&stock_lock);
}

int main(void)
{
    stock_report();
    return 0;
}
