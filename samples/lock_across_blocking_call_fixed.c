// SPDX-License-Identifier: MIT
// lock_across_blocking_call.c, repaired: wait without the lock, and lock for the moment in which the cache changes.
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static int ends_of_pipe[2];
static char cached;

static void *network(void *unused)
{
    (void)unused;
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    if (write(ends_of_pipe[1], "!", 1) != 1)
        perror("write");
    return NULL;
}

static void fetch(void)
{
    char fetched;

    if (read(ends_of_pipe[0], &fetched, 1) != 1)
        perror("read");
    pthread_mutex_lock(&cache_lock);
    cached = fetched;
    pthread_mutex_unlock(&cache_lock);
}

int main(void)
{
    pthread_t thread;

    if (pipe(ends_of_pipe) != 0)
        return 1;
    pthread_create(&thread, NULL, network, NULL);
    fetch();
    pthread_join(thread, NULL);
    printf("fetched %c\n", cached);
    return 0;
}
