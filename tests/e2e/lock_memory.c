// SPDX-License-Identifier: MIT
// lock_memory: locks all its memory, as programs that must not be late do, and then starts threads.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

#define THREADS 30
#define LITTLE_KB 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t all_there;
static int count;

static void *use_lock(void *argument)
{
    pthread_mutex_lock(&lock);
    count++;
    pthread_mutex_unlock(&lock);
    pthread_barrier_wait(&all_there);
    return argument;
}

static bool little_is_locked(void)
{
    char line[256];
    long kb = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "VmLck: %ld", &kb);
    return kb >= 0 && kb < LITTLE_KB;
}

int main(void)
{
    pthread_t ids[THREADS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    pthread_barrier_init(&all_there, NULL, THREADS);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    printf("mlockall %d, ", mlockall(MCL_CURRENT | MCL_FUTURE));
    for (int i = 0; i < THREADS; i++)
        pthread_create(&ids[i], &attributes, use_lock, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    printf("little %d, threads %d\n", little_is_locked(), count);
    return 0;
}
