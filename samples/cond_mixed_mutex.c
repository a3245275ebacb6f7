// SPDX-License-Identifier: MIT
// Two threads wait at one condition with different mutexes. Each protects its own flag, and one bell rings for both; POSIX
// allows a condition one mutex at a time, and no single lock covers the look at a flag and the wait of the other one.
// Repaired in cond_mixed_mutex_fixed.c.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

struct guest {
    pthread_mutex_t lock;
    bool waits;
    bool served;
};

static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static struct guest tea, coffee;

static void *wait_for_order(void *data)
{
    struct guest *guest = data;

    pthread_mutex_lock(&guest->lock);
    guest->waits = true;
    while (!guest->served)
        pthread_cond_wait(&bell, &guest->lock);
    pthread_mutex_unlock(&guest->lock);
    return NULL;
}

static void serve(struct guest *guest)
{
    bool waits = false;

    while (!waits) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        pthread_mutex_lock(&guest->lock);
        waits = guest->waits;
        pthread_mutex_unlock(&guest->lock);
    }
}

static void finish(struct guest *guest)
{
    pthread_mutex_lock(&guest->lock);
    guest->served = true;
    pthread_cond_broadcast(&bell);
    pthread_mutex_unlock(&guest->lock);
}

int main(void)
{
    pthread_t first, second;

    pthread_mutex_init(&tea.lock, NULL);
    pthread_mutex_init(&coffee.lock, NULL);
    pthread_create(&first, NULL, wait_for_order, &tea);
    serve(&tea);
    pthread_create(&second, NULL, wait_for_order, &coffee);
    serve(&coffee);
    finish(&tea);
    finish(&coffee);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    printf("both served\n");
    return 0;
}
