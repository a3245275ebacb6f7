// SPDX-License-Identifier: MIT
// A thread waits for a condition without holding its mutex. The wait gives the mutex back, which it does not have, so it
// gives back somebody else's, or breaks it; and between the look at the flag and the wait, a signal can get lost.
// Repaired in cond_unheld_mutex_fixed.c.
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
    if (parcels == 0)
        pthread_cond_timedwait(&parcel_came, &parcel_lock, &until);
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
