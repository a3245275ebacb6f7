// SPDX-License-Identifier: MIT
// children HOW: makes child processes in every way there is while two other threads lock without pause, and prints what
// became of them. `children leaf PAIRS` is what the children run where they run a program: PAIRS lock/unlock pairs,
// exit status 7.
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAF_PAIRS "1000"

static char *leaf_arguments[] = { "children", "leaf", LEAF_PAIRS, NULL };
static char *clean_environment[] = { "LANG=C", NULL };
static char own_path[4096];

static pthread_mutex_t busy_locks[2] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };
static pthread_mutex_t child_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int stop;

static void *busy(void *argument)
{
    uintptr_t index = (uintptr_t)argument;
    while (!atomic_load(&stop)) {
        pthread_mutex_lock(&busy_locks[index]);
        void *memory = malloc(100);
        free(memory);
        pthread_mutex_unlock(&busy_locks[index]);
        usleep(20);
    }
    return NULL;
}

static int lock_pairs(unsigned pairs)
{
    for (unsigned pair = 0; pair < pairs; pair++)
        if (pthread_mutex_lock(&child_lock) != 0 || pthread_mutex_unlock(&child_lock) != 0)
            return 1;
    return 0;
}

static void *thread_in_child(void *argument)
{
    (void)argument;
    return (void *)(intptr_t)lock_pairs(100);
}

static void print_end(const char *what, pid_t pid)
{
    int status = 0;
    if (pid < 0) {
        printf("%s: error %d\n", what, errno);
        return;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status))
        printf("%s: status %d\n", what, WEXITSTATUS(status));
    else
        printf("%s: signal %d\n", what, WTERMSIG(status));
}

static void by_fork(void)
{
    for (int round = 0; round < 20; round++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t id;
            if (lock_pairs(100) != 0 || pthread_create(&id, NULL, thread_in_child, NULL) != 0)
                _exit(100);
            void *result = NULL;
            pthread_join(id, &result);
            if (round % 2)
                _exit(result ? 101 : 10 + round);
            exit(result ? 101 : 10 + round);
        }
        print_end("fork", pid);
    }
}

static pid_t vfork_and(const char *what)
{
    pid_t pid = vfork();
    if (pid != 0)
        return pid;
    if (strcmp(what, "execv") == 0)
        execv(own_path, leaf_arguments);
    if (strcmp(what, "a failing execl") == 0)
        execl("/nonexistent/program", "program", (char *)NULL);
    _exit(strcmp(what, "_exit") == 0 ? 30 : errno == ENOENT ? 40 : 41);
}

static void by_vfork(void)
{
    for (int round = 0; round < 5; round++) {
        print_end("vfork and execv", vfork_and("execv"));
        print_end("vfork and _exit", vfork_and("_exit"));
        print_end("vfork and a failing execl", vfork_and("a failing execl"));
    }
}

static void by_spawn(void)
{
    pid_t pid = -1;
    int error = posix_spawn(&pid, own_path, NULL, NULL, leaf_arguments, environ);
    print_end("posix_spawn", error ? -1 : pid);
    error = posix_spawn(&pid, own_path, NULL, NULL, leaf_arguments, clean_environment);
    print_end("posix_spawn with a cleaned environment", error ? -1 : pid);
    error = posix_spawn(&pid, own_path, NULL, NULL, leaf_arguments, NULL);
    print_end("posix_spawn without an environment", error ? -1 : pid);
    char *env_arguments[] = { "env", "-i", own_path, "leaf", LEAF_PAIRS, NULL };
    error = posix_spawnp(&pid, "env", NULL, NULL, env_arguments, environ);
    print_end("posix_spawnp of env -i", error ? -1 : pid);
    error = posix_spawn(&pid, "/nonexistent/program", NULL, NULL, leaf_arguments, environ);
    printf("posix_spawn of nothing: %d\n", error);
}

static void by_shell(void)
{
    char command[5000];
    snprintf(command, sizeof(command), "%s leaf %s", own_path, LEAF_PAIRS);
    printf("system: %d\n", WEXITSTATUS(system(command)));
    FILE *pipe = popen(command, "r");
    char line[64] = "";
    if (!pipe || !fgets(line, sizeof(line), pipe))
        printf("popen gave nothing\n");
    printf("popen: %s", line);
    printf("pclose: %d\n", WEXITSTATUS(pclose(pipe)));
}

static void *exec_leaf(void *argument)
{
    (void)argument;
    execve(own_path, leaf_arguments, environ);
    return NULL;
}

// In the same process: does not return.
static void by_exec(const char *how)
{
    fflush(stdout);
    lock_pairs(50);
    if (strcmp(how, "execv") == 0)
        execv(own_path, leaf_arguments);
    if (strcmp(how, "execve-clean") == 0)
        execve(own_path, leaf_arguments, clean_environment);
    if (strcmp(how, "execl") == 0)
        execl(own_path, "children", "leaf", LEAF_PAIRS, (char *)NULL);
    if (strcmp(how, "execle-clean") == 0)
        execle(own_path, "children", "leaf", LEAF_PAIRS, (char *)NULL, clean_environment);
    if (strcmp(how, "execlp-env") == 0)
        execlp("env", "env", "-i", own_path, "leaf", LEAF_PAIRS, (char *)NULL);
    if (strcmp(how, "execvp") == 0)
        execvp(own_path, leaf_arguments);
    if (strcmp(how, "execvpe-clean") == 0)
        execvpe(own_path, leaf_arguments, clean_environment);
    if (strcmp(how, "clearenv") == 0) {
        clearenv();
        execv(own_path, leaf_arguments);
    }
    if (strcmp(how, "from-a-thread") == 0) {
        pthread_t id;
        if (pthread_create(&id, NULL, exec_leaf, NULL) == 0)
            pthread_join(id, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "leaf") == 0) {
        int failed = lock_pairs((unsigned)atoi(argv[2]));
        printf("leaf\n");
        return failed ? 8 : 7;
    }
    ssize_t length = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);
    if (length < 0)
        return 3;
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_t ids[2];
    for (uintptr_t index = 0; index < 2; index++)
        if (pthread_create(&ids[index], NULL, busy, (void *)index) != 0)
            return 4;
    if (strcmp(argv[1], "fork") == 0)
        by_fork();
    else if (strcmp(argv[1], "vfork") == 0)
        by_vfork();
    else if (strcmp(argv[1], "spawn") == 0)
        by_spawn();
    else if (strcmp(argv[1], "shell") == 0)
        by_shell();
    else
        by_exec(argv[1]);
    atomic_store(&stop, 1);
    for (int index = 0; index < 2; index++)
        pthread_join(ids[index], NULL);
    printf("end\n");
    return 0;
}
