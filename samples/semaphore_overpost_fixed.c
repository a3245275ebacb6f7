// SPDX-License-Identifier: MIT
// semaphore_overpost.c, repaired: one post for each wait, at the one way out.
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>

static sem_t printers;

static void print(const char *text, bool jams)
{
    sem_wait(&printers);
    if (!jams)
        printf("%s\n", text);
    sem_post(&printers);
}

static void *office(void *unused)
{
    (void)unused;
    print("a letter", false);
    print("a poster", true);
    return NULL;
}

int main(void)
{
    pthread_t worker;

    sem_init(&printers, 0, 2);
    pthread_create(&worker, NULL, office, NULL);
    pthread_join(worker, NULL);
    sem_destroy(&printers);
    return 0;
}
