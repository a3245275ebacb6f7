// SPDX-License-Identifier: MIT
// left_locked STATUS: a thread ends while it holds a lock; exits with STATUS. left_locked exit: main exits with it instead.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t left_locked = PTHREAD_MUTEX_INITIALIZER;

static void *forget(void *argument)
{
    pthread_mutex_lock(&left_locked);
    return argument;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    puts("said by the program");
    if (strcmp(argv[1], "exit") == 0) {
        pthread_mutex_lock(&left_locked);
        return 0;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, forget, NULL) != 0)
        return 2;
    pthread_join(thread, NULL);
    return atoi(argv[1]);
}
