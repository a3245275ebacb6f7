// SPDX-License-Identifier: MIT
// lock_pair THREADS PAIRS call|loop: the cost of an uncontended lock and unlock of a mutex, twelve functions below the
// thread's start routine, each thread with a mutex of its own. `call` goes down all twelve for each pair, as a program's
// work does; `loop` goes down once and then does nothing but lock and unlock. Prints nanoseconds per pair, the mean over the threads, by the
// clock around the loop (starting and ending are not in it), and in the thread's own processor time, which other programs
// on a busy machine do not lengthen.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 16

struct work {
    _Alignas(64) pthread_mutex_t mutex;
    unsigned long pairs;
    unsigned long pairs_per_call;
    uint64_t counter;
    double ns_per_pair;
    double cpu_ns_per_pair;
};

static struct work works[THREADS_MAX];
static pthread_barrier_t start;

static double now_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

__attribute__((noinline)) static void pairs_at_depth_0(struct work *work)
{
    for (unsigned long pair = 0; pair < work->pairs_per_call; pair++) {
        pthread_mutex_lock(&work->mutex);
        work->counter++;
        pthread_mutex_unlock(&work->mutex);
    }
}

// A function per level and no recursion, as in real programs; the empty asm keeps the call from becoming a jump.
#define LEVEL(depth, below)                                                                                  \
    __attribute__((noinline)) static void pairs_at_depth_##depth(struct work *work)                          \
    {                                                                                                        \
        pairs_at_depth_##below(work);                                                                        \
        __asm__ volatile("" ::: "memory");                                                                   \
    }
LEVEL(1, 0)
LEVEL(2, 1)
LEVEL(3, 2)
LEVEL(4, 3)
LEVEL(5, 4)
LEVEL(6, 5)
LEVEL(7, 6)
LEVEL(8, 7)
LEVEL(9, 8)
LEVEL(10, 9)
LEVEL(11, 10)

static void *worker(void *argument)
{
    struct work *work = argument;
    pthread_barrier_wait(&start);
    double begin = now_ns(CLOCK_MONOTONIC);
    double cpu_begin = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned long done = 0; done < work->pairs; done += work->pairs_per_call)
        pairs_at_depth_11(work);
    work->cpu_ns_per_pair = (now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_begin) / (double)work->pairs;
    work->ns_per_pair = (now_ns(CLOCK_MONOTONIC) - begin) / (double)work->pairs;
    return NULL;
}

static void *idle(void *argument)
{
    return argument;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    unsigned threads = (unsigned)atoi(argv[1]);
    if (threads < 1 || threads > THREADS_MAX)
        return 2;
    pthread_t ids[THREADS_MAX];
    // glibc locks without atomic instructions until a program has had a second thread.
    if (pthread_create(&ids[0], NULL, idle, NULL) != 0)
        return 3;
    pthread_join(ids[0], NULL);
    pthread_barrier_init(&start, NULL, threads);
    for (unsigned index = 0; index < threads; index++) {
        pthread_mutex_init(&works[index].mutex, NULL);
        works[index].pairs = strtoul(argv[2], NULL, 10);
        works[index].pairs_per_call = strcmp(argv[3], "loop") == 0 ? works[index].pairs : 1;
        if (pthread_create(&ids[index], NULL, worker, &works[index]) != 0)
            return 3;
    }
    double sum = 0, cpu_sum = 0;
    for (unsigned index = 0; index < threads; index++) {
        pthread_join(ids[index], NULL);
        sum += works[index].ns_per_pair;
        cpu_sum += works[index].cpu_ns_per_pair;
        if (works[index].counter != works[index].pairs)
            return 4;
    }
    printf("%.2f %.2f\n", sum / threads, cpu_sum / threads);
    return 0;
}
