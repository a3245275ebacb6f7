// SPDX-License-Identifier: MIT
// Not a bug: who takes the locks in the wrong order only tries the second one, and when that fails gives back the
// first and begins again. A thread that never waits cannot be part of a deadlock. Many checkers raise an alarm here.
// `trylock_backoff unlucky` shows the two meeting, and one of them stepping back.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t kitchen = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cellar = PTHREAD_MUTEX_INITIALIZER;
static int plates = 10, bottles = 10;

static void *serve(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&kitchen);
    luck_meet(2);
    pthread_mutex_lock(&cellar);
    plates--;
    bottles--;
    pthread_mutex_unlock(&cellar);
    pthread_mutex_unlock(&kitchen);
    luck_turn_over();
    return NULL;
}

static void *restock(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_mutex_lock(&cellar);
    luck_meet(2);
    while (pthread_mutex_trylock(&kitchen) != 0) {
        pthread_mutex_unlock(&cellar);
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        pthread_mutex_lock(&cellar);
    }
    plates += 5;
    bottles += 5;
    pthread_mutex_unlock(&kitchen);
    pthread_mutex_unlock(&cellar);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t serving, restocking;

    luck_from_arguments(count, arguments);
    pthread_create(&serving, NULL, serve, NULL);
    pthread_create(&restocking, NULL, restock, NULL);
    pthread_join(serving, NULL);
    pthread_join(restocking, NULL);
    printf("%d plates, %d bottles\n", plates, bottles);
    return 0;
}
