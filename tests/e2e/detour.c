// SPDX-License-Identifier: MIT
// detour [ROUNDS]: two locks in both orders. One thread uses `first` alone before it comes to the two, so whoever holds the other one up
// while it has `first` keeps this one away: it has to begin before the other one does.
// With a number of rounds each goes its way so often, but an atomic keeps the one away until the other is through.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static int sum, rounds;
static atomic_int through;

static void *straight(void *unused)
{
    (void)unused;
    for (int round = 0; round == 0 || round < rounds; round++) {
        pthread_mutex_lock(&first);
        pthread_mutex_lock(&second);
        sum++;
        pthread_mutex_unlock(&second);
        pthread_mutex_unlock(&first);
    }
    atomic_store(&through, 1);
    return NULL;
}

static void *around(void *unused)
{
    (void)unused;
    do
        nanosleep(&(struct timespec){ .tv_nsec = 400000000 }, NULL);
    while (rounds && !atomic_load(&through));
    for (int round = 0; round == 0 || round < rounds; round++) {
        pthread_mutex_lock(&first);
        sum++;
        pthread_mutex_unlock(&first);
        pthread_mutex_lock(&second);
        pthread_mutex_lock(&first);
        sum++;
        pthread_mutex_unlock(&first);
        pthread_mutex_unlock(&second);
    }
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t one, two;
    rounds = count > 1 ? atoi(arguments[1]) : 0;
    pthread_create(&one, NULL, straight, NULL);
    pthread_create(&two, NULL, around, NULL);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    printf("%d\n", sum);
    return 0;
}
