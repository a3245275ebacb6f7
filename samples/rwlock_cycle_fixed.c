// SPDX-License-Identifier: MIT
// rwlock_cycle.c, repaired: the clean-up takes `routes` first as well. A rwlock needs its place in the lock order like
// a mutex does, for reading and for writing.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

// Lock order: routes before sessions.
static pthread_rwlock_t routes = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t sessions = PTHREAD_RWLOCK_INITIALIZER;
static int route_count = 3, session_count = 2;

static void *look_up(void *unused)
{
    (void)unused;
    pthread_rwlock_rdlock(&routes);
    pthread_rwlock_wrlock(&sessions);
    session_count++;
    pthread_rwlock_unlock(&sessions);
    pthread_rwlock_unlock(&routes);
    luck_turn_over();
    return NULL;
}

static void *clean_up(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_rwlock_wrlock(&routes);
    pthread_rwlock_wrlock(&sessions);
    session_count = 0;
    printf("%d routes, %d sessions\n", route_count, session_count);
    pthread_rwlock_unlock(&sessions);
    pthread_rwlock_unlock(&routes);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t looking, cleaning;

    luck_from_arguments(count, arguments);
    pthread_create(&looking, NULL, look_up, NULL);
    pthread_create(&cleaning, NULL, clean_up, NULL);
    pthread_join(looking, NULL);
    pthread_join(cleaning, NULL);
    return 0;
}
