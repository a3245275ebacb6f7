// SPDX-License-Identifier: MIT
// newborns HOW: children of forks that do nothing, or nothing for a while, and what became of them.
//   silent        60 children one after another that end at once, in several ways
//   crowd         100 that are alive together, and lock when all are there
//   locking N     N that lock, one after another
//   late          one that gives up its root, its user, its descriptors and new privileges before it first locks
//   line          a child of a child of a child, each of which locks when its own has ended
//   guest         one whose vfork child ends, and whose other one becomes another program; then it locks
//   replaced      one that becomes another program
//   locked        one that locks all its memory, prints whether that was little, and then locks
//   limited       one whose address space is limited before it first locks, to what it has and a little
//   lasting       one that sleeps for a second and never locks
// `newborns leaf` is what is run where a program is run: ten pairs, exit status 7.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CROWD 100
#define PAIRS 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char own_path[4096];

static void lock_pairs(void)
{
    for (int pair = 0; pair < PAIRS; pair++) {
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    }
}

static void wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    printf("%s %d\n", WIFEXITED(status) ? "status" : "signal",
        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    fflush(stdout);
}

// What the child does is its exit status.
static void child_that(int (*what)(void))
{
    pid_t pid = fork();
    if (pid == 0)
        exit(what());
    wait_for(pid);
}

static void silent(void)
{
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (i % 4 == 0)
                _exit(i);
            if (i % 4 == 1)
                exit(i);
            if (i % 4 == 2)
                quick_exit(i);
            raise(SIGKILL);
        }
        wait_for(pid);
    }
}

static void crowd(void)
{
    int go[2];
    pid_t pids[CROWD];
    if (pipe(go) != 0)
        return;
    for (int i = 0; i < CROWD; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char none;
            close(go[1]);
            if (read(go[0], &none, 1) != 0)
                _exit(100);
            lock_pairs();
            _exit(i);
        }
    }
    close(go[1]);
    for (int i = 0; i < CROWD; i++)
        wait_for(pids[i]);
}

static int locking(void)
{
    lock_pairs();
    return 3;
}

static int late(void)
{
    for (int fd = 3; fd < 100; fd++)
        close(fd);
    if (chroot("/proc/self/fdinfo") == 0 && chdir("/") != 0)
        return 1;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 2;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    lock_pairs();
    return 4;
}

static int generation(int left)
{
    if (left > 0) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(generation(left - 1));
        wait_for(pid);
    }
    lock_pairs();
    return 10 + left;
}

static int line(void)
{
    return generation(2);
}

static int guest(void)
{
    pid_t pid = vfork();
    if (pid == 0)
        _exit(5);
    wait_for(pid);
    pid = vfork();
    if (pid == 0) {
        execl(own_path, "newborns", "leaf", (char *)NULL);
        _exit(6);
    }
    wait_for(pid);
    lock_pairs();
    return 8;
}

static int replaced(void)
{
    execl(own_path, "newborns", "leaf", (char *)NULL);
    return 9;
}

// Kilobytes, of a line in /proc/self/status; -1: it is not there.
static long status_of(const char *name)
{
    char row[256];
    long number = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(row, sizeof row, file))
        if (strncmp(row, name, strlen(name)) == 0)
            number = strtol(row + strlen(name), NULL, 10);
    if (file)
        fclose(file);
    return number;
}

static int locked(void)
{
    struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
    setrlimit(RLIMIT_MEMLOCK, &none);
    int result = mlockall(MCL_CURRENT | MCL_FUTURE);
    if (result == 0 && status_of("VmLck:") > 100 * 1024)
        return 1;
    lock_pairs();
    return 12;
}

static int limited(void)
{
    struct rlimit before, tight;
    getrlimit(RLIMIT_AS, &before);
    tight = (struct rlimit){ .rlim_cur = 700u << 20, .rlim_max = before.rlim_max };
    if (setrlimit(RLIMIT_AS, &tight) != 0)
        return 1;
    // What a program may well want of that.
    char *memory = malloc(200u << 20);
    if (!memory)
        return 2;
    memory[0] = 1;
    lock_pairs();
    free(memory);
    return 14;
}

static int lasting(void)
{
    sleep(1);
    return 15;
}

int main(int argc, char **argv)
{
    if (argc < 2 || readlink("/proc/self/exe", own_path, sizeof own_path - 1) < 0)
        return 2;
    const char *how = argv[1];
    lock_pairs();
    if (strcmp(how, "leaf") == 0)
        return 7;
    if (strcmp(how, "silent") == 0)
        silent();
    else if (strcmp(how, "crowd") == 0)
        crowd();
    else if (strcmp(how, "locking") == 0 && argc == 3)
        for (int i = atoi(argv[2]); i > 0; i--)
            child_that(locking);
    else if (strcmp(how, "late") == 0)
        child_that(late);
    else if (strcmp(how, "line") == 0)
        child_that(line);
    else if (strcmp(how, "guest") == 0)
        child_that(guest);
    else if (strcmp(how, "replaced") == 0)
        child_that(replaced);
    else if (strcmp(how, "locked") == 0)
        child_that(locked);
    else if (strcmp(how, "limited") == 0)
        child_that(limited);
    else if (strcmp(how, "lasting") == 0)
        child_that(lasting);
    else
        return 2;
    lock_pairs();
    return 0;
}
