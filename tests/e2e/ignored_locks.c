// SPDX-License-Identifier: MIT
// ignored_locks OUTSIDE: two locks in both orders by two threads, the second one in a region to be ignored; 1: and outside.
#include <pthread.h>
#include <stdlib.h>

#include "trenza.h"

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t one_after_the_other;
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
    TRENZA_IGNORE_BEGIN();
    TRENZA_IGNORE_BEGIN();
    TRENZA_IGNORE_END();
    both(&second, &first);
    TRENZA_IGNORE_END();
    TRENZA_IGNORE_END();
    if (outside)
        both(&second, &first);
    pthread_barrier_wait(&one_after_the_other);
    return argument;
}

static void *one_order(void *argument)
{
    both(&first, &second);
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t one;
    pthread_t other;
    outside = argc > 1 && atoi(argv[1]);
    pthread_barrier_init(&one_after_the_other, NULL, 2);
    if (pthread_create(&one, NULL, one_order, NULL) != 0 ||
        pthread_create(&other, NULL, other_order, NULL) != 0)
        return 2;
    pthread_barrier_wait(&one_after_the_other);
    return pthread_join(one, NULL) != 0 || pthread_join(other, NULL) != 0;
}
