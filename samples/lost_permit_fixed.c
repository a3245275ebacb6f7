// SPDX-License-Identifier: MIT
// lost_permit.c, repaired: every way out gives the permit back.
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>

static sem_t cars;

static bool drive(int litres)
{
    sem_wait(&cars);
    sem_post(&cars);
    return litres > 0;
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
