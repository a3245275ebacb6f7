// SPDX-License-Identifier: MIT
// The life of the process: fork, exec, spawn and the ways out. A child after fork begins in a cradle of the nursery, or
// attaches at once, while it may still (it may chroot, drop its rights or close everything next). A vfork child runs in its parent's memory: it only forwards,
// and tells the recorder by a message of its own when what it is about to be will never come.
// vfork itself cannot be wrapped, for it returns twice, and need not be.
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "environment.h"
#include "handshake.h"
#include "library.h"
#include "record.h"
#include "sys.h"
#include "unseen.h"

void process_watch_forks(void)
{
    pthread_atfork(process_before_fork, process_after_fork, thread_is_born);
}

static void forked(const struct call *call, pid_t pid)
{
    const uint64_t words[2] = { (uint64_t)pid, 0 };
    event_emit_payload(call->thread, EVENT_FORK, 0, call->stack, 0, words, 1);
}

AFTER_FORK EXPORT pid_t fork(void)
{
    struct call call = { 0 };
    const bool recorded = call_begin_plain(&call);
    thread_before_fork();
    const pid_t pid = REAL(fork)();
    if (pid != 0)
        thread_after_fork();
    if (pid > 0 && recorded)
        forked(&call, pid);
    return pid;
}

// Runs no fork handlers.
AFTER_FORK EXPORT pid_t _Fork(void)
{
    struct call call = { 0 };
    const bool recorded = call_begin_plain(&call);
    process_before_fork();
    thread_before_fork();
    const pid_t pid = REAL(_Fork)();
    if (pid == 0) {
        thread_is_born();
    } else {
        thread_after_fork();
        process_after_fork();
    }
    if (pid > 0 && recorded)
        forked(&call, pid);
    return pid;
}

// --- exec ---

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

// The beginning of an open file's path, "" when it is not to be found out.
static void path_of_descriptor(int fd, char *path, size_t size)
{
    char link[32] = "/proc/self/fd/";
    char *end = link + strlen(link);
    for (int rest = fd; rest >= 10; rest /= 10)
        end++;
    for (int rest = fd; fd >= 0; rest /= 10) {
        *end-- = (char)('0' + rest % 10);
        if (rest < 10)
            break;
    }
    const long length = SYS3(SYS_readlink, link, path, size - 1);
    path[length > 0 ? length : 0] = '\0';
}

// What becomes of a process that cannot load us (static, setuid) it never says itself.
static void started(const struct call *call, uint32_t pid, const char *path, unsigned how)
{
    union {
        struct wire_spawn spawn;
        uint64_t words[sizeof(struct wire_spawn) / sizeof(uint64_t)];
    } payload = { .spawn.pid = pid };
    strncpy(payload.spawn.name, base_of(path), sizeof payload.spawn.name - 1);
    event_emit_payload(call->thread, EVENT_SPAWN, 0, call->stack, (uint16_t)how, payload.words,
        sizeof payload / sizeof(union wire_slot));
}

// Says what will be run and, if it is so, why it will not be recorded. Not inlined: what it needs of the stack is given back
// before the call.
static __attribute__((noinline)) void exec_announce(
    const struct call *call, int directory, const char *path, bool search)
{
    const bool recorded = call->thread != NULL;
    if (path == NULL || (!recorded && !process_is_borrowed()))
        return;
    const enum wire_unseen unseen = search ? unseen_named(path) : unseen_at(directory, path);
    char buffer[256]; // the stack may be a signal handler's
    if (path[0] == '\0') {
        path_of_descriptor(directory, buffer, sizeof buffer);
        path = buffer;
    }
    if (recorded)
        started(call, sys_getpid(), path, unseen | WIRE_SPAWN_REPLACES);
    else if (unseen != WIRE_SEEN)
        handshake_tell_unseen(unseen, base_of(path));
}

static inline __attribute__((always_inline)) void exec_begin_at(
    struct call *call, int directory, const char *path, bool search)
{
    *call = (struct call){ 0 };
    const bool recorded = process_is_recorded() && call_begin_plain(call);
    exec_announce(call, directory, path, search);
    if (recorded)
        call_event(call, EVENT_EXEC, 0);
}

static inline __attribute__((always_inline)) void exec_begin(struct call *call, const char *path, bool search)
{
    exec_begin_at(call, AT_FDCWD, path, search);
}

// Back from an exec: it has failed.
static int exec_failed(const struct call *call)
{
    if (call->thread != NULL)
        call_event(call, EVENT_EXEC_FAILED, errno);
    return -1;
}

EXPORT int execve(const char *path, char *const arguments[], char *const envp[])
{
    struct call call;
    exec_begin(&call, path, false);
    REAL(execve)(path, arguments, ENVIRONMENT(envp));
    return exec_failed(&call);
}

EXPORT int execv(const char *path, char *const arguments[])
{
    struct call call;
    exec_begin(&call, path, false);
    REAL(execve)(path, arguments, ENVIRONMENT(environ));
    return exec_failed(&call);
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const envp[])
{
    struct call call;
    exec_begin(&call, file, true);
    REAL(execvpe)(file, arguments, ENVIRONMENT(envp));
    return exec_failed(&call);
}

EXPORT int execvp(const char *file, char *const arguments[])
{
    struct call call;
    exec_begin(&call, file, true);
    REAL(execvpe)(file, arguments, ENVIRONMENT(environ));
    return exec_failed(&call);
}

EXPORT int fexecve(int fd, char *const arguments[], char *const envp[])
{
    struct call call;
    exec_begin_at(&call, fd, "", false);
    REAL(fexecve)(fd, arguments, ENVIRONMENT(envp));
    return exec_failed(&call);
}

EXPORT int execveat(int directory, const char *path, char *const arguments[], char *const envp[], int flags)
{
    struct call call;
    exec_begin_at(&call, directory, path, false);
    REAL(execveat)(directory, path, arguments, ENVIRONMENT(envp), flags);
    return exec_failed(&call);
}

static size_t count_list(va_list list)
{
    va_list counted;
    va_copy(counted, list);
    size_t n = 1;
    while (va_arg(counted, char *) != NULL)
        n++;
    va_end(counted);
    return n;
}

static void fill_list(char **arguments, const char *first, va_list list)
{
    arguments[0] = (char *)first;
    for (size_t n = 1; arguments[n - 1] != NULL; n++)
        arguments[n] = va_arg(list, char *);
}

EXPORT int execl(const char *path, const char *first, ...)
{
    struct call call;
    exec_begin(&call, path, false);
    va_list list;
    va_start(list, first);
    char **arguments = __builtin_alloca((count_list(list) + 1) * sizeof(char *));
    fill_list(arguments, first, list);
    va_end(list);
    REAL(execve)(path, arguments, ENVIRONMENT(environ));
    return exec_failed(&call);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
    struct call call;
    exec_begin(&call, file, true);
    va_list list;
    va_start(list, first);
    char **arguments = __builtin_alloca((count_list(list) + 1) * sizeof(char *));
    fill_list(arguments, first, list);
    va_end(list);
    REAL(execvpe)(file, arguments, ENVIRONMENT(environ));
    return exec_failed(&call);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    struct call call;
    exec_begin(&call, path, false);
    va_list list;
    va_start(list, first);
    char **arguments = __builtin_alloca((count_list(list) + 1) * sizeof(char *));
    fill_list(arguments, first, list);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    REAL(execve)(path, arguments, ENVIRONMENT(envp));
    return exec_failed(&call);
}

EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path,
    const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attributes,
    char *const arguments[restrict], char *const envp[restrict])
{
    struct call call = { 0 };
    pid_t child = 0;
    const bool recorded = process_is_recorded() && call_begin_plain(&call);
    const unsigned how = recorded ? unseen_at(AT_FDCWD, path) : WIRE_SEEN;
    const int rc = REAL(posix_spawn)(&child, path, actions, attributes, arguments, ENVIRONMENT(envp));
    if (rc == 0 && pid != NULL)
        *pid = child;
    if (rc == 0 && recorded)
        started(&call, (uint32_t)child, path, how);
    return rc;
}

EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file,
    const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attributes,
    char *const arguments[restrict], char *const envp[restrict])
{
    struct call call = { 0 };
    pid_t child = 0;
    const bool recorded = process_is_recorded() && call_begin_plain(&call);
    const unsigned how = recorded ? unseen_named(file) : WIRE_SEEN;
    const int rc = REAL(posix_spawnp)(&child, file, actions, attributes, arguments, ENVIRONMENT(envp));
    if (rc == 0 && pid != NULL)
        *pid = child;
    if (rc == 0 && recorded)
        started(&call, (uint32_t)child, file, how);
    return rc;
}

// --- the ways out ---

AFTER_FORK void process_exit_event(int status)
{
    if (process_ends_in_cradle(status))
        return;
    struct thread *thread = process_is_recorded() ? thread_current() : NULL;
    if (thread != NULL)
        event_emit(thread, EVENT_EXIT, 0, 0, (uint16_t)(status & 255));
}

AFTER_FORK EXPORT void _exit(int status)
{
    process_exit_event(status);
    REAL(_exit)(status);
    __builtin_unreachable();
}

EXPORT void _Exit(int status)
{
    process_exit_event(status);
    REAL(_exit)(status);
    __builtin_unreachable();
}

EXPORT void quick_exit(int status)
{
    process_exit_event(status);
    REAL(quick_exit)(status);
    __builtin_unreachable();
}

EXPORT_ALIAS(__fork, fork);
