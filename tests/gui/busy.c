// SPDX-License-Identifier: MIT
// Four threads that take a lock, and now and then a second one: busy ROUNDS. For traces that take their time to open.
#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 4, RARELY = 16 };

static pthread_mutex_t often = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t seldom = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *data)
{
    for (long i = *(long *)data; i > 0; i--) {
        pthread_mutex_lock(&often);
        if (i % RARELY == 0) {
            pthread_mutex_lock(&seldom);
            pthread_mutex_unlock(&seldom);
        }
        pthread_mutex_unlock(&often);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 1000;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, &rounds);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
