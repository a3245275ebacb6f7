// SPDX-License-Identifier: MIT
// Starts the program. Between fork and exec the child undoes whatever the recorder has changed for itself (signal mask,
// dispositions, limits); every descriptor of the recorder is close-on-exec. So the program finds what `env` would give it.
//
// The recorder is a subreaper: orphans of the program's tree become its children, also those in a session of their own, so
// the tree can be ended as a whole and its statuses are known.
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder.h"
#include "wire.h"

#define PRELOAD_NAME "libtrenza-preload.so"

#ifndef TRENZA_LIBDIR
#define TRENZA_LIBDIR "/usr/lib/trenza"
#endif

extern char **environ;

// Every process that is recorded takes descriptors and address space here.
static const int lifted[LAUNCH_LIMITS] = { RLIMIT_NOFILE, RLIMIT_AS };

static void restore_limits(const struct launch_state *state)
{
    for (unsigned i = 0; i < LAUNCH_LIMITS; i++)
        setrlimit(lifted[i], &state->limits[i]);
}

void launch_prepare(struct launch_state *state, const sigset_t *blocked)
{
    pthread_sigmask(SIG_BLOCK, blocked, &state->mask);
    struct sigaction by_default = { .sa_handler = SIG_DFL };
    sigaction(SIGCHLD, &by_default, &state->child_action);
    // A file-size limit must be an error here, not a death.
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGXFSZ, &ignore, &state->file_size_action);
    for (unsigned i = 0; i < LAUNCH_LIMITS; i++) {
        getrlimit(lifted[i], &state->limits[i]);
        struct rlimit most = { state->limits[i].rlim_max, state->limits[i].rlim_max };
        setrlimit(lifted[i], &most);
    }
    prctl(PR_GET_CHILD_SUBREAPER, &state->was_subreaper);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void launch_restore(const struct launch_state *state)
{
    prctl(PR_SET_CHILD_SUBREAPER, state->was_subreaper);
    restore_limits(state);
    sigaction(SIGXFSZ, &state->file_size_action, NULL);
    sigaction(SIGCHLD, &state->child_action, NULL);
    pthread_sigmask(SIG_SETMASK, &state->mask, NULL);
}

// --- the preload ---

static char *beside_program(const char *relative)
{
    char path[PATH_MAX + 1];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size <= 0)
        return NULL;
    path[size] = 0;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *joined = g_build_filename(folder, relative, PRELOAD_NAME, NULL);
    return g_canonicalize_filename(joined, NULL);
}

char *launch_find_preload(const char *given, GError **error)
{
    if (given) {
        if (access(given, R_OK) == 0)
            return g_canonicalize_filename(given, NULL);
        g_set_error(
            error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "cannot read '%s': %s", given, g_strerror(errno));
        return NULL;
    }
    static const char *const places[] = { ".", "../tracer/preload", "../lib/trenza",
        "../lib/x86_64-linux-gnu/trenza", "../../tracer/preload", NULL };
    for (const char *const *place = places; *place; place++) {
        char *path = beside_program(*place);
        if (path && access(path, R_OK) == 0)
            return path;
        g_free(path);
    }
    if (access(TRENZA_LIBDIR "/" PRELOAD_NAME, R_OK) == 0)
        return g_strdup(TRENZA_LIBDIR "/" PRELOAD_NAME);
    g_set_error_literal(error, RECORDER_ERROR, RECORDER_ERROR_FAILED,
        "cannot find " PRELOAD_NAME "; it belongs beside this program or in " TRENZA_LIBDIR);
    return NULL;
}

// --- the environment ---

static bool lists(const char *list, const char *path)
{
    g_auto(GStrv) paths = g_strsplit_set(list, ": ", -1);
    return g_strv_contains((const char *const *)paths, path);
}

// Ours first, so that what else is preloaded calls through us.
static char *preload_value(const char *preload)
{
    const char *old = g_getenv("LD_PRELOAD");
    if (!old || !*old)
        return g_strdup(preload);
    return lists(old, preload) ? g_strdup(old) : g_strconcat(preload, ":", old, NULL);
}

// The runtime of gcc's AddressSanitizer refuses to start behind any other preloaded library, unless told otherwise.
static char **allow_sanitizer(char **environment)
{
    static const char *const name = "ASAN_OPTIONS";
    const char *old = g_environ_getenv(environment, name);
    if (old && strstr(old, "verify_asan_link_order"))
        return environment;
    g_autofree char *value =
        g_strdup_printf("%s%sverify_asan_link_order=0", old ? old : "", old && *old ? ":" : "");
    return g_environ_setenv(environment, name, value, TRUE);
}

static char **make_environment(const char *preload, const char *session_path)
{
    g_autofree char *value = preload_value(preload);
    char **environment = g_strdupv(environ);
    environment = allow_sanitizer(g_environ_setenv(environment, "LD_PRELOAD", value, TRUE));
    return g_environ_setenv(environment, WIRE_SESSION_ENV, session_path, TRUE);
}

// --- the child ---

// Runs in the child, where only async-signal-safe calls are allowed. Never returns.
static void become_program(const struct launch_state *state, char **argv, const char *binary,
    char **environment, bool mute, int failure_fd)
{
    int null = mute ? open("/dev/null", O_RDWR) : -1;
    for (int standard = 0; null >= 0 && standard <= 2; standard++)
        dup2(null, standard);
    if (null > 2)
        close(null);
    restore_limits(state);
    sigaction(SIGXFSZ, &state->file_size_action, NULL);
    sigaction(SIGCHLD, &state->child_action, NULL);
    sigprocmask(SIG_SETMASK, &state->mask, NULL);
    // execvp gives to a shell what the kernel refuses, which is right for a script and only there.
    if (binary)
        execve(binary, argv, environment);
    else
        execvpe(argv[0], argv, environment);
    int failure = errno;
    while (write(failure_fd, &failure, sizeof failure) < 0 && errno == EINTR)
        ;
    _exit(127);
}

static pid_t start(const struct launch_state *state, char **argv, const char *binary, char **environment,
    bool mute, int *ret_failure)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        *ret_failure = errno;
        return -1;
    }
    pid_t pid = fork();
    *ret_failure = errno;
    if (pid == 0)
        become_program(state, argv, binary, environment, mute, pipe_fds[1]);
    close(pipe_fds[1]);
    int failure;
    ssize_t size;
    while ((size = read(pipe_fds[0], &failure, sizeof failure)) < 0 && errno == EINTR)
        ;
    close(pipe_fds[0]);
    if (pid > 0 && size == sizeof failure) {
        *ret_failure = failure;
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return 0;
    }
    return pid;
}

pid_t launch_program(const struct launch_state *state, char **argv, const char *binary, const char *preload,
    const char *session_path, bool mute, GError **error)
{
    g_auto(GStrv) environment = make_environment(preload, session_path);
    int failure = 0;
    pid_t pid = start(state, argv, binary, environment, mute, &failure);
    if (pid > 0)
        return pid;
    enum recorder_error code = RECORDER_ERROR_FAILED;
    if (pid == 0)
        code = failure == ENOENT ? RECORDER_ERROR_NOT_FOUND : RECORDER_ERROR_CANNOT_RUN;
    g_set_error(error, RECORDER_ERROR, code, "cannot run '%s': %s", argv[0], g_strerror(failure));
    return 0;
}
