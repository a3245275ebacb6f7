// SPDX-License-Identifier: MIT
// foreign_unlock.c, repaired: the thread that works on the file locks it and unlocks it. Who wants to know when it is done
// joins it, or waits for a condition or a semaphore; those may be signalled by anybody.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static int saved;

static void *save(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&file_lock);
    saved++;
    pthread_mutex_unlock(&file_lock);
    return NULL;
}

int main(void)
{
    pthread_t saver;

    pthread_create(&saver, NULL, save, NULL);
    pthread_join(saver, NULL);
    printf("saved %d times\n", saved);
    return 0;
}
