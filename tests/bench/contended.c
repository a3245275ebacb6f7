// SPDX-License-Identifier: MIT
// contended THREADS PAIRS INSIDE OUTSIDE: all threads take one mutex PAIRS times each, with INSIDE steps of work while they
// hold it and OUTSIDE steps between. A step is a dependent multiplication, 1 or 2 ns. Prints the milliseconds from the first
// thread's start to the last one's end.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS_MAX 64

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t start, end;
static unsigned long pairs, inside, outside, counter;

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static uint64_t work(uint64_t value, unsigned long steps)
{
    for (unsigned long step = 0; step < steps; step++) {
        value = value * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(value));
    }
    return value;
}

static void *worker(void *argument)
{
    uint64_t value = (uintptr_t)argument;
    pthread_barrier_wait(&start);
    for (unsigned long pair = 0; pair < pairs; pair++) {
        pthread_mutex_lock(&mutex);
        value = work(value, inside);
        counter++;
        pthread_mutex_unlock(&mutex);
        value = work(value, outside);
    }
    pthread_barrier_wait(&end);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    unsigned threads = (unsigned)atoi(argv[1]);
    if (threads < 1 || threads > THREADS_MAX)
        return 2;
    pairs = strtoul(argv[2], NULL, 10);
    inside = strtoul(argv[3], NULL, 10);
    outside = strtoul(argv[4], NULL, 10);
    pthread_barrier_init(&start, NULL, threads + 1);
    pthread_barrier_init(&end, NULL, threads + 1);
    pthread_t ids[THREADS_MAX];
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, worker, (void *)(uintptr_t)i) != 0)
            return 3;
    pthread_barrier_wait(&start);
    double begin = now_ms();
    pthread_barrier_wait(&end);
    double took = now_ms() - begin;
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    printf("%.3f\n", took);
    return counter == pairs * threads ? 0 : 4;
}
