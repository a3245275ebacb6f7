// SPDX-License-Identifier: MIT
// contention.c, repaired: each clerk reads without the stamp, and takes it only to stamp.
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

static void *clerk(void *unused)
{
    (void)unused;
    for (int form = 0; form < FORMS; form++) {
        read_form();
        pthread_mutex_lock(&stamp_lock);
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
