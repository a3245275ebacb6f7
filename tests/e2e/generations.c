// SPDX-License-Identifier: MIT
// generations: locks that come and go at the same addresses, in every way memory is used again, and each time in an
// order that would be a lock-order cycle if the address alone were the lock. There is nothing wrong in this program.
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROUNDS 500

static pthread_mutex_t global = PTHREAD_MUTEX_INITIALIZER;
static const pthread_mutex_t fresh_mutex = PTHREAD_MUTEX_INITIALIZER;
static const pthread_rwlock_t fresh_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static unsigned reused;

// As std::mutex is made: no call of the library.
static void make_mutex(void *memory)
{
    memcpy(memory, &fresh_mutex, sizeof(fresh_mutex));
}

static void global_then(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(&global);
    pthread_mutex_lock(mutex);
    pthread_mutex_unlock(mutex);
    pthread_mutex_unlock(&global);
}

static void then_global(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    pthread_mutex_lock(&global);
    pthread_mutex_unlock(&global);
    pthread_mutex_unlock(mutex);
}

static void one_order_then_the_other(pthread_mutex_t *mutex, unsigned round)
{
    if (round % 2)
        global_then(mutex);
    else
        then_global(mutex);
}

static void heap_rounds(void)
{
    void *last = NULL;
    for (unsigned round = 0; round < ROUNDS; round++) {
        // A new call each time, so that one chunk is given again and again.
        void *memory = malloc(sizeof(pthread_mutex_t));
        reused += memory == last;
        make_mutex(memory);
        one_order_then_the_other(memory, round);
        last = memory;
        free(memory);
    }
}

static void other_allocators(void)
{
    for (unsigned round = 0; round < 50; round++) {
        pthread_mutex_t *mutex = calloc(1, sizeof(*mutex));
        one_order_then_the_other(mutex, round);
        // Grows past what is there: the mutex's first memory is free now.
        mutex = realloc(mutex, 3000 + round * 500);
        make_mutex(mutex);
        one_order_then_the_other(mutex, round + 1);
        free(mutex);
        mutex = aligned_alloc(64, 64);
        make_mutex(mutex);
        one_order_then_the_other(mutex, round);
        free(mutex);
        void *memory = NULL;
        if (posix_memalign(&memory, 4096, 4096) == 0) {
            make_mutex(memory);
            one_order_then_the_other(memory, round);
            free(memory);
        }
    }
}

static void mapped_rounds(void)
{
    for (unsigned round = 0; round < 100; round++) {
        void *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            exit(3);
        pthread_mutex_t *mutex = (pthread_mutex_t *)((char *)memory + 4096);
        make_mutex(mutex);
        one_order_then_the_other(mutex, round);
        munmap(memory, 8192);
    }
}

static void init_destroy_rounds(void)
{
    static pthread_mutex_t mutex;
    static pthread_cond_t cond;
    static sem_t semaphore;
    static pthread_barrier_t barrier;
    for (unsigned round = 0; round < ROUNDS; round++) {
        pthread_mutex_init(&mutex, NULL);
        one_order_then_the_other(&mutex, round);
        pthread_mutex_destroy(&mutex);
        pthread_cond_init(&cond, NULL);
        pthread_cond_signal(&cond);
        pthread_cond_destroy(&cond);
        sem_init(&semaphore, 0, 1);
        sem_wait(&semaphore);
        sem_post(&semaphore);
        sem_destroy(&semaphore);
        pthread_barrier_init(&barrier, NULL, 1);
        pthread_barrier_wait(&barrier);
        pthread_barrier_destroy(&barrier);
    }
}

static void another_kind_in_the_same_place(void)
{
    static union {
        pthread_mutex_t mutex;
        pthread_rwlock_t rwlock;
        pthread_spinlock_t spinlock;
    } place;
    for (unsigned round = 0; round < 100; round++) {
        make_mutex(&place.mutex);
        one_order_then_the_other(&place.mutex, round);
        memcpy(&place.rwlock, &fresh_rwlock, sizeof(fresh_rwlock));
        if (round % 2)
            pthread_rwlock_wrlock(&place.rwlock);
        else
            pthread_rwlock_rdlock(&place.rwlock);
        pthread_rwlock_unlock(&place.rwlock);
        pthread_spin_init(&place.spinlock, PTHREAD_PROCESS_PRIVATE);
        pthread_spin_lock(&place.spinlock);
        pthread_spin_unlock(&place.spinlock);
        pthread_spin_destroy(&place.spinlock);
    }
}

__attribute__((noinline)) static void on_the_stack_one_way(void)
{
    pthread_mutex_t local = PTHREAD_MUTEX_INITIALIZER;
    global_then(&local);
}

__attribute__((noinline)) static void on_the_stack_the_other_way(void)
{
    pthread_mutex_t local = PTHREAD_MUTEX_INITIALIZER;
    then_global(&local);
}

static void *stack_rounds(void *argument)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        if (round % 2)
            on_the_stack_one_way();
        else
            on_the_stack_the_other_way();
    return argument;
}

static void in_two_threads(void *(*routine)(void *))
{
    pthread_t ids[2];
    for (int index = 0; index < 2; index++)
        if (pthread_create(&ids[index], NULL, routine, NULL) != 0)
            exit(4);
    for (int index = 0; index < 2; index++)
        pthread_join(ids[index], NULL);
}

// The same stack memory is given to thread after thread, and a lock on it to none of them twice.
static void *short_stack(void *argument)
{
    if (argument)
        on_the_stack_one_way();
    else
        on_the_stack_the_other_way();
    return NULL;
}

static void stacks_of_ended_threads(void)
{
    for (int round = 0; round < 100; round++) {
        pthread_t id;
        if (pthread_create(&id, NULL, short_stack, round % 2 ? &global : NULL) != 0)
            exit(4);
        pthread_join(id, NULL);
    }
}

// The memory goes from one thread to the other without any synchronisation that would order the two.
static _Atomic(void *) handed_over;
static void *cross_thread_rounds(void *argument)
{
    (void)argument;
    for (unsigned round = 0; round < ROUNDS; round++) {
        void *memory = malloc(200);
        make_mutex(memory);
        one_order_then_the_other(memory, round);
        void *other = atomic_exchange(&handed_over, memory);
        free(other);
    }
    return NULL;
}

int main(void)
{
    heap_rounds();
    other_allocators();
    mapped_rounds();
    init_destroy_rounds();
    another_kind_in_the_same_place();
    stack_rounds(NULL);
    in_two_threads(stack_rounds);
    stacks_of_ended_threads();
    in_two_threads(cross_thread_rounds);
    free(atomic_load(&handed_over));
    printf("memory %s\n", reused > ROUNDS / 2 ? "used again" : "not used again");
    return 0;
}
