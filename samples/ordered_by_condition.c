// SPDX-License-Identifier: MIT
// Not a bug: two threads take two locks in opposite orders, but the second one begins only when the first one has signalled
// that it is done with them. (Here it always has to wait for the signal. Without a wait, nothing but the flag would say so.)
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t kitchen = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t counter = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t bell = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rung = PTHREAD_COND_INITIALIZER;
static int is_ready;
static int meals;

static void *cook(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&kitchen);
    pthread_mutex_lock(&counter);
    meals++;
    pthread_mutex_unlock(&counter);
    pthread_mutex_unlock(&kitchen);
    pthread_mutex_lock(&bell);
    is_ready = 1;
    pthread_cond_signal(&rung);
    pthread_mutex_unlock(&bell);
    return NULL;
}

static void *wait_at_table(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&bell);
    luck_turn_over();
    while (!is_ready)
        pthread_cond_wait(&rung, &bell);
    pthread_mutex_unlock(&bell);
    pthread_mutex_lock(&counter);
    pthread_mutex_lock(&kitchen);
    printf("%d meal\n", meals);
    pthread_mutex_unlock(&kitchen);
    pthread_mutex_unlock(&counter);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    pthread_create(&first, NULL, wait_at_table, NULL);
    pthread_create(&second, NULL, cook, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return 0;
}
