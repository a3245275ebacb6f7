// SPDX-License-Identifier: MIT
// A thread unlocks what another one has locked. main() locks the file, starts a thread to save it, and leaves it to that
// thread to unlock when it is done. A mutex belongs to the thread that locked it; anything else is undefined.
// Repaired in foreign_unlock_fixed.c.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static int saved;

static void *save(void *unused)
{
    (void)unused;
    saved++;
    pthread_mutex_unlock(&file_lock);
    return NULL;
}

int main(void)
{
    pthread_t saver;

    pthread_mutex_lock(&file_lock);
    pthread_create(&saver, NULL, save, NULL);
    pthread_join(saver, NULL);
    printf("saved %d times\n", saved);
    return 0;
}
