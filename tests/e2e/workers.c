// SPDX-License-Identifier: MIT
// workers HOW N: N threads do the same. mistakes: each of them makes every mistake below; ring: each takes its own fork and its
// neighbour's. They never meet, but by nothing that a trace could tell, so that no schedule changes what there is to be found.
// meet: each waits with its own fork for the others, then takes the neighbour's; wait: for a signal that never comes; late:
// likewise, but one keeps a lock that the others want first.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS_MAX 64

static pthread_mutex_t accounts = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t journal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t never_locked = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t checked;
static pthread_mutex_t *made[2];
static pthread_mutex_t forks[WORKERS_MAX];
static pthread_barrier_t all_here;
static atomic_int turn;
static int n_workers;

static void both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
    pthread_mutex_lock(outer);
    pthread_mutex_lock(inner);
    pthread_mutex_unlock(inner);
    pthread_mutex_unlock(outer);
}

static void *leaked(void *ret_tid)
{
    atomic_store((atomic_int *)ret_tid, gettid());
    return NULL;
}

// Nobody joins it, but it is over when this returns.
static void leak_thread(void)
{
    pthread_t child;
    atomic_int tid = 0;
    char path[64];
    if (pthread_create(&child, NULL, leaked, &tid) != 0)
        abort();
    do {
        usleep(500);
        snprintf(path, sizeof path, "/proc/self/task/%d", (int)tid);
    } while (tid == 0 || access(path, F_OK) == 0);
}

static void *make_mistakes(void *number)
{
    pthread_mutex_t *own = malloc(sizeof *own);
    while (turn != *(int *)number)
        usleep(500);
    both(&accounts, &journal);
    both(&journal, &accounts);
    both(made[0], made[1]);
    both(made[1], made[0]);
    pthread_mutex_unlock(&never_locked);
    pthread_mutex_lock(&checked);
    pthread_mutex_lock(&checked);
    pthread_mutex_unlock(&checked);
    leak_thread();
    pthread_mutex_init(own, NULL);
    pthread_mutex_lock(own);
    turn++;
    return own;
}

static void *take_forks(void *number)
{
    int self = *(int *)number;
    while (turn != self)
        usleep(500);
    both(&forks[self], &forks[(self + 1) % n_workers]);
    turn++;
    return NULL;
}

static void *meet_over_forks(void *number)
{
    int self = *(int *)number;
    pthread_mutex_lock(&forks[self]);
    pthread_barrier_wait(&all_here);
    pthread_mutex_lock(&forks[(self + 1) % n_workers]);
    return NULL;
}

static void *wait_for_signal(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&guard);
    pthread_cond_wait(&ready, &guard);
    pthread_mutex_unlock(&guard);
    return NULL;
}

// Whoever comes first keeps the journal and waits; the others come no further than the journal.
static void *wait_with_journal(void *unused)
{
    pthread_mutex_lock(&journal);
    return wait_for_signal(unused);
}

static void set_up(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checked, &attributes);
    pthread_barrier_init(&all_here, NULL, (unsigned)n_workers);
    for (int i = 0; i < 2; i++) {
        made[i] = malloc(sizeof *made[i]);
        pthread_mutex_init(made[i], NULL);
    }
    for (int i = 0; i < n_workers; i++)
        pthread_mutex_init(&forks[i], NULL);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *how;
        void *(*routine)(void *number);
    } routines[] = { { "mistakes", make_mistakes }, { "ring", take_forks }, { "meet", meet_over_forks },
        { "wait", wait_for_signal }, { "late", wait_with_journal } };
    static pthread_t threads[WORKERS_MAX];
    static int numbers[WORKERS_MAX];
    void *(*routine)(void *) = NULL;
    for (size_t i = 0; argc == 3 && i < sizeof routines / sizeof *routines; i++)
        if (strcmp(argv[1], routines[i].how) == 0)
            routine = routines[i].routine;
    n_workers = argc == 3 ? atoi(argv[2]) : 0;
    if (!routine || n_workers < 1 || n_workers > WORKERS_MAX)
        return 2;
    set_up();
    for (int i = 0; i < n_workers; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, routine, &numbers[i]) != 0)
            return 2;
    }
    for (int i = 0; i < n_workers; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
