// SPDX-License-Identifier: MIT
// Not a bug: two threads take two locks in opposite orders, but only while they hold a third one, the gate.
// Only one of them is ever inside, so they cannot block each other. Many checkers raise an alarm here.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t right = PTHREAD_MUTEX_INITIALIZER;
static int swaps;

static void *left_first(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&gate);
    pthread_mutex_lock(&left);
    pthread_mutex_lock(&right);
    swaps++;
    pthread_mutex_unlock(&right);
    pthread_mutex_unlock(&left);
    pthread_mutex_unlock(&gate);
    luck_turn_over();
    return NULL;
}

static void *right_first(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&gate);
    pthread_mutex_lock(&right);
    pthread_mutex_lock(&left);
    swaps++;
    pthread_mutex_unlock(&left);
    pthread_mutex_unlock(&right);
    pthread_mutex_unlock(&gate);
    return NULL;
}

int main(void)
{
    pthread_t one, two;

    pthread_create(&one, NULL, left_first, NULL);
    pthread_create(&two, NULL, right_first, NULL);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    printf("%d swaps\n", swaps);
    return 0;
}
