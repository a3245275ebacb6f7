// SPDX-License-Identifier: MIT
// detour: two locks in both orders. One thread uses `first` alone before it comes to the two, so whoever holds the other one up
// while it has `first` keeps this one away: it has to begin before the other one does.
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static int sum;

static void *straight(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    sum++;
    pthread_mutex_unlock(&second);
    pthread_mutex_unlock(&first);
    return NULL;
}

static void *around(void *unused)
{
    (void)unused;
    nanosleep(&(struct timespec){ .tv_nsec = 400000000 }, NULL);
    pthread_mutex_lock(&first);
    sum++;
    pthread_mutex_unlock(&first);
    pthread_mutex_lock(&second);
    pthread_mutex_lock(&first);
    sum++;
    pthread_mutex_unlock(&first);
    pthread_mutex_unlock(&second);
    return NULL;
}

int main(void)
{
    pthread_t one, two;
    pthread_create(&one, NULL, straight, NULL);
    pthread_create(&two, NULL, around, NULL);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    printf("%d\n", sum);
    return 0;
}
