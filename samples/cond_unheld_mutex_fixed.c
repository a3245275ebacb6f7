// SPDX-License-Identifier: MIT
// cond_unheld_mutex.c, repaired: lock, look in a loop, wait in the loop, unlock.
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t parcel_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t parcel_came = PTHREAD_COND_INITIALIZER;
static int parcels;

static void *postman(void *unused)
{
    (void)unused;
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    pthread_mutex_lock(&parcel_lock);
    parcels++;
    pthread_cond_signal(&parcel_came);
    pthread_mutex_unlock(&parcel_lock);
    return NULL;
}

static void await_parcel(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    pthread_mutex_lock(&parcel_lock);
    while (parcels == 0)
        if (pthread_cond_timedwait(&parcel_came, &parcel_lock, &until) != 0)
            break;
    pthread_mutex_unlock(&parcel_lock);
}

int main(void)
{
    pthread_t post;

    pthread_create(&post, NULL, postman, NULL);
    await_parcel();
    pthread_join(post, NULL);
    printf("%d parcels\n", parcels);
    return 0;
}
