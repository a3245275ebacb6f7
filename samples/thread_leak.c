// SPDX-License-Identifier: MIT
// Threads end, and nobody joins or detaches them. Each keeps its stack and its entry until the program ends; a server that
// starts one per request runs out of memory, or of threads, after some thousands.
// Repaired in thread_leak_fixed.c.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

static sem_t answered;

static void *answer(void *unused)
{
    (void)unused;
    sem_post(&answered);
    return NULL;
}

int main(void)
{
    sem_init(&answered, 0, 0);
    for (int request = 0; request < 3; request++) {
        pthread_t thread;
        pthread_create(&thread, NULL, answer, NULL);
        sem_wait(&answered);
    }
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    printf("3 requests answered\n");
    return 0;
}
