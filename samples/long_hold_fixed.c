// SPDX-License-Identifier: MIT
// long_hold.c, repaired: sorting needs no lock; only the entry in the catalogue does.
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
    luck_turn_over();
    sort_shelf();
    pthread_mutex_lock(&catalogue_lock);
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
