// SPDX-License-Identifier: MIT
// One lock, and everybody waits for it. Four clerks share one stamp and hold it for each form they read, so there is never
// more than one of them at work: four threads do the work of one.
// Repaired in contention_fixed.c.
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { CLERKS = 4, FORMS = 60 };

static pthread_mutex_t stamp_lock = PTHREAD_MUTEX_INITIALIZER;
static int stamped;

static void read_form(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static void fetch_form(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
}

static void *clerk(void *unused)
{
    (void)unused;
    for (int form = 0; form < FORMS; form++) {
        fetch_form();
        pthread_mutex_lock(&stamp_lock);
        read_form();
        stamped++;
        pthread_mutex_unlock(&stamp_lock);
    }
    return NULL;
}

int main(void)
{
    pthread_t clerks[CLERKS];

    for (int i = 0; i < CLERKS; i++)
        pthread_create(&clerks[i], NULL, clerk, NULL);
    for (int i = 0; i < CLERKS; i++)
        pthread_join(clerks[i], NULL);
    printf("%d forms stamped\n", stamped);
    return 0;
}
