// SPDX-License-Identifier: MIT
// A signal that nobody hears. The guest looks at the clock, then waits for the bell; the bell rings in between. A condition
// remembers nothing: who comes after the signal waits for ever. The bell does not take the lock, so nothing keeps it from that.
// Repaired in lost_signal_fixed.c. `lost_signal unlucky` shows the bad day.
#include "luck.h"
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t hall_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static atomic_bool dinner;

static void *guest(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&hall_lock);
    while (!dinner) {
        luck_turn_over();
        if (luck_is_bad)
            luck_wait_until(&luck_turns_over, 2);
        pthread_cond_wait(&bell, &hall_lock);
    }
    pthread_mutex_unlock(&hall_lock);
    return NULL;
}

static void *ring_bell(void *unused)
{
    (void)unused;
    luck_wait_until(&luck_turns_over, 1);
    if (!luck_is_bad)
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    dinner = true;
    pthread_cond_signal(&bell);
    luck_turn_over();
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t first, second;

    luck_from_arguments(count, arguments);
    pthread_create(&first, NULL, guest, NULL);
    pthread_create(&second, NULL, ring_bell, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("dinner\n");
    return 0;
}
