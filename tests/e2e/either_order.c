// SPDX-License-Identifier: MIT
// Takes two of three locks in one order a run: either_order HOW FIRST SECOND, with FIRST and SECOND from 0 to 2.
//
//   plain   by two threads
//   gate    by two threads, each under an outer lock
//   try     the second by trylock
//   single  by one thread that is the only one of its kind; another one idles beside it
//   alone   by main, before there is any other thread
//   phase   by a thread of a kind of its own for each order, joined before the next kind is made
//   made    by two threads; the locks come from init calls of their own
//   row     by two threads; the locks come from one init call in a loop
//
// By two threads of different kinds, `early` 0 before 1 and `late` 1 before 0, with something that keeps `late` behind `early`:
//
//   signal, post, meet   a condition, a semaphore, a barrier
//   flag                 a condition, whose flag `late` finds set without waiting
//   touch                a semaphore; whoever takes not both of the locks takes each alone
//   beside               nothing; a semaphore is posted and waited for by others
//
//   permits by two threads; the locks are semaphores
//   shared  by a process for each order; the locks are in memory that both have
//   children by two threads of a child process; run with 0 1 0 as arguments there are two of them, one for each order
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t red = PTHREAD_MUTEX_INITIALIZER, green = PTHREAD_MUTEX_INITIALIZER,
                       blue = PTHREAD_MUTEX_INITIALIZER, gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *locks[] = { &red, &green, &blue };
static const char *how;
static int first, second;

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int is_open, is_waiting;
static atomic_int is_over;
static sem_t go, ready, red_permit, green_permit;
static sem_t *permits[] = { &red_permit, &green_permit };
static pthread_barrier_t meeting;

// `late` is always there before it is let in, or only when it is: that it waits, or does not, is part of the run.
static void let_go(void)
{
    if (strcmp(how, "signal") == 0) {
        for (int there = 0; !there;) {
            pthread_mutex_lock(&door);
            there = is_waiting;
            is_open = there;
            pthread_cond_signal(&opened);
            pthread_mutex_unlock(&door);
        }
    } else if (strcmp(how, "flag") == 0) {
        pthread_mutex_lock(&door);
        is_open = 1;
        pthread_cond_signal(&opened);
        pthread_mutex_unlock(&door);
        is_over = 1;
    } else if (strcmp(how, "meet") == 0)
        pthread_barrier_wait(&meeting);
    else
        sem_post(&go);
}

static void come_after(void)
{
    while (strcmp(how, "flag") == 0 && !is_over)
        usleep(1000);
    if (strcmp(how, "signal") == 0 || strcmp(how, "flag") == 0) {
        pthread_mutex_lock(&door);
        is_waiting = 1;
        while (!is_open)
            pthread_cond_wait(&opened, &door);
        pthread_mutex_unlock(&door);
    } else if (strcmp(how, "meet") == 0)
        pthread_barrier_wait(&meeting);
    else
        sem_wait(&go);
}

static void take_both(void)
{
    if (strcmp(how, "gate") == 0)
        pthread_mutex_lock(&gate);
    pthread_mutex_lock(locks[first]);
    if (strcmp(how, "try") != 0)
        pthread_mutex_lock(locks[second]);
    else
        while (pthread_mutex_trylock(locks[second]) != 0)
            ;
    pthread_mutex_unlock(locks[second]);
    pthread_mutex_unlock(locks[first]);
    if (strcmp(how, "gate") == 0)
        pthread_mutex_unlock(&gate);
}

static void *worker(void *unused)
{
    take_both();
    return unused;
}

static void *idler(void *unused)
{
    return unused;
}

static void *early(void *unused)
{
    if (first < second)
        take_both();
    return unused;
}

static void *late(void *unused)
{
    if (first > second)
        take_both();
    return unused;
}

static void take_each(void)
{
    for (int i = 0; i < 2 && strcmp(how, "touch") == 0; i++) {
        pthread_mutex_lock(locks[i]);
        pthread_mutex_unlock(locks[i]);
    }
}

static void *goes_first(void *unused)
{
    if (first < second)
        take_both();
    else
        take_each();
    if (strcmp(how, "beside") != 0)
        let_go();
    return unused;
}

static void *goes_second(void *unused)
{
    if (strcmp(how, "beside") != 0)
        come_after();
    if (first > second)
        take_both();
    else
        take_each();
    return unused;
}

static void *takes_permits(void *unused)
{
    sem_wait(permits[first]);
    sem_wait(permits[second]);
    sem_post(permits[second]);
    sem_post(permits[first]);
    return unused;
}

static void make_one(int i)
{
    locks[i] = malloc(sizeof *locks[i]);
    pthread_mutex_init(locks[i], NULL);
}

static void make_red(void)
{
    locks[0] = malloc(sizeof *locks[0]);
    pthread_mutex_init(locks[0], NULL);
}

static void make_green(void)
{
    locks[1] = malloc(sizeof *locks[1]);
    pthread_mutex_init(locks[1], NULL);
}

static void run_two(void *(*one)(void *), void *(*other)(void *))
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, one, NULL);
    pthread_create(&threads[1], NULL, other, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

static void run_phases(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, early, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, late, NULL);
    pthread_join(thread, NULL);
}

static void *post_here(void *unused)
{
    sem_post(&go);
    sem_wait(&ready);
    return unused;
}

static void *wait_here(void *unused)
{
    sem_wait(&go);
    sem_post(&ready);
    return unused;
}

static void share_red(pthread_mutex_t *memory, const pthread_mutexattr_t *shared)
{
    locks[0] = memory;
    pthread_mutex_init(locks[0], shared);
}

static void share_green(pthread_mutex_t *memory, const pthread_mutexattr_t *shared)
{
    locks[1] = memory;
    pthread_mutex_init(locks[1], shared);
}

// The locks are where both processes have them.
static void run_processes(void)
{
    pthread_mutex_t *both =
        mmap(NULL, 2 * sizeof *both, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    share_red(&both[0], &shared);
    share_green(&both[1], &shared);
    if (fork() == 0) {
        if (first > second)
            take_both();
        _exit(0);
    }
    if (first < second)
        take_both();
    wait(NULL);
}

static void run_children(int orders)
{
    for (int i = 0; i < orders; i++) {
        if (fork() == 0) {
            run_two(worker, worker);
            _exit(0);
        }
        wait(NULL);
        int was_first = first;
        first = second;
        second = was_first;
    }
}

static void run_in_turn(void)
{
    sem_init(&go, 0, 0);
    sem_init(&ready, 0, 0);
    pthread_barrier_init(&meeting, NULL, 2);
    pthread_t others[2];
    for (int i = 0; i < 2 && strcmp(how, "beside") == 0; i++)
        pthread_create(&others[i], NULL, i ? wait_here : post_here, NULL);
    run_two(goes_first, goes_second);
    for (int i = 0; i < 2 && strcmp(how, "beside") == 0; i++)
        pthread_join(others[i], NULL);
}

static int is_any_of(const char *const *names)
{
    while (*names && strcmp(*names, how) != 0)
        names++;
    return *names != NULL;
}

int main(int count, char **arguments)
{
    static const char *const in_turn[] = { "signal", "post", "meet", "flag", "touch", "beside", NULL };
    if (count < 4)
        return 2;
    how = arguments[1];
    first = atoi(arguments[2]);
    second = atoi(arguments[3]);
    if (strcmp(how, "made") == 0) {
        make_red();
        make_green();
    }
    for (int i = 0; i < 2 && strcmp(how, "row") == 0; i++)
        make_one(i);
    if (strcmp(how, "alone") == 0)
        take_both();
    sem_init(&red_permit, 0, 1);
    sem_init(&green_permit, 0, 1);
    if (strcmp(how, "phase") == 0)
        run_phases();
    else if (is_any_of(in_turn))
        run_in_turn();
    else if (strcmp(how, "permits") == 0)
        run_two(takes_permits, takes_permits);
    else if (strcmp(how, "shared") == 0)
        run_processes();
    else if (strcmp(how, "children") == 0)
        run_children(count - 3);
    else if (strcmp(how, "single") == 0)
        run_two(worker, idler);
    else if (strcmp(how, "alone") == 0)
        run_two(idler, idler);
    else
        run_two(worker, worker);
    return 0;
}
