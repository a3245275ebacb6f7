// SPDX-License-Identifier: MIT
// hostile WORD...: does what the words say, one after the other, to those who would end it or look at it.
//   close     closes every descriptor, standard ones included
//   ignore    ignores and blocks every signal that can be
//   session   goes on in a session of its own; its parent waits for it
//   daemon    goes on in a session of its own; its parent ends at once
//   secret    forbids others to look at it
//   stuck     waits for ever for a signal that nobody is left to send
//   hang      sleeps for ever, holding a lock
//   deadlock  two threads, two locks
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both_hold_one;

static void ignore_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
}

static void go_on_in_a_session(int parent_waits)
{
    pid_t child = fork();
    if (child > 0) {
        int status = 0;
        if (parent_waits)
            waitpid(child, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    setsid();
}

static void *other_order(void *argument)
{
    pthread_mutex_lock(&second);
    pthread_barrier_wait(&both_hold_one);
    pthread_mutex_lock(&first);
    return argument;
}

static void deadlock(void)
{
    pthread_t thread;
    pthread_barrier_init(&both_hold_one, NULL, 2);
    if (pthread_create(&thread, NULL, other_order, NULL) != 0)
        abort();
    pthread_mutex_lock(&first);
    pthread_barrier_wait(&both_hold_one);
    pthread_mutex_lock(&second);
}

static void be_stuck(void)
{
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&first);
    for (;;)
        pthread_cond_wait(&condition, &first);
}

static void hang(void)
{
    pthread_mutex_lock(&first);
    for (;;)
        sleep(UINT_MAX);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "close") == 0)
            close_range(0, ~0u, 0);
        else if (strcmp(argv[i], "ignore") == 0)
            ignore_signals();
        else if (strcmp(argv[i], "session") == 0)
            go_on_in_a_session(1);
        else if (strcmp(argv[i], "daemon") == 0)
            go_on_in_a_session(0);
        else if (strcmp(argv[i], "hang") == 0)
            hang();
        else if (strcmp(argv[i], "deadlock") == 0)
            deadlock();
        else if (strcmp(argv[i], "secret") == 0)
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        else if (strcmp(argv[i], "stuck") == 0)
            be_stuck();
        else
            return 2;
    }
    return 0;
}
