// SPDX-License-Identifier: MIT
// lost_signal.c, repaired: the flag changes under the mutex, so it cannot change between the guest's look and its wait. The
// signal itself may come after unlocking.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

static pthread_mutex_t hall_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static bool dinner;

static void *guest(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&hall_lock);
    while (!dinner)
        pthread_cond_wait(&bell, &hall_lock);
    pthread_mutex_unlock(&hall_lock);
    return NULL;
}

static void *ring_bell(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&hall_lock);
    dinner = true;
    pthread_mutex_unlock(&hall_lock);
    pthread_cond_signal(&bell);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    pthread_create(&first, NULL, guest, NULL);
    pthread_create(&second, NULL, ring_bell, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("dinner\n");
    return 0;
}
