// SPDX-License-Identifier: MIT
// A thread is joined while holding a lock that it needs. main() locks the log, stops the writer and waits for its end; the
// writer wants to log a last line first. If it has done so already, all is well; if not, neither goes on.
// Repaired in join_cycle_fixed.c. `join_cycle unlucky` shows the bad day.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int lines;

static void *writer(void *unused)
{
    (void)unused;
    luck_meet(2);
    pthread_mutex_lock(&log_lock);
    lines++;
    pthread_mutex_unlock(&log_lock);
    luck_turn_over();
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t thread;

    luck_from_arguments(count, arguments);
    pthread_create(&thread, NULL, writer, NULL);
    luck_turn(1);
    pthread_mutex_lock(&log_lock);
    luck_meet(2);
    pthread_join(thread, NULL);
    printf("%d lines\n", lines);
    pthread_mutex_unlock(&log_lock);
    return 0;
}
