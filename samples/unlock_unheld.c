// SPDX-License-Identifier: MIT
// A lock is unlocked twice. set_level() unlocks on its error path, and so does the common way out it falls through to. If
// another thread has locked in between, its lock is taken from under it; here nobody holds it, and the mutex is left damaged.
// Repaired in unlock_unheld_fixed.c.
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
    if (wanted > highest_level()) {
        printf("%d is too bright\n", wanted);
        pthread_mutex_unlock(&dimmer_lock);
    } else {
        level = wanted;
    }
    pthread_mutex_unlock(&dimmer_lock);
}

int main(void)
{
    set_level(50);
    set_level(150);
    return 0;
}
