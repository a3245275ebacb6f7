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
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t red = PTHREAD_MUTEX_INITIALIZER, green = PTHREAD_MUTEX_INITIALIZER,
                       blue = PTHREAD_MUTEX_INITIALIZER, gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *locks[] = { &red, &green, &blue };
static const char *how;
static int first, second;

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

int main(int count, char **arguments)
{
    if (count != 4)
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
    if (strcmp(how, "phase") == 0)
        run_phases();
    else if (strcmp(how, "single") == 0)
        run_two(worker, idler);
    else if (strcmp(how, "alone") == 0)
        run_two(idler, idler);
    else
        run_two(worker, worker);
    return 0;
}
