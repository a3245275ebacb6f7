// SPDX-License-Identifier: MIT
// double_lock.c, repaired: the inner function no longer locks, and its name says that its caller must.
// This is better than a recursive mutex: it stays plain who holds the lock, and for how long.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t stock_lock = PTHREAD_MUTEX_INITIALIZER;
static int stock[] = { 4, 8, 15 };

static int stock_total_locked(void)
{
    int total = 0;

    for (int i = 0; i < 3; i++)
        total += stock[i];
    return total;
}

static void stock_report(void)
{
    pthread_mutex_lock(&stock_lock);
    printf("%d items in stock\n", stock_total_locked());
    pthread_mutex_unlock(&stock_lock);
}

int main(void)
{
    stock_report();
    return 0;
}
