// SPDX-License-Identifier: MIT
// Not a bug: two threads take two rwlocks in opposite orders, but only to read. Readers do not keep each other out.
// (With a writer about, and a rwlock that prefers waiting writers, it would become one.)
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_rwlock_t streets = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t names = PTHREAD_RWLOCK_INITIALIZER;
static int street_count = 40, name_count = 41;

static void *print_map(void *unused)
{
    (void)unused;
    pthread_rwlock_rdlock(&streets);
    luck_meet(2);
    pthread_rwlock_rdlock(&names);
    printf("%d streets, %d names\n", street_count, name_count);
    pthread_rwlock_unlock(&names);
    pthread_rwlock_unlock(&streets);
    luck_turn_over();
    return NULL;
}

static void *print_index(void *unused)
{
    (void)unused;
    luck_turn(1);
    pthread_rwlock_rdlock(&names);
    luck_meet(2);
    pthread_rwlock_rdlock(&streets);
    printf("%d names, %d streets\n", name_count, street_count);
    pthread_rwlock_unlock(&streets);
    pthread_rwlock_unlock(&names);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t map, index;

    luck_from_arguments(count, arguments);
    pthread_create(&map, NULL, print_map, NULL);
    pthread_create(&index, NULL, print_index, NULL);
    pthread_join(map, NULL);
    pthread_join(index, NULL);
    return 0;
}
