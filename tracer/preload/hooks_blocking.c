// SPDX-License-Identifier: MIT
// System calls that may block, bracketed by BLOCK_BEGIN and BLOCK_END when the recording asks for it; otherwise a hook is a
// load, a branch and a call. Blind: the same calls made inside libc (stdio, getaddrinfo) and by fortified wrappers.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

#undef sigwait

static inline bool wanted(void)
{
    return UNLIKELY(process != NULL && process->blocking_calls);
}

// A hook and where the function behind it is kept. All of them stand in one section, so that they are looked up together
// when the library is loaded: later, dlsym would wait for a thread inside dlopen, and is forbidden in signal handlers.
struct blocking_hook {
    const char *name;
    void **real;
};
extern const struct blocking_hook __start_blocking_hooks[] __attribute__((visibility("hidden")));
extern const struct blocking_hook __stop_blocking_hooks[] __attribute__((visibility("hidden")));

void blocking_resolve(void)
{
    for (const struct blocking_hook *hook = __start_blocking_hooks; hook < __stop_blocking_hooks; hook++)
        *hook->real = dlsym(RTLD_NEXT, hook->name);
}

#define BLOCKING_REAL(name)                                                                                  \
    static __typeof__(name) *real_##name;                                                                    \
    static const struct blocking_hook hook_##name                                                            \
        __attribute__((section("blocking_hooks"), used)) = { #name, (void **)&real_##name };

// The real function; looked up here only when a constructor of another library came before ours.
#define FORWARD(name) (LIKELY(real_##name != NULL) ? real_##name : (blocking_resolve(), real_##name))

// Defines the hook `name` of call `recorded`: forwards, and records around it when wanted. errno is the call's own.
#define HOOK_AS(type, name, recorded, parameters, arguments)                                                 \
    BLOCKING_REAL(name)                                                                                      \
    EXPORT type name parameters                                                                              \
    {                                                                                                        \
        __typeof__(name) *forward = FORWARD(name);                                                           \
        struct call call;                                                                                    \
        if (!wanted() || !call_begin_plain(&call))                                                           \
            return forward arguments;                                                                        \
        event_emit(call.thread, EVENT_BLOCK_BEGIN, WIRE_CALL_##recorded, call.stack, 0);                     \
        type result = forward arguments;                                                                     \
        event_emit(call.thread, EVENT_BLOCK_END, WIRE_CALL_##recorded, call.stack, 0);                       \
        return result;                                                                                       \
    }

#define HOOK(type, name, parameters, arguments) HOOK_AS(type, name, name, parameters, arguments)

HOOK(ssize_t, read, (int fd, void *buffer, size_t size), (fd, buffer, size))
HOOK(ssize_t, readv, (int fd, const struct iovec *parts, int n), (fd, parts, n))
HOOK(ssize_t, pread, (int fd, void *buffer, size_t size, off_t at), (fd, buffer, size, at))
HOOK_AS(ssize_t, pread64, pread, (int fd, void *buffer, size_t size, off64_t at), (fd, buffer, size, at))
HOOK(ssize_t, write, (int fd, const void *buffer, size_t size), (fd, buffer, size))
HOOK(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n))
HOOK(ssize_t, pwrite, (int fd, const void *buffer, size_t size, off_t at), (fd, buffer, size, at))
HOOK_AS(
    ssize_t, pwrite64, pwrite, (int fd, const void *buffer, size_t size, off64_t at), (fd, buffer, size, at))
HOOK(ssize_t, recv, (int fd, void *buffer, size_t size, int flags), (fd, buffer, size, flags))
HOOK(ssize_t, recvfrom,
    (int fd, void *restrict buffer, size_t size, int flags, struct sockaddr *restrict from,
        socklen_t *restrict from_size),
    (fd, buffer, size, flags, from, from_size))
HOOK(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
HOOK(ssize_t, send, (int fd, const void *buffer, size_t size, int flags), (fd, buffer, size, flags))
HOOK(ssize_t, sendto,
    (int fd, const void *buffer, size_t size, int flags, const struct sockaddr *to, socklen_t to_size),
    (fd, buffer, size, flags, to, to_size))
HOOK(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
HOOK(int, accept, (int fd, struct sockaddr *restrict address, socklen_t *restrict size), (fd, address, size))
HOOK(int, accept4, (int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags),
    (fd, address, size, flags))
HOOK(int, connect, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
HOOK(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
HOOK(int, ppoll, (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
    (fds, n, timeout, mask))
HOOK(int, select,
    (int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict other,
        struct timeval *restrict timeout),
    (n, in, out, other, timeout))
HOOK(int, pselect,
    (int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict other,
        const struct timespec *restrict timeout, const sigset_t *restrict mask),
    (n, in, out, other, timeout, mask))
HOOK(int, epoll_wait, (int fd, struct epoll_event *events, int n, int timeout), (fd, events, n, timeout))
HOOK(int, epoll_pwait, (int fd, struct epoll_event *events, int n, int timeout, const sigset_t *mask),
    (fd, events, n, timeout, mask))
HOOK(unsigned, sleep, (unsigned seconds), (seconds))
HOOK(int, usleep, (useconds_t microseconds), (microseconds))
HOOK(int, nanosleep, (const struct timespec *duration, struct timespec *left), (duration, left))
HOOK(int, clock_nanosleep,
    (clockid_t clock, int flags, const struct timespec *duration, struct timespec *left),
    (clock, flags, duration, left))
HOOK(pid_t, wait, (int *status), (status))
HOOK(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
HOOK(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
HOOK(pid_t, wait4, (pid_t pid, int *status, int options, struct rusage *usage), (pid, status, options, usage))
HOOK(int, fsync, (int fd), (fd))
HOOK(int, fdatasync, (int fd), (fd))
HOOK(int, flock, (int fd, int operation), (fd, operation))
HOOK(int, lockf, (int fd, int command, off_t size), (fd, command, size))
HOOK_AS(int, lockf64, lockf, (int fd, int command, off64_t size), (fd, command, size))
HOOK(int, sigwait, (const sigset_t *restrict set, int *restrict signal), (set, signal))
HOOK(int, pause, (void), ())

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

#define OPEN_HOOK(name)                                                                                      \
    BLOCKING_REAL(name)                                                                                      \
    EXPORT int name(const char *path, int flags, ...)                                                        \
    {                                                                                                        \
        __typeof__(name) *forward = FORWARD(name);                                                           \
        va_list list;                                                                                        \
        va_start(list, flags);                                                                               \
        const mode_t mode = mode_of(flags, list);                                                            \
        va_end(list);                                                                                        \
        struct call call;                                                                                    \
        if (!wanted() || !call_begin_plain(&call))                                                           \
            return forward(path, flags, mode);                                                               \
        event_emit(call.thread, EVENT_BLOCK_BEGIN, WIRE_CALL_open, call.stack, 0);                           \
        const int fd = forward(path, flags, mode);                                                           \
        event_emit(call.thread, EVENT_BLOCK_END, WIRE_CALL_open, call.stack, 0);                             \
        return fd;                                                                                           \
    }

OPEN_HOOK(open)
OPEN_HOOK(open64)
