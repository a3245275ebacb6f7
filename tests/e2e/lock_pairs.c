// SPDX-License-Identifier: MIT
// lock_pairs THREADS PAIRS [TALLY]: every thread does so many lock/unlock pairs on one shared mutex, with a condition
// wait at the end that lets all finish together. Prints the sum and exits with 5. The target for tests in which the
// surroundings are hostile (limits, closed descriptors, a dead recorder), not the program.
#include "tally.h"

#include <pthread.h>

static pthread_mutex_t counter_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_done = PTHREAD_COND_INITIALIZER;
static unsigned long pairs_each;
static unsigned long counter;
static unsigned threads_left;
static struct tally *tally;

static void *worker(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    for (unsigned long pair = 0; pair < pairs_each; pair++) {
        pthread_mutex_lock(&counter_lock);
        counter++;
        pthread_mutex_unlock(&counter_lock);
        if (tally)
            tally->pairs[index % TALLY_COUNTERS]++;
    }
    pthread_mutex_lock(&counter_lock);
    threads_left--;
    if (threads_left == 0)
        pthread_cond_broadcast(&all_done);
    while (threads_left > 0)
        pthread_cond_wait(&all_done, &counter_lock);
    pthread_mutex_unlock(&counter_lock);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    unsigned threads = (unsigned)atoi(argv[1]);
    pairs_each = strtoul(argv[2], NULL, 10);
    if (argc > 3)
        tally = tally_map(argv[3]);
    threads_left = threads;
    pthread_t *ids = calloc(threads, sizeof(*ids));
    for (uintptr_t index = 0; index < threads; index++) {
        int error = pthread_create(&ids[index], NULL, worker, (void *)index);
        if (error) {
            fprintf(stderr, "pthread_create: %d\n", error);
            return 3;
        }
    }
    for (unsigned index = 0; index < threads; index++)
        pthread_join(ids[index], NULL);
    free(ids);
    if (tally)
        tally->done = 1;
    printf("%lu\n", counter);
    return fflush(stdout) == 0 ? 5 : 6;
}
