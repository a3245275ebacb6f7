// SPDX-License-Identifier: MIT
// destroyed_condition.c, repaired: those who wait are told first. Right after the broadcast the condition may be destroyed,
// even though the guest has not left yet: who has been woken needs the condition no more.
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t door_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static bool open, guest_is_here;

static void *guest(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&door_lock);
    guest_is_here = true;
    while (!open)
        pthread_cond_wait(&bell, &door_lock);
    pthread_mutex_unlock(&door_lock);
    return NULL;
}

static bool guest_waits(void)
{
    bool waits;

    pthread_mutex_lock(&door_lock);
    waits = guest_is_here;
    pthread_mutex_unlock(&door_lock);
    return waits;
}

int main(void)
{
    pthread_t visitor;

    pthread_create(&visitor, NULL, guest, NULL);
    while (!guest_waits())
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    pthread_mutex_lock(&door_lock);
    open = true;
    pthread_cond_broadcast(&bell);
    pthread_mutex_unlock(&door_lock);
    pthread_cond_destroy(&bell);
    pthread_join(visitor, NULL);
    printf("closed\n");
    return 0;
}
