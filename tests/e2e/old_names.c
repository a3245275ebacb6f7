// SPDX-License-Identifier: MIT
// old_names: calls locks by the names that only programs and libraries built long ago use.
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define OLD_NAME(type, name, old, version, parameters)                                                       \
    type name parameters;                                                                                    \
    __asm__(".symver " #name ", " #old "@" version)

OLD_NAME(int, old_lock, __pthread_mutex_lock, "GLIBC_2.2.5", (pthread_mutex_t *));
OLD_NAME(int, old_trylock, __pthread_mutex_trylock, "GLIBC_2.2.5", (pthread_mutex_t *));
OLD_NAME(int, old_unlock, __pthread_mutex_unlock, "GLIBC_2.2.5", (pthread_mutex_t *));
OLD_NAME(int, old_rdlock, __pthread_rwlock_rdlock, "GLIBC_2.2.5", (pthread_rwlock_t *));
OLD_NAME(int, old_wrlock, __pthread_rwlock_wrlock, "GLIBC_2.2.5", (pthread_rwlock_t *));
OLD_NAME(int, old_rwunlock, __pthread_rwlock_unlock, "GLIBC_2.2.5", (pthread_rwlock_t *));
OLD_NAME(int, old_once, __pthread_once, "GLIBC_2.2.5", (pthread_once_t *, void (*)(void)));
OLD_NAME(pid_t, old_fork, __fork, "GLIBC_2.2.5", (void));

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ran;

static void run(void)
{
    ran++;
}

int main(void)
{
    int errors = old_lock(&mutex);
    const int busy = old_trylock(&mutex);
    errors |= old_unlock(&mutex);
    errors |= old_rdlock(&rwlock) | old_rwunlock(&rwlock);
    errors |= old_wrlock(&rwlock) | old_rwunlock(&rwlock);
    errors |= old_once(&once, run) | old_once(&once, run);
    int status = 0;
    const pid_t child = old_fork();
    if (child == 0)
        _exit(7);
    waitpid(child, &status, 0);
    printf("errors %d, busy %d, ran %d, status %d\n", errors, busy, ran, WEXITSTATUS(status));
    return 0;
}
