// SPDX-License-Identifier: MIT
// ignored_locks OUTSIDE: two locks in both orders by two threads, the second one in a region to be ignored; 1: and outside.
// They never meet, but by nothing that a trace could tell.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "trenza.h"

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
static atomic_int first_is_over;
static int outside;

static void both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
    pthread_mutex_lock(outer);
    pthread_mutex_lock(inner);
    pthread_mutex_unlock(inner);
    pthread_mutex_unlock(outer);
}

static void *other_order(void *argument)
{
    while (!first_is_over)
        usleep(1000);
    TRENZA_IGNORE_BEGIN();
    TRENZA_IGNORE_BEGIN();
    TRENZA_IGNORE_END();
    both(&second, &first);
    TRENZA_IGNORE_END();
    TRENZA_IGNORE_END();
    if (outside)
        both(&second, &first);
    return argument;
}

static void *one_order(void *argument)
{
    both(&first, &second);
    first_is_over = 1;
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t one;
    pthread_t other;
    outside = argc > 1 && atoi(argv[1]);
    if (pthread_create(&one, NULL, one_order, NULL) != 0 ||
        pthread_create(&other, NULL, other_order, NULL) != 0)
        return 2;
    return pthread_join(one, NULL) != 0 || pthread_join(other, NULL) != 0;
}
