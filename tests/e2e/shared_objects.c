// SPDX-License-Identifier: MIT
// shared_objects fork: two processes related by fork play ping-pong over a mutex, a condition and semaphores in
// shared memory. shared_objects meet NAME ROLE: two processes that know only NAME do the same through shm_open, and
// over named semaphores. Each turn checks the other's; prints how many turns were right.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS 1000

struct table {
    _Atomic int ready;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_rwlock_t rwlock;
    pthread_spinlock_t spinlock;
    pthread_barrier_t barrier;
    sem_t ping, pong;
    int turn;
    unsigned long unprotected_sum; // kept right by the locks alone
};

static void init_table(struct table *table)
{
    pthread_mutexattr_t mutex_attributes;
    pthread_mutexattr_init(&mutex_attributes);
    pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&table->mutex, &mutex_attributes);
    pthread_mutexattr_destroy(&mutex_attributes);
    pthread_condattr_t cond_attributes;
    pthread_condattr_init(&cond_attributes);
    pthread_condattr_setpshared(&cond_attributes, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&table->cond, &cond_attributes);
    pthread_condattr_destroy(&cond_attributes);
    pthread_rwlockattr_t rwlock_attributes;
    pthread_rwlockattr_init(&rwlock_attributes);
    pthread_rwlockattr_setpshared(&rwlock_attributes, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&table->rwlock, &rwlock_attributes);
    pthread_rwlockattr_destroy(&rwlock_attributes);
    pthread_barrierattr_t barrier_attributes;
    pthread_barrierattr_init(&barrier_attributes);
    pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&table->barrier, &barrier_attributes, 2);
    pthread_barrierattr_destroy(&barrier_attributes);
    pthread_spin_init(&table->spinlock, PTHREAD_PROCESS_SHARED);
    sem_init(&table->ping, 1, 0);
    sem_init(&table->pong, 1, 0);
    table->turn = 0;
}

static int take_turns(struct table *table, int me)
{
    for (int round = 0; round < TURNS; round++) {
        pthread_mutex_lock(&table->mutex);
        while (table->turn != me)
            pthread_cond_wait(&table->cond, &table->mutex);
        table->unprotected_sum++;
        table->turn = !me;
        pthread_cond_signal(&table->cond);
        pthread_mutex_unlock(&table->mutex);
    }
    pthread_barrier_wait(&table->barrier);
    int right = 0;
    for (int round = 0; round < TURNS; round++) {
        sem_post(me ? &table->pong : &table->ping);
        while (sem_wait(me ? &table->ping : &table->pong) != 0 && errno == EINTR)
            ;
        right++;
    }
    for (int round = 0; round < TURNS; round++) {
        pthread_rwlock_wrlock(&table->rwlock);
        table->unprotected_sum++;
        pthread_rwlock_unlock(&table->rwlock);
        pthread_rwlock_rdlock(&table->rwlock);
        right += table->unprotected_sum > 0;
        pthread_rwlock_unlock(&table->rwlock);
        // The rwlock keeps the spinlock's users short; both protect nothing else.
        pthread_spin_lock(&table->spinlock);
        pthread_spin_unlock(&table->spinlock);
    }
    pthread_barrier_wait(&table->barrier);
    return right;
}

static int by_fork(void)
{
    struct table *table =
        mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED)
        return 3;
    init_table(table);
    pid_t pid = fork();
    if (pid == 0)
        _exit(take_turns(table, 1) == 2 * TURNS ? 9 : 10);
    int right = take_turns(table, 0);
    int status = 0;
    waitpid(pid, &status, 0);
    printf("turns %d, sum %lu, child %d\n", right, table->unprotected_sum, WEXITSTATUS(status));
    return 0;
}

static struct table *meet(const char *name, int me)
{
    int fd = shm_open(name, me ? O_RDWR : O_RDWR | O_CREAT | O_EXCL, 0600);
    for (int tries = 0; fd < 0 && me && tries < 2000; tries++) {
        usleep(5000);
        fd = shm_open(name, O_RDWR, 0600);
    }
    if (fd < 0 || (!me && ftruncate(fd, sizeof(struct table)) != 0)) {
        perror("shm_open");
        exit(3);
    }
    // The first one may not have given it its size yet.
    for (off_t size = 0; me && size < (off_t)sizeof(struct table); usleep(1000))
        size = lseek(fd, 0, SEEK_END);
    struct table *table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (table == MAP_FAILED)
        exit(3);
    if (me) {
        while (!atomic_load(&table->ready))
            usleep(1000);
    } else {
        init_table(table);
        atomic_store(&table->ready, 1);
    }
    return table;
}

static int by_name(const char *name, int me)
{
    struct table *table = meet(name, me);
    sem_t *named = sem_open(name, O_CREAT, 0600, 1);
    if (named == SEM_FAILED)
        return 4;
    int right = take_turns(table, me);
    for (int round = 0; round < TURNS; round++) {
        sem_wait(named);
        table->unprotected_sum++;
        sem_post(named);
    }
    pthread_barrier_wait(&table->barrier);
    printf("turns %d, sum %lu\n", right, table->unprotected_sum);
    pthread_barrier_wait(&table->barrier);
    sem_close(named);
    if (!me) {
        sem_unlink(name);
        shm_unlink(name);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "meet") == 0)
        return by_name(argv[2], atoi(argv[3]));
    return by_fork();
}
