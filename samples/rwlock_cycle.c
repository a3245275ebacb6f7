// SPDX-License-Identifier: MIT
// Readers can be part of a deadlock too. A lookup reads `routes` and then changes `sessions`; the clean-up changes
// `sessions` and then `routes`. The reader keeps the writer out, and the writer keeps the reader out.
// Repaired in rwlock_cycle_fixed.c. `rwlock_cycle unlucky` shows the bad day.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_rwlock_t routes = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t sessions = PTHREAD_RWLOCK_INITIALIZER;
static int route_count = 3, session_count = 2;

static void *look_up(void *unused)
{
    (void)unused;
    pthread_rwlock_rdlock(&routes);
    luck_meet(2);
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
    pthread_rwlock_wrlock(&sessions);
    luck_meet(2);
    pthread_rwlock_wrlock(&routes);
    session_count = 0;
    printf("%d routes, %d sessions\n", route_count, session_count);
    pthread_rwlock_unlock(&routes);
    pthread_rwlock_unlock(&sessions);
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
