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
//   outliving F   one that locks, sleeps for a second, goes on with many threads and writes "well" into the file F
//   lines N       N times a child of a child, each of which waits for its own, and none of which does anything
//   daemons       five that become daemons by libc's daemon(), and then lock
//   leaving N     N times a child that ends at once and leaves a child of its own behind
//   signals N     N, while signals whose handler posts a semaphore fall on everybody
//   forkers       three threads fork children that lock, while the address space is limited
//   filling N     N, one after another, each of which fills a ring; prints how many took longer than a second
//   filter        one that sets a filter of system calls, by syscall(), that allows none that maps memory, and then locks
//   spaces        one in a pid namespace of its own, by clone() alone, with a child of its own; both lock
//   eat           no child: prints how many times 8 MB it is given
// `newborns leaf` is what is run where a program is run: ten pairs, exit status 7.
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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

static void *locker(void *argument)
{
    lock_pairs();
    return argument;
}

static void outliving(const char *path)
{
    if (fork() != 0) {
        usleep(200000);
        return;
    }
    lock_pairs();
    sleep(1);
    for (int round = 0; round < 100; round++) {
        pthread_t threads[8];
        for (int i = 0; i < 8; i++)
            pthread_create(&threads[i], NULL, locker, NULL);
        lock_pairs();
        for (int i = 0; i < 8; i++)
            pthread_join(threads[i], NULL);
    }
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    _exit(write(fd, "well\n", 5) != 5);
}

static void lines(int times)
{
    for (int i = 0; i < times; i++) {
        if (fork() == 0) {
            if (fork() == 0)
                _exit(2);
            wait(NULL);
            _exit(1);
        }
        wait(NULL);
    }
}

static void daemons(void)
{
    for (int i = 0; i < 5; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (daemon(1, 1) != 0)
                _exit(1);
            lock_pairs();
            usleep(50000);
            _exit(4);
        }
        wait_for(pid);
    }
    usleep(300000);
}

static void leaving(int times)
{
    for (int i = 0; i < times; i++) {
        int alive[2];
        char none;
        if (pipe(alive) != 0)
            return;
        if (fork() == 0) {
            if (fork() == 0)
                usleep(1000);
            _exit(5);
        }
        close(alive[1]);
        wait(NULL);
        if (read(alive[0], &none, 1) != 0)
            return;
        close(alive[0]);
    }
}

static sem_t posted;

static void post(int number)
{
    (void)number;
    const int error = errno;
    sem_post(&posted);
    errno = error;
}

static void signals(int times)
{
    setpgid(0, 0);
    sem_init(&posted, 0, 0);
    sem_post(&posted);
    pid_t sender = fork();
    if (sender == 0) {
        signal(SIGUSR1, SIG_IGN);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        usleep(50000);
        for (;;) {
            kill(0, SIGUSR1);
            for (volatile int i = 0; i < 300; i++)
                ;
        }
    }
    struct sigaction action = { .sa_handler = post, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
    usleep(100000);
    for (int i = 0; i < times; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    signal(SIGUSR1, SIG_IGN);
    kill(sender, SIGKILL);
}

static _Atomic int stop;

static void *forker(void *argument)
{
    while (!stop) {
        pid_t pid = fork();
        if (pid == 0) {
            lock_pairs();
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    return argument;
}

static void forkers(void)
{
    pthread_t threads[3];
    struct rlimit limit;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, forker, NULL);
    usleep(100000);
    getrlimit(RLIMIT_AS, &limit);
    setrlimit(RLIMIT_AS, &limit);
    usleep(50000);
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static void filling(int times)
{
    int slow = 0;
    for (int i = 0; i < times; i++) {
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        pid_t pid = fork();
        if (pid == 0) {
            for (int round = 0; round < 2000; round++)
                lock_pairs();
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        clock_gettime(CLOCK_MONOTONIC, &after);
        slow += after.tv_sec - before.tv_sec > 1;
    }
    printf("%d slow\n", slow);
    fflush(stdout);
}

static int filter(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog program = { sizeof steps / sizeof steps[0], steps };
    // Who may do so without it need not ask for no new privileges.
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0 &&
        (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0))
        return errno;
    if (syscall(SYS_gettid) != getpid() || syscall(-1) != -1 || errno != ENOSYS)
        return 1;
    lock_pairs();
    _exit(16);
}

static void spaces(void)
{
    if (geteuid() != 0)
        unshare(CLONE_NEWUSER);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        lock_pairs();
        pid_t inner = fork();
        if (inner == 0) {
            lock_pairs();
            usleep(100000);
            _exit(3);
        }
        wait_for(inner);
        _exit(0);
    }
    wait_for(pid);
}

static void eat(void)
{
    int times = 0;
    while (malloc(8 << 20))
        times++;
    printf("%d\n", times);
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
    else if (strcmp(how, "outliving") == 0 && argc == 3)
        outliving(argv[2]);
    else if (strcmp(how, "lines") == 0 && argc == 3)
        lines(atoi(argv[2]));
    else if (strcmp(how, "daemons") == 0)
        daemons();
    else if (strcmp(how, "leaving") == 0 && argc == 3)
        leaving(atoi(argv[2]));
    else if (strcmp(how, "signals") == 0 && argc == 3)
        signals(atoi(argv[2]));
    else if (strcmp(how, "forkers") == 0)
        forkers();
    else if (strcmp(how, "filling") == 0 && argc == 3)
        filling(atoi(argv[2]));
    else if (strcmp(how, "filter") == 0)
        child_that(filter);
    else if (strcmp(how, "spaces") == 0)
        spaces();
    else if (strcmp(how, "eat") == 0)
        eat();
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
