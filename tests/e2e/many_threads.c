// SPDX-License-Identifier: MIT
// many_threads short N: N threads in all, sixteen alive at a time, each two lock/unlock pairs; half are detached.
// many_threads at-once N: N threads alive at the same time, each 100 pairs on one of eight mutexes.
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 16
#define LOCKS 8

static pthread_mutex_t locks[LOCKS];
static unsigned long counters[LOCKS];
static pthread_barrier_t all_there;
static sem_t detached_done;

static void add(uintptr_t index, unsigned times)
{
    for (unsigned time = 0; time < times; time++) {
        pthread_mutex_lock(&locks[index % LOCKS]);
        counters[index % LOCKS]++;
        pthread_mutex_unlock(&locks[index % LOCKS]);
    }
}

static void *short_lived(void *argument)
{
    add((uintptr_t)argument, 2);
    return argument;
}

static void *short_lived_detached(void *argument)
{
    add((uintptr_t)argument, 2);
    sem_post(&detached_done);
    return NULL;
}

static int run_short(unsigned long threads)
{
    sem_init(&detached_done, 0, 0);
    for (unsigned long first = 0; first < threads; first += TOGETHER) {
        pthread_t ids[TOGETHER];
        for (uintptr_t index = 0; index < TOGETHER; index++) {
            void *(*routine)(void *) = index % 2 ? short_lived_detached : short_lived;
            if (pthread_create(&ids[index], NULL, routine, (void *)index) != 0)
                return 3;
            if (index % 2)
                pthread_detach(ids[index]);
        }
        for (uintptr_t index = 0; index < TOGETHER; index++) {
            void *result = NULL;
            if (index % 2)
                sem_wait(&detached_done);
            else if (pthread_join(ids[index], &result) != 0 || result != (void *)index)
                return 4;
        }
    }
    return 0;
}

static void *long_lived(void *argument)
{
    pthread_barrier_wait(&all_there);
    add((uintptr_t)argument, 100);
    pthread_barrier_wait(&all_there);
    return NULL;
}

static int run_at_once(unsigned long threads)
{
    pthread_barrier_init(&all_there, NULL, (unsigned)threads);
    pthread_t *ids = calloc(threads, sizeof(*ids));
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    for (uintptr_t index = 0; index < threads; index++)
        if (pthread_create(&ids[index], &attributes, long_lived, (void *)index) != 0)
            return 3;
    pthread_attr_destroy(&attributes);
    for (unsigned long index = 0; index < threads; index++)
        pthread_join(ids[index], NULL);
    free(ids);
    return pthread_barrier_destroy(&all_there);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    for (int index = 0; index < LOCKS; index++)
        pthread_mutex_init(&locks[index], NULL);
    unsigned long threads = strtoul(argv[2], NULL, 10);
    int status = strcmp(argv[1], "short") == 0 ? run_short(threads) : run_at_once(threads);
    unsigned long sum = 0;
    for (int index = 0; index < LOCKS; index++)
        sum += counters[index];
    printf("%lu\n", sum);
    return status;
}
