// SPDX-License-Identifier: MIT
// Takes locks of one class in pairs, the lower one first and the higher one first: lock_class HOW.
//
//   data       two threads by the same code: which locks it takes is a matter of data
//   places     two threads, each by code of its own that always takes the same two
//   processes  by the same code, but each of the two in a process of its own
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t *locks[4];

static void make_locks(void)
{
    static pthread_mutex_t memory[4];
    for (int i = 0; i < 4; i++) {
        locks[i] = &memory[i];
        pthread_mutex_init(locks[i], NULL);
    }
}

__attribute__((noinline)) static void take(int first, int second)
{
    pthread_mutex_lock(locks[first]);
    pthread_mutex_lock(locks[second]);
    pthread_mutex_unlock(locks[second]);
    pthread_mutex_unlock(locks[first]);
}

static void *take_down(void *unused)
{
    (void)unused;
    take(1, 0);
    return NULL;
}

static void *take_up(void *unused)
{
    (void)unused;
    take(2, 3);
    return NULL;
}

static void *down_by_itself(void *unused)
{
    (void)unused;
    pthread_mutex_lock(locks[1]);
    pthread_mutex_lock(locks[0]);
    pthread_mutex_unlock(locks[0]);
    pthread_mutex_unlock(locks[1]);
    return NULL;
}

static void *up_by_itself(void *unused)
{
    (void)unused;
    pthread_mutex_lock(locks[2]);
    pthread_mutex_lock(locks[3]);
    pthread_mutex_unlock(locks[3]);
    pthread_mutex_unlock(locks[2]);
    return NULL;
}

static void by_threads(void *(*down)(void *), void *(*up)(void *))
{
    pthread_t threads[2];
    make_locks();
    pthread_create(&threads[0], NULL, down, NULL);
    pthread_create(&threads[1], NULL, up, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

static void by_processes(void)
{
    const pid_t child = fork();
    make_locks();
    (child ? take_down : take_up)(NULL);
    if (child)
        waitpid(child, NULL, 0);
}

int main(int count, char **arguments)
{
    const char *how = count > 1 ? arguments[1] : "";
    if (strcmp(how, "data") == 0)
        by_threads(take_down, take_up);
    else if (strcmp(how, "places") == 0)
        by_threads(down_by_itself, up_by_itself);
    else if (strcmp(how, "processes") == 0)
        by_processes();
    else
        return 9;
    return 0;
}
