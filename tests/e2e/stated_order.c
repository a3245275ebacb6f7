// SPDX-License-Identifier: MIT
// stated_order HOW...: four locks of one class that are said to be ordered by address; each HOW is what a thread does, one after
// the other or, with `meet`, by threads that live at once; they take turns by data that nobody records, so none blocks. up,
// down: takes two of them in that order; other-down: two that nobody said it of; try, ignored, timed: down, but without waiting
// for good; late: says it once the locks have been used. read-down, write-down, spin-down: the same with rwlocks and spinlocks.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "trenza.h"

static struct {
    pthread_mutex_t lock;
} items[4] = { { PTHREAD_MUTEX_INITIALIZER }, { PTHREAD_MUTEX_INITIALIZER }, { PTHREAD_MUTEX_INITIALIZER },
    { PTHREAD_MUTEX_INITIALIZER } };
static struct {
    pthread_mutex_t lock;
} others[2] = { { PTHREAD_MUTEX_INITIALIZER }, { PTHREAD_MUTEX_INITIALIZER } };
static pthread_rwlock_t rwlocks[2] = { PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER };
static pthread_spinlock_t spinlocks[2];
static pthread_barrier_t all_here;
static char **first_how;
static atomic_long turn; // whose, by place among the arguments

static void say_order(void)
{
    for (int i = 0; i < 4; i++)
        TRENZA_ORDER_MUTEX_BY_ADDRESS(&items[i].lock);
    for (int i = 0; i < 2; i++) {
        TRENZA_ORDER_RWLOCK_BY_ADDRESS(&rwlocks[i]);
        TRENZA_ORDER_SPINLOCK_BY_ADDRESS(&spinlocks[i]);
    }
}

static void both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
    pthread_mutex_lock(outer);
    pthread_mutex_lock(inner);
    pthread_mutex_unlock(inner);
    pthread_mutex_unlock(outer);
}

static void without_waiting(int timed)
{
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec++;
    pthread_mutex_lock(&items[3].lock);
    if ((timed ? pthread_mutex_timedlock(&items[2].lock, &soon) : pthread_mutex_trylock(&items[2].lock)) == 0)
        pthread_mutex_unlock(&items[2].lock);
    pthread_mutex_unlock(&items[3].lock);
}

static void rwlocks_down(int (*lock)(pthread_rwlock_t *))
{
    lock(&rwlocks[1]);
    lock(&rwlocks[0]);
    pthread_rwlock_unlock(&rwlocks[0]);
    pthread_rwlock_unlock(&rwlocks[1]);
}

static void spinlocks_down(void)
{
    pthread_spin_lock(&spinlocks[1]);
    pthread_spin_lock(&spinlocks[0]);
    pthread_spin_unlock(&spinlocks[0]);
    pthread_spin_unlock(&spinlocks[1]);
}

static void *behave(void *argument)
{
    char **place = argument;
    const char *how = *place;
    pthread_barrier_wait(&all_here);
    while (atomic_load(&turn) != place - first_how)
        sched_yield();
    if (strcmp(how, "up") == 0) {
        both(&items[0].lock, &items[1].lock);
        both(&items[0].lock, &items[3].lock);
    }
    if (strcmp(how, "down") == 0)
        both(&items[1].lock, &items[0].lock);
    if (strcmp(how, "other-down") == 0)
        both(&others[1].lock, &others[0].lock);
    if (strcmp(how, "try") == 0 || strcmp(how, "timed") == 0)
        without_waiting(how[1] == 'i');
    if (strcmp(how, "ignored") == 0) {
        TRENZA_IGNORE_BEGIN();
        both(&items[3].lock, &items[2].lock);
        TRENZA_IGNORE_END();
    }
    if (strcmp(how, "read-down") == 0)
        rwlocks_down(pthread_rwlock_rdlock);
    if (strcmp(how, "write-down") == 0)
        rwlocks_down(pthread_rwlock_wrlock);
    if (strcmp(how, "spin-down") == 0)
        spinlocks_down();
    if (strcmp(how, "late") == 0)
        say_order();
    atomic_fetch_add(&turn, 1);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[8] = { 0 };
    int meet = argc > 1 && strcmp(argv[1], "meet") == 0;
    int failed = 0;
    pthread_barrier_init(&all_here, NULL, meet ? (unsigned)argc - 2 : 1);
    if (argc < 2 || argc > 8)
        return 2;
    for (int i = 0; i < 2; i++)
        pthread_spin_init(&spinlocks[i], PTHREAD_PROCESS_PRIVATE);
    if (strcmp(argv[argc - 1], "late") != 0)
        say_order();
    first_how = &argv[1 + meet];
    for (int i = 1 + meet; i < argc; i++) {
        failed |= pthread_create(&threads[i - 1], NULL, behave, &argv[i]);
        if (!meet)
            failed |= pthread_join(threads[i - 1], NULL);
    }
    for (int i = 1 + meet; meet && i < argc; i++)
        failed |= pthread_join(threads[i - 1], NULL);
    return failed;
}
