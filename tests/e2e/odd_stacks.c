// SPDX-License-Identifier: MIT
// odd_stacks: locks from where a stack is not what one expects: coroutines on memory of their own that move between
// threads, signal handlers on an alternate stack, calls left by longjmp, very deep and very small stacks.
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static unsigned long counter;
static volatile int sink;

__attribute__((noinline)) static void count(void)
{
    pthread_mutex_lock(&lock);
    counter++;
    pthread_mutex_unlock(&lock);
}

// --- coroutines ---

#define COROUTINES 4
#define SWITCHES 200

static ucontext_t scheduler, coroutines[COROUTINES];

static void coroutine(int index)
{
    for (int round = 0; round < SWITCHES; round++) {
        count();
        // Held while another thread's stack is under it: the scheduler alternates between two threads.
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        swapcontext(&coroutines[index], &scheduler);
    }
}

static void *run_coroutines(void *argument)
{
    int rounds = *(int *)argument;
    for (int round = 0; round < rounds; round++)
        for (int index = 0; index < COROUTINES; index++)
            swapcontext(&scheduler, &coroutines[index]);
    return NULL;
}

static void in_coroutines(void)
{
    char *stacks = malloc(COROUTINES * 32768);
    for (int index = 0; index < COROUTINES; index++) {
        getcontext(&coroutines[index]);
        coroutines[index].uc_stack.ss_sp = stacks + index * 32768;
        coroutines[index].uc_stack.ss_size = 32768;
        coroutines[index].uc_link = &scheduler;
        makecontext(&coroutines[index], (void (*)(void))coroutine, 1, index);
    }
    int half = SWITCHES / 2;
    pthread_t id;
    run_coroutines(&half);
    pthread_create(&id, NULL, run_coroutines, &half);
    pthread_join(id, NULL);
    free(stacks);
}

// --- an alternate signal stack ---

static sem_t posts;
static void on_signal(int number)
{
    (void)number;
    sem_post(&posts);
}

static void on_alternate_stack(void)
{
    stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    sem_init(&posts, 0, 0);
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (int round = 0; round < 300; round++) {
        count();
        raise(SIGUSR1);
        sem_wait(&posts);
    }
    stack_t none = { .ss_flags = SS_DISABLE };
    sigaltstack(&none, NULL);
    free(stack.ss_sp);
    sem_destroy(&posts);
}

// --- longjmp ---

static jmp_buf back;

#pragma GCC diagnostic ignored "-Winfinite-recursion" // it ends, by longjmp
__attribute__((noinline)) static void leave(int depth)
{
    if (depth == 0) {
        count();
        longjmp(back, 1);
    }
    leave(depth - 1);
    sink++; // no tail call
}

static void *leave_by_longjmp(void *argument)
{
    (void)argument;
    for (volatile int round = 0; round < 300; round++)
        if (setjmp(back) == 0)
            leave(round % 20);
    return NULL;
}

// --- depth ---

__attribute__((noinline)) static void at_depth(int depth)
{
    if (depth > 0)
        at_depth(depth - 1);
    else
        for (int round = 0; round < 100; round++)
            count();
    sink++; // no tail call
}

static void *deep(void *argument)
{
    at_depth(*(int *)argument);
    return NULL;
}

static void in_thread_with_stack(size_t bytes, int depth)
{
    pthread_attr_t attributes;
    pthread_t id;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, bytes);
    if (pthread_create(&id, &attributes, deep, &depth) == 0)
        pthread_join(id, NULL);
    pthread_attr_destroy(&attributes);
}

// A stack that the program gives: on the heap, and not where the kernel would map one.
static void on_given_stack(void)
{
    pthread_attr_t attributes;
    pthread_t id;
    void *stack = NULL;
    int depth = 10;
    if (posix_memalign(&stack, 4096, 65536) != 0)
        exit(3);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, 65536);
    if (pthread_create(&id, &attributes, deep, &depth) == 0)
        pthread_join(id, NULL);
    pthread_attr_destroy(&attributes);
    free(stack);
}

int main(void)
{
    in_coroutines();
    printf("coroutines %lu\n", counter);
    on_alternate_stack();
    printf("alternate stack %lu\n", counter);
    leave_by_longjmp(NULL);
    printf("longjmp %lu\n", counter);
    in_thread_with_stack(64 << 20, 20000);
    printf("deep %lu\n", counter);
    in_thread_with_stack(16384, 3);
    printf("small %lu\n", counter);
    on_given_stack();
    printf("given %lu\n", counter);
    return 0;
}
