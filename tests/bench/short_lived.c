// SPDX-License-Identifier: MIT
// short_lived threads|forks COUNT GROUP: makes COUNT threads or processes that do nothing, GROUP at a time, and waits for
// each. Prints the milliseconds it took, by the clock; the program's own start and end are not in it.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GROUP_MAX 1000

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void *idle(void *argument)
{
    return argument;
}

static int threads(int group)
{
    static pthread_t ids[GROUP_MAX];
    for (int i = 0; i < group; i++)
        if (pthread_create(&ids[i], NULL, idle, NULL) != 0)
            return 3;
    for (int i = 0; i < group; i++)
        pthread_join(ids[i], NULL);
    return 0;
}

static int forks(int group)
{
    for (int i = 0; i < group; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return 3;
        if (pid == 0)
            _exit(0);
    }
    for (int i = 0; i < group; i++)
        if (wait(NULL) < 0)
            return 4;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int count = atoi(argv[2]), group = atoi(argv[3]);
    if (group < 1 || group > GROUP_MAX)
        return 2;
    int (*make)(int) = strcmp(argv[1], "forks") == 0 ? forks : threads;
    double begin = now_ms();
    for (int done = 0; done < count; done += group) {
        int failure = make(group);
        if (failure != 0)
            return failure;
    }
    printf("%.3f\n", now_ms() - begin);
    return 0;
}
