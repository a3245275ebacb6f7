// SPDX-License-Identifier: MIT
// thread_leak.c, repaired: nobody waits for these threads, so they are made detached, and clean up after themselves.
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
    pthread_attr_t attributes;

    sem_init(&answered, 0, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int request = 0; request < 3; request++) {
        pthread_t thread;
        pthread_create(&thread, &attributes, answer, NULL);
        sem_wait(&answered);
    }
    pthread_attr_destroy(&attributes);
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    printf("3 requests answered\n");
    return 0;
}
