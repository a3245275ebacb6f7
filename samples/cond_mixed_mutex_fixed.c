// SPDX-License-Identifier: MIT
// cond_mixed_mutex.c, repaired: one mutex for all flags the condition is about.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

struct guest {
    bool waits;
    bool served;
};

static pthread_mutex_t bar_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static struct guest tea, coffee;

static void *wait_for_order(void *data)
{
    struct guest *guest = data;

    pthread_mutex_lock(&bar_lock);
    guest->waits = true;
    while (!guest->served)
        pthread_cond_wait(&bell, &bar_lock);
    pthread_mutex_unlock(&bar_lock);
    return NULL;
}

static void serve(struct guest *guest)
{
    bool waits = false;

    while (!waits) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        pthread_mutex_lock(&bar_lock);
        waits = guest->waits;
        pthread_mutex_unlock(&bar_lock);
    }
}

static void finish(struct guest *guest)
{
    pthread_mutex_lock(&bar_lock);
    guest->served = true;
    pthread_cond_broadcast(&bell);
    pthread_mutex_unlock(&bar_lock);
}

int main(void)
{
    pthread_t first, second;

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
