// SPDX-License-Identifier: MIT
// initialised_again.c, repaired: pthread_once, which lets one thread initialise and the others wait until it is done.
#include <pthread.h>
#include <stdio.h>

static pthread_once_t log_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t log_lock;
static int lines;

static void start_log(void)
{
    pthread_mutex_init(&log_lock, NULL);
}

static void *worker(void *unused)
{
    (void)unused;
    pthread_once(&log_once, start_log);
    pthread_mutex_lock(&log_lock);
    lines++;
    pthread_mutex_unlock(&log_lock);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    pthread_create(&first, NULL, worker, NULL);
    pthread_create(&second, NULL, worker, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("%d lines\n", lines);
    return 0;
}
