// SPDX-License-Identifier: MIT
// fork, setsid, fork again, exec: the recorder is nobody's child here, so no wait() of the program ever sees it. It is
// looked for where TRENZA_PROGRAM says, beside this library (a build tree), and where it was installed.
#include "spawn_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environment.h"
#include "handshake.h"
#include "runtime.h"

#define READY_MILLISECONDS 5000

static bool beside_library(const char *relative, char ret_path[PATH_MAX])
{
    const char *library = environment_library();
    const char *slash = strrchr(library, '/');
    if (slash == NULL || (size_t)(slash - library) + strlen(relative) + 2 > PATH_MAX)
        return false;
    memcpy(ret_path, library, (size_t)(slash - library) + 1);
    strcpy(ret_path + (slash - library) + 1, relative);
    return access(ret_path, X_OK) == 0;
}

static bool find_program(char ret_path[PATH_MAX])
{
    const char *named = getenv("TRENZA_PROGRAM");
    if (named != NULL && strlen(named) < PATH_MAX) {
        strcpy(ret_path, named);
        return access(ret_path, X_OK) == 0;
    }
    if (beside_library("../../analyzer/trenza", ret_path) ||
        beside_library("../../../bin/trenza", ret_path) || beside_library("../../bin/trenza", ret_path))
        return true;
    strcpy(ret_path, TRENZA_INSTALLED_PROGRAM);
    return access(ret_path, X_OK) == 0;
}

// The recorder's environment: without us in it.
static char **clean_environment(void)
{
    static char *none[] = { NULL };
    size_t n = 0;
    while (environ != NULL && environ[n] != NULL)
        n++;
    char **result = __builtin_malloc((n + 1) * sizeof(char *));
    if (result == NULL)
        return none;
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0)
            result[at++] = environ[i];
    result[at] = NULL;
    return result;
}

// In the grandchild. Only calls that are safe after a fork; never returns.
static void become_recorder(const char *program, char *const arguments[], char *const envp[], int ready_fd)
{
    uint64_t none = 0;
    sys_restore_signals(&none);
    // Out of the way of 0 to 3, which a program may have been started without.
    const long ready = SYS3(SYS_fcntl, ready_fd, F_DUPFD, 10);
    const int null = (int)SYS6(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0, 0, 0);
    if (null >= 0) {
        SYS3(SYS_dup2, null, 0, 0);
        SYS3(SYS_dup2, null, 1, 0);
    }
    // The pipe must be the one descriptor above stderr that goes along.
    SYS3(SYS_dup2, ready, 3, 0);
    SYS3(SYS_close_range, 4, ~0u, 0);
    SYS3(SYS_execve, program, arguments, envp);
    SYS3(SYS_exit_group, 127, 0, 0);
}

static bool read_path(int fd, char path[SESSION_PATH_MAX])
{
    size_t size = 0;
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    while (size < SESSION_PATH_MAX && poll(&ready, 1, READY_MILLISECONDS) > 0) {
        const ssize_t n = read(fd, path + size, SESSION_PATH_MAX - size);
        if (n <= 0)
            break;
        size += (size_t)n;
        if (path[size - 1] == '\0')
            return size > 1;
    }
    return false;
}

bool spawn_recorder(void)
{
    char program[PATH_MAX];
    int ends[2];
    if (!find_program(program) || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    const char *output = getenv("TRENZA_OUTPUT");
    char *arguments[] = { program, "record", "--attach", "--ready-fd=3", "-o",
        (char *)(output != NULL && output[0] != '\0' ? output : "trenza.db"), NULL };
    char **envp = clean_environment();
    // A fork whose end is told by no signal: a program may wait for SIGCHLD, with it blocked from the start.
    const pid_t child = (pid_t)SYS3(SYS_clone, 0, 0, 0);
    if (child == 0) {
        SYS3(SYS_setsid, 0, 0, 0);
        if (SYS3(SYS_fork, 0, 0, 0) == 0)
            become_recorder(program, arguments, envp, ends[1]);
        SYS3(SYS_exit_group, 0, 0, 0);
    }
    sys_close(ends[1]);
    char path[SESSION_PATH_MAX];
    bool ready = false;
    if (child > 0) {
        int status;
        while (SYS6(SYS_wait4, child, &status, __WALL, 0, 0, 0) == -EINTR)
            ;
        ready = read_path(ends[0], path);
    }
    sys_close(ends[0]);
    if (ready) {
        session_path_set(path);
        setenv(WIRE_SESSION_ENV, path, 1);
    }
    return ready;
}
