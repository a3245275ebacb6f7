// SPDX-License-Identifier: MIT
// crowd CREATORS EACH: several threads create EACH threads at the same time, and all are there at once before any goes.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CREATORS_MAX 16
#define EACH_MAX 1000
#define STACK_BYTES 65536

static pthread_barrier_t all_there;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int each, count;

static void *be_there(void *argument)
{
    pthread_mutex_lock(&lock);
    count++;
    pthread_mutex_unlock(&lock);
    pthread_barrier_wait(&all_there);
    return argument;
}

static void *create(void *argument)
{
    pthread_t ids[EACH_MAX];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (int i = 0; i < each; i++)
        if (pthread_create(&ids[i], &attributes, be_there, NULL) != 0)
            exit(3);
    for (int i = 0; i < each; i++)
        pthread_join(ids[i], NULL);
    pthread_attr_destroy(&attributes);
    return argument;
}

int main(int argc, char **argv)
{
    const int creators = argc > 2 ? atoi(argv[1]) : 0;
    each = argc > 2 ? atoi(argv[2]) : 0;
    if (creators < 1 || creators > CREATORS_MAX || each < 1 || each > EACH_MAX)
        return 2;
    pthread_t ids[CREATORS_MAX];
    pthread_barrier_init(&all_there, NULL, (unsigned)(creators * each));
    for (int i = 0; i < creators; i++)
        pthread_create(&ids[i], NULL, create, NULL);
    for (int i = 0; i < creators; i++)
        pthread_join(ids[i], NULL);
    printf("%d\n", count);
    return 0;
}
