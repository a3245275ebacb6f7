// SPDX-License-Identifier: MIT
// forks_inside: children whose first act is to return from a call that their parent made: from pthread_once, whose routine
// forked, and from waits that were interrupted by a signal handler that forked. By fork(), _Fork() and the bare system call.
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum way { BY_FORK, BY_BARE_FORK, BY_SYSTEM_CALL, WAYS };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum way way;
static volatile pid_t child;

static void fork_now(void)
{
    if (way == BY_FORK)
        child = fork();
    else if (way == BY_BARE_FORK)
        child = _Fork();
    else
        child = (pid_t)syscall(SYS_fork);
}

static void fork_in_handler(int number)
{
    (void)number;
    fork_now();
}

static void use_lock(void)
{
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

static void go_on(const char *what)
{
    int status = 0;
    use_lock();
    if (child == 0) {
        use_lock();
        _exit(40 + (int)way);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        printf("%s %d: signal %d\n", what, way, WTERMSIG(status));
    else
        printf("%s %d: status %d\n", what, way, WEXITSTATUS(status));
    fflush(stdout);
}

static void in_once(void)
{
    static pthread_once_t controls[WAYS];
    pthread_once(&controls[way], fork_now);
    go_on("once");
}

static void in_waits(void)
{
    const struct sigaction action = { .sa_handler = fork_in_handler };
    const struct itimerval soon = { .it_value = { 0, 50000 } };
    sem_t empty;
    sem_init(&empty, 0, 0);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    while (sem_wait(&empty) != 0 && errno != EINTR)
        ;
    go_on("sem_wait");
    sem_destroy(&empty);
}

int main(void)
{
    for (way = 0; way < WAYS; way++) {
        in_once();
        in_waits();
    }
    return 0;
}
