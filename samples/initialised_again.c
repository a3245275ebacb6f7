// SPDX-License-Identifier: MIT
// A mutex is initialised while another thread holds it. Each worker calls start_log() "to be sure"; the second call makes the
// mutex free again although the first worker is inside, and both write the log at once.
// Repaired in initialised_again_fixed.c.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t log_lock;
static int lines;

static void start_log(void)
{
    pthread_mutex_init(&log_lock, NULL);
}

static void *first_worker(void *unused)
{
    (void)unused;
    start_log();
    pthread_mutex_lock(&log_lock);
    luck_turn_over();
    luck_turn(2);
    lines++;
    pthread_mutex_unlock(&log_lock);
    return NULL;
}

static void *second_worker(void *unused)
{
    (void)unused;
    luck_turn(1);
    start_log();
    luck_turn_over();
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    pthread_create(&first, NULL, first_worker, NULL);
    pthread_create(&second, NULL, second_worker, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("%d lines\n", lines);
    return 0;
}
