// SPDX-License-Identifier: MIT
// A permit of a semaphore is never given back. Two cars share the pool; who finds the tank empty goes home, and takes the
// permit along. Nothing fails today. The pool has one car less, and after the next such day none.
// Repaired in lost_permit_fixed.c.
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>

static sem_t cars;

static bool drive(int litres)
{
    sem_wait(&cars);
    if (litres == 0)
        return false;
    sem_post(&cars);
    return true;
}

static void *colleague(void *unused)
{
    (void)unused;
    printf("with a full tank: %s\n", drive(40) ? "drove" : "stayed");
    printf("with an empty one: %s\n", drive(0) ? "drove" : "stayed");
    return NULL;
}

int main(void)
{
    pthread_t driver;

    sem_init(&cars, 0, 2);
    pthread_create(&driver, NULL, colleague, NULL);
    pthread_join(driver, NULL);
    sem_destroy(&cars);
    return 0;
}
