// SPDX-License-Identifier: MIT
// The bug of double_lock.c with an error-checking mutex: the second lock is refused with EDEADLK. Nobody looks at the
// result, so the program goes on, and the inner unlock gives the lock away in the middle of the outer section.
// Repaired in double_lock_errorcheck_fixed.c.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t stock_lock;
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
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&stock_lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    stock_report();
    pthread_mutex_destroy(&stock_lock);
    return 0;
}
