// SPDX-License-Identifier: MIT
// A lock is held for long while others wait for it. The librarian keeps the catalogue while sorting a whole shelf; a reader
// who wants to look up one title waits all that time. Nothing is wrong with the result, only with the time.
// Repaired in long_hold_fixed.c.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t catalogue_lock = PTHREAD_MUTEX_INITIALIZER;
static int titles = 500;

static void sort_shelf(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 600000000 }, NULL);
}

static void *librarian(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&catalogue_lock);
    luck_turn_over();
    sort_shelf();
    titles++;
    pthread_mutex_unlock(&catalogue_lock);
    return NULL;
}

static void *reader(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&catalogue_lock);
    printf("%d titles\n", titles);
    pthread_mutex_unlock(&catalogue_lock);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    pthread_create(&first, NULL, librarian, NULL);
    pthread_create(&second, NULL, reader, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return 0;
}
