// SPDX-License-Identifier: MIT
// unlock_unheld.c, repaired: one unlock, at the one way out.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t dimmer_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t settings_lock = PTHREAD_RWLOCK_INITIALIZER;
static int level, highest = 100;

static int highest_level(void)
{
    int found;

    pthread_rwlock_rdlock(&settings_lock);
    found = highest;
    pthread_rwlock_unlock(&settings_lock);
    return found;
}

static void set_level(int wanted)
{
    pthread_mutex_lock(&dimmer_lock);
    if (wanted > highest_level())
        printf("%d is too bright\n", wanted);
    else
        level = wanted;
    pthread_mutex_unlock(&dimmer_lock);
}

int main(void)
{
    set_level(50);
    set_level(150);
    return 0;
}
