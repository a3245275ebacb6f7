// SPDX-License-Identifier: MIT
// join_cycle.c, repaired: join first, then lock.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int lines;

static void *writer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&log_lock);
    lines++;
    pthread_mutex_unlock(&log_lock);
    return NULL;
}

int main(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, writer, NULL);
    pthread_join(thread, NULL);
    pthread_mutex_lock(&log_lock);
    printf("%d lines\n", lines);
    pthread_mutex_unlock(&log_lock);
    return 0;
}
