// SPDX-License-Identifier: MIT
// looks_like HOW: two threads whose locks look like a deadlock to come, and are none.
//
//   released      a first lock is given back before the second is taken, in both orders
//   stack         locks without init or destroy on stack frames that are used again: in one order here, in the other there
//   construction  an object is locked in the wrong order by the thread that makes it, before anybody else can see it
//   daemon        a detached thread waits for a condition, holding nothing, when the program ends
//   once          the routine of pthread_once takes a lock, under which nobody ever calls pthread_once
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t red = PTHREAD_MUTEX_INITIALIZER, green = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_once_t control = PTHREAD_ONCE_INIT;
static _Atomic int is_over; // seen by no recording

static void one_by_one(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_mutex_unlock(first);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
}

static void both(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *red_then_green(void *unused)
{
    one_by_one(&red, &green);
    return unused;
}

static void *green_then_red(void *unused)
{
    one_by_one(&green, &red);
    return unused;
}

__attribute__((noinline)) static void lock_of_a_frame(int red_first)
{
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    both(red_first ? &red : &own, red_first ? &own : &red);
}

static void *frames_up(void *unused)
{
    for (int i = 0; i < 20; i++)
        lock_of_a_frame(0);
    return unused;
}

static void *frames_down(void *unused)
{
    for (int i = 0; i < 20; i++)
        lock_of_a_frame(1);
    return unused;
}

struct account {
    pthread_mutex_t lock;
    int balance;
};
static struct account *accounts[8];

// In use, green comes before an account's lock. While one is made, only its maker knows it.
static void *make_accounts(void *unused)
{
    for (int i = 0; i < 8; i++) {
        struct account *account = malloc(sizeof *account);
        pthread_mutex_init(&account->lock, NULL);
        both(&account->lock, &green);
        pthread_mutex_lock(&red);
        accounts[i] = account;
        pthread_mutex_unlock(&red);
    }
    return unused;
}

static void *use_accounts(void *unused)
{
    while (!is_over)
        usleep(1000);
    for (int i = 0; i < 8; i++) {
        pthread_mutex_lock(&red);
        struct account *account = accounts[i];
        pthread_mutex_unlock(&red);
        both(&green, &account->lock);
    }
    return unused;
}

static void *wait_for_nothing(void *unused)
{
    pthread_mutex_lock(&red);
    is_over = 1;
    for (;;)
        pthread_cond_wait(&never, &red);
    return unused;
}

static void routine(void)
{
    pthread_mutex_lock(&red);
    pthread_mutex_unlock(&red);
}

static void *run_once(void *unused)
{
    pthread_once(&control, routine);
    pthread_mutex_lock(&red);
    pthread_mutex_unlock(&red);
    return unused;
}

static void two(void *(*one)(void *), void *(*other)(void *))
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, one, NULL);
    pthread_create(&threads[1], NULL, other, NULL);
    pthread_join(threads[0], NULL);
    is_over = 1;
    pthread_join(threads[1], NULL);
}

int main(int count, char **arguments)
{
    const char *how = count > 1 ? arguments[1] : "";
    if (strcmp(how, "released") == 0)
        two(red_then_green, green_then_red);
    else if (strcmp(how, "stack") == 0)
        two(frames_up, frames_down);
    else if (strcmp(how, "construction") == 0)
        two(make_accounts, use_accounts);
    else if (strcmp(how, "once") == 0)
        two(run_once, run_once);
    else if (strcmp(how, "daemon") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, wait_for_nothing, NULL);
        pthread_detach(thread);
        while (!is_over)
            usleep(1000);
    } else
        return 9;
    return 0;
}
