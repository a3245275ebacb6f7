// SPDX-License-Identifier: MIT
// A once routine that takes a lock, and a thread that holds this lock when it calls pthread_once. Whoever comes second waits until
// the routine is over: if the first is still before its lock then, the routine never ends. Here it has given the lock back in time.
// Repaired in once_cycle_fixed.c. `once_cycle unlucky` shows the bad day.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t settings_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t settings_read = PTHREAD_ONCE_INIT;
static int setting;

static void read_settings(void)
{
    luck_meet(2);
    pthread_mutex_lock(&settings_lock);
    setting = 3;
    pthread_mutex_unlock(&settings_lock);
    luck_turn_over();
    luck_turn(2);
    nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL); // meanwhile the other one comes and waits
}

static void *start(void *unused)
{
    (void)unused;
    pthread_once(&settings_read, read_settings);
    return NULL;
}

static void *change(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&settings_lock);
    luck_meet(2);
    luck_turn_over();
    pthread_once(&settings_read, read_settings);
    setting++;
    pthread_mutex_unlock(&settings_lock);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t first, second;

    luck_from_arguments(count, arguments);
    pthread_create(&first, NULL, start, NULL);
    pthread_create(&second, NULL, change, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("setting %d\n", setting);
    return 0;
}
