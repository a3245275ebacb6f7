// SPDX-License-Identifier: MIT
// Three threads and two locks, and none of them takes both in the wrong order. main holds the album while it waits for the
// scanner's end; the scanner needs the photos; the printer has the photos and wants the album.
// Repaired in lock_over_join_fixed.c.
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
    pthread_join(scanner, NULL);
    pthread_mutex_unlock(&album);
    luck_turn_over();
    pthread_join(printer, NULL);
    return 0;
}
