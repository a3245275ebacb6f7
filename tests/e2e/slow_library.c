// SPDX-License-Identifier: MIT
// A library whose constructor takes its time while the loader's lock is held, and which locks in it.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

void slow_library_work(void);

static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void construct(void)
{
    const char *milliseconds = getenv("SLOW_LIBRARY_MS");
    pthread_mutex_lock(&library_lock);
    usleep(milliseconds ? (useconds_t)atoi(milliseconds) * 1000 : 0);
    pthread_mutex_unlock(&library_lock);
}

void slow_library_work(void)
{
    pthread_mutex_lock(&library_lock);
    pthread_mutex_unlock(&library_lock);
}
