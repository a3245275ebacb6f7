// SPDX-License-Identifier: MIT
// owner_death: robust mutexes whose owner ends, as a thread and as a process, by every way to end; recovered, or given
// up. Prints each return value.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

static void init_robust(pthread_mutex_t *mutex, int type, int protocol)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setprotocol(&attributes, protocol);
    printf("init %d\n", pthread_mutex_init(mutex, &attributes));
    pthread_mutexattr_destroy(&attributes);
}

static void *lock_and_end(void *argument)
{
    pthread_mutex_lock(argument);
    return NULL;
}

static void die_as_thread(pthread_mutex_t *mutex)
{
    pthread_t id;
    pthread_create(&id, NULL, lock_and_end, mutex);
    pthread_join(id, NULL);
}

static void die_as_process(pthread_mutex_t *mutex, int by_signal)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_mutex_lock(mutex);
        if (by_signal)
            kill(getpid(), SIGKILL);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

// How the next one gets at the mutex, by number.
static int acquire(pthread_mutex_t *mutex, int how)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1; // glibc does wait for a given-up mutex here: 110 is its answer
    if (how == 0)
        return pthread_mutex_lock(mutex);
    if (how == 1)
        return pthread_mutex_trylock(mutex);
    return pthread_mutex_timedlock(mutex, &until);
}

static void recover_and_give_up(struct shared *shared, int as_process, int type, int protocol)
{
    printf("%s, type %d, protocol %d\n", as_process ? "process" : "thread", type, protocol);
    init_robust(&shared->mutex, type, protocol);
    for (int how = 0; how < 3; how++) {
        if (as_process)
            die_as_process(&shared->mutex, how % 2);
        else
            die_as_thread(&shared->mutex);
        int got = acquire(&shared->mutex, how);
        int recovered = pthread_mutex_consistent(&shared->mutex);
        int again = pthread_mutex_consistent(&shared->mutex);
        int unlocked = pthread_mutex_unlock(&shared->mutex);
        printf("acquire %d, consistent %d then %d, unlock %d\n", got, recovered, again, unlocked);
        got = pthread_mutex_lock(&shared->mutex);
        printf("lock %d, unlock %d\n", got, pthread_mutex_unlock(&shared->mutex));
    }
    die_as_thread(&shared->mutex);
    int got = pthread_mutex_lock(&shared->mutex);
    printf("lock %d, unlock %d without recovery\n", got, pthread_mutex_unlock(&shared->mutex));
    for (int how = 0; how < 3; how++)
        printf("acquire %d\n", acquire(&shared->mutex, how));
    printf("destroy %d\n", pthread_mutex_destroy(&shared->mutex));
}

static void *wait_then_report(void *argument)
{
    struct shared *shared = argument;
    int locked = pthread_mutex_lock(&shared->mutex);
    int woken = pthread_cond_wait(&shared->cond, &shared->mutex);
    int recovered = pthread_mutex_consistent(&shared->mutex);
    int unlocked = pthread_mutex_unlock(&shared->mutex);
    printf("waiter: lock %d, wait %d, consistent %d, unlock %d\n", locked, woken, recovered, unlocked);
    return NULL;
}

// The owner dies after its signal: the waiter comes out of pthread_cond_wait with EOWNERDEAD.
static void die_after_signal(struct shared *shared)
{
    pthread_t waiter;
    init_robust(&shared->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->cond, &attributes);
    pthread_condattr_destroy(&attributes);
    fflush(stdout);
    pthread_create(&waiter, NULL, wait_then_report, shared);
    usleep(100000);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_mutex_lock(&shared->mutex);
        pthread_cond_signal(&shared->cond);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    pthread_join(waiter, NULL);
    int destroyed = pthread_cond_destroy(&shared->cond);
    printf("destroy %d %d\n", destroyed, pthread_mutex_destroy(&shared->mutex));
}

int main(void)
{
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 3;
    for (int as_process = 0; as_process < 2; as_process++) {
        recover_and_give_up(shared, as_process, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
        recover_and_give_up(shared, as_process, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE);
        recover_and_give_up(shared, as_process, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT);
    }
    die_after_signal(shared);
    return 0;
}
