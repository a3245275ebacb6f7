// SPDX-License-Identifier: MIT
// lock_over_join.c without holding the lock while waiting for a thread.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t album = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t photos = PTHREAD_MUTEX_INITIALIZER;
static int pages, scanned;

static void *scan(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&photos);
    scanned++;
    pthread_mutex_unlock(&photos);
    return NULL;
}

static void *print(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&photos);
    pthread_mutex_lock(&album);
    printf("%d pages, %d photos\n", pages, scanned);
    pthread_mutex_unlock(&album);
    pthread_mutex_unlock(&photos);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t printer, scanner;

    luck_from_arguments(count, arguments);
    pthread_create(&printer, NULL, print, NULL);
    pthread_mutex_lock(&album);
    pthread_create(&scanner, NULL, scan, NULL);
    pages++;
    pthread_mutex_unlock(&album);
    pthread_join(scanner, NULL);
    luck_turn_over();
    pthread_join(printer, NULL);
    return 0;
}
