// SPDX-License-Identifier: MIT
// double_lock_errorcheck.c, repaired: the inner function leaves the lock to its caller. What an error-checking mutex
// has to say is now looked at: an error here is a mistake in the program, so the program ends where it is made.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t stock_lock;
static int stock[] = { 4, 8, 15 };

static void must(int error)
{
    if (error)
        abort();
}

static int stock_total_locked(void)
{
    int total = 0;

    for (int i = 0; i < 3; i++)
        total += stock[i];
    return total;
}

static void stock_report(void)
{
    must(pthread_mutex_lock(&stock_lock));
    printf("%d items in stock\n", stock_total_locked());
    must(pthread_mutex_unlock(&stock_lock));
}

int main(void)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&stock_lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    stock_report();
    pthread_mutex_destroy(&stock_lock);
    return 0;
}
