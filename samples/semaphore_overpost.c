// SPDX-License-Identifier: MIT
// A semaphore that guards two printers is posted once too often. print() posts when the paper jams and once more on its way
// out, so there are three permits for two printers, and soon two jobs on one printer. A semaphore counts what it is told.
// Repaired in semaphore_overpost_fixed.c.
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>

static sem_t printers;

static void print(const char *text, bool jams)
{
    sem_wait(&printers);
    if (jams)
        sem_post(&printers);
    else
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
