// SPDX-License-Identifier: MIT
// A condition is destroyed while a thread still waits at it. The shop closes and takes its door bell down, but the guest in
// front of it was never told: it waits for ever, and so does the shop, for the guest to leave the bell alone.
// Repaired in destroyed_condition_fixed.c.
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
    pthread_cond_destroy(&bell);
    pthread_join(visitor, NULL);
    printf("closed\n");
    return 0;
}
