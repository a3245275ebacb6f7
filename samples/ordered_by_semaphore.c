// SPDX-License-Identifier: MIT
// Not a bug: two threads take two locks in opposite orders, but the second one begins only when the first one has posted
// that it is done with them.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

static pthread_mutex_t kitchen = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t counter = PTHREAD_MUTEX_INITIALIZER;
static sem_t ready;
static int meals;

static void *cook(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&kitchen);
    pthread_mutex_lock(&counter);
    meals++;
    pthread_mutex_unlock(&counter);
    pthread_mutex_unlock(&kitchen);
    sem_post(&ready);
    return NULL;
}

static void *wait_at_table(void *unused)
{
    (void)unused;
    sem_wait(&ready);
    pthread_mutex_lock(&counter);
    pthread_mutex_lock(&kitchen);
    printf("%d meal\n", meals);
    pthread_mutex_unlock(&kitchen);
    pthread_mutex_unlock(&counter);
    return NULL;
}

int main(void)
{
    pthread_t first, second;

    sem_init(&ready, 0, 0);
    pthread_create(&first, NULL, wait_at_table, NULL);
    pthread_create(&second, NULL, cook, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return 0;
}
