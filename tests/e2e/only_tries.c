// SPDX-License-Identifier: MIT
// only_tries: for each call that takes a lock without waiting for ever, one thread takes the lock and then waits for another one; a second
// thread takes it by that call while it holds the other one. Nobody is ever in the way: what could happen is the question.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <threads.h>
#include <time.h>

static struct timespec past, soon;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static mtx_t plain_mtx, timed_mtx;

static int try_mutex(void)
{
    return pthread_mutex_trylock(&mutex);
}

static int timed_mutex(void)
{
    return pthread_mutex_timedlock(&mutex, &soon);
}

static int late_mutex(void)
{
    return pthread_mutex_timedlock(&mutex, &past);
}

static int clock_mutex(void)
{
    return pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &soon);
}

static int try_read(void)
{
    return pthread_rwlock_tryrdlock(&rwlock);
}

static int try_write(void)
{
    return pthread_rwlock_trywrlock(&rwlock);
}

static int timed_read(void)
{
    return pthread_rwlock_timedrdlock(&rwlock, &soon);
}

static int timed_write(void)
{
    return pthread_rwlock_timedwrlock(&rwlock, &soon);
}

static int clock_read(void)
{
    return pthread_rwlock_clockrdlock(&rwlock, CLOCK_REALTIME, &soon);
}

static int clock_write(void)
{
    return pthread_rwlock_clockwrlock(&rwlock, CLOCK_REALTIME, &soon);
}

static int try_spin(void)
{
    return pthread_spin_trylock(&spinlock);
}

static int try_permit(void)
{
    return sem_trywait(&semaphore);
}

static int timed_permit(void)
{
    return sem_timedwait(&semaphore, &soon);
}

static int late_permit(void)
{
    return sem_timedwait(&semaphore, &past);
}

static int clock_permit(void)
{
    return sem_clockwait(&semaphore, CLOCK_REALTIME, &soon);
}

static int try_c11(void)
{
    return mtx_trylock(&plain_mtx);
}

static int timed_c11(void)
{
    return mtx_timedlock(&timed_mtx, &soon);
}

static void take_mutex(void)
{
    pthread_mutex_lock(&mutex);
}

static void give_mutex(void)
{
    pthread_mutex_unlock(&mutex);
}

static void take_rwlock(void)
{
    pthread_rwlock_wrlock(&rwlock);
}

static void give_rwlock(void)
{
    pthread_rwlock_unlock(&rwlock);
}

static void take_spin(void)
{
    pthread_spin_lock(&spinlock);
}

static void give_spin(void)
{
    pthread_spin_unlock(&spinlock);
}

static void take_permit(void)
{
    sem_wait(&semaphore);
}

static void give_permit(void)
{
    sem_post(&semaphore);
}

static void take_plain_c11(void)
{
    mtx_lock(&plain_mtx);
}

static void give_plain_c11(void)
{
    mtx_unlock(&plain_mtx);
}

static void take_timed_c11(void)
{
    mtx_lock(&timed_mtx);
}

static void give_timed_c11(void)
{
    mtx_unlock(&timed_mtx);
}

static const struct way {
    int (*try)(void);
    void (*take)(void), (*give)(void);
} ways[] = {
    { try_mutex, take_mutex, give_mutex },
    { timed_mutex, take_mutex, give_mutex },
    { late_mutex, take_mutex, give_mutex },
    { clock_mutex, take_mutex, give_mutex },
    { try_read, take_rwlock, give_rwlock },
    { try_write, take_rwlock, give_rwlock },
    { timed_read, take_rwlock, give_rwlock },
    { timed_write, take_rwlock, give_rwlock },
    { clock_read, take_rwlock, give_rwlock },
    { clock_write, take_rwlock, give_rwlock },
    { try_spin, take_spin, give_spin },
    { try_permit, take_permit, give_permit },
    { timed_permit, take_permit, give_permit },
    { late_permit, take_permit, give_permit },
    { clock_permit, take_permit, give_permit },
    { try_c11, take_plain_c11, give_plain_c11 },
    { timed_c11, take_timed_c11, give_timed_c11 },
};
#define WAYS (sizeof ways / sizeof *ways)

// What is wanted in the other order, one for each.
static pthread_mutex_t outer[WAYS];
static _Atomic int is_over;
static int failures;

static void *forward(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < WAYS; i++) {
        ways[i].take();
        pthread_mutex_lock(&outer[i]);
        pthread_mutex_unlock(&outer[i]);
        ways[i].give();
    }
    is_over = 1;
    return NULL;
}

static void *backward(void *unused)
{
    (void)unused;
    while (!is_over) // what no recording sees
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    for (size_t i = 0; i < WAYS; i++) {
        pthread_mutex_lock(&outer[i]);
        if (ways[i].try() == 0)
            ways[i].give();
        else
            failures++;
        pthread_mutex_unlock(&outer[i]);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    clock_gettime(CLOCK_REALTIME, &soon);
    past = soon;
    past.tv_sec -= 10;
    soon.tv_sec += 10;
    for (size_t i = 0; i < WAYS; i++)
        pthread_mutex_init(&outer[i], NULL);
    pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE);
    sem_init(&semaphore, 0, 1);
    mtx_init(&plain_mtx, mtx_plain);
    mtx_init(&timed_mtx, mtx_timed);
    pthread_create(&threads[0], NULL, forward, NULL);
    pthread_create(&threads[1], NULL, backward, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    printf("%zu ways, %d failures\n", WAYS, failures);
    return 0;
}
