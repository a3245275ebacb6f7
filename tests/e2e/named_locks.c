// SPDX-License-Identifier: MIT
// Names its locks through trenza.h, and makes one again where a named one was.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "trenza.h"

static pthread_mutex_t in_data = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
    struct {
        pthread_mutex_t mutex;
        pthread_rwlock_t rwlock;
        pthread_spinlock_t spinlock;
        pthread_cond_t cond;
        pthread_barrier_t barrier;
        sem_t semaphore;
    } *all = malloc(sizeof *all);
    if (!all)
        return 2;
    pthread_mutex_init(&all->mutex, NULL);
    pthread_rwlock_init(&all->rwlock, NULL);
    pthread_spin_init(&all->spinlock, PTHREAD_PROCESS_PRIVATE);
    pthread_cond_init(&all->cond, NULL);
    pthread_barrier_init(&all->barrier, NULL, 1);
    sem_init(&all->semaphore, 0, 1);
    TRENZA_NAME_MUTEX(&all->mutex, "first generation");
    TRENZA_NAME_RWLOCK(&all->rwlock, "the rwlock");
    TRENZA_NAME_SPINLOCK(&all->spinlock, "the spinlock");
    TRENZA_NAME_COND(&all->cond, "the condition");
    TRENZA_NAME_BARRIER(&all->barrier, "the barrier");
    TRENZA_NAME_SEMAPHORE(&all->semaphore, "the semaphore, with 47 bytes and some more of them");
    TRENZA_NAME_MUTEX(&in_data, "not in_data");
    TRENZA_NAME_MUTEX(NULL, "nothing");
    TRENZA_NAME_MUTEX(&in_data, NULL);
    pthread_mutex_destroy(&all->mutex);
    pthread_mutex_init(&all->mutex, NULL);
    pthread_mutex_lock(&all->mutex);
    pthread_mutex_unlock(&all->mutex);
    void (*found)(const volatile void *, int, const char *);
    TRENZA_FIND_(trenza_name_object, found);
    puts(found ? "heard" : "not heard");
    return 0;
}
