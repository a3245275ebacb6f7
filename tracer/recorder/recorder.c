// SPDX-License-Identifier: MIT
// Ties the recorder together. The main thread starts the program, lets processes in and sees them end, keeps the time and
// hears signals; the drain thread does everything that touches rings and trace; the heart beats. The main thread waits
// in one place (epoll), handles one event, then asks whether the recording is over.
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "drain.h"
#include "ending.h"
#include "facts.h"
#include "launch.h"
#include "proc.h"
#include "program.h"
#include "session.h"
#include "steering.h"
#include "strangers.h"

#define SECOND_NS INT64_C(1000000000)
#define NOBODY_NS (10 * SECOND_NS)    // attach mode: so long for the first process to come
#define STRAGGLERS_NS (SECOND_NS / 4) // a child of the last process may be about to say hello
#define NEVER ENDING_NEVER

G_DEFINE_QUARK(recorder - error - quark, recorder_error)

struct recorder {
    const struct recorder_options *options;
    struct program program;
    char *preload;
    struct store *store;
    bool had_old; // there was a trace at the output's path
    struct session session;
    struct drain drain;
    struct attach attach;
    struct ending ending;
    struct strangers strangers;
    struct launch_state state;
    bool state_changed;
    bool session_is_open;
    bool drain_runs;
    int epoll_fd;
    struct attach_source signals; // signalfd
    struct attach_source notices; // the drain thread's eventfd

    pid_t pid; // of the program; 0 in attach mode
    bool by_signal;
    int status; // as a shell says it; -1: not known
    bool over;  // asked to stop recording at once
    int64_t timeout_at;
    int64_t quiet_since; // since when no process is alive that could be recorded; NEVER: there is one
    int64_t linger_until;
    int64_t note_at; // NEVER, or when it is said that recording goes on
    int64_t began_at;
};

static bool fail(GError **error, const char *what)
{
    g_set_error(error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "cannot %s: %s", what, g_strerror(errno));
    return false;
}

static bool attach_mode(const struct recorder *recorder)
{
    return recorder->options->argv == NULL;
}

// --- setting up ---

static bool create_store(struct recorder *recorder, GError **error)
{
    struct stat status;
    const char *output = recorder->options->output;
    recorder->had_old = lstat(output, &status) == 0;
    int result = store_create(output, &recorder->store);
    if (result >= 0)
        return true;
    g_set_error_literal(error, RECORDER_ERROR, RECORDER_ERROR_FAILED,
        recorder->store ? store_message(recorder->store) : g_strerror(-result));
    store_close(recorder->store);
    recorder->store = NULL;
    return false;
}

// The program was never run: the trace that was there before takes its place again.
static void uncreate_store(struct recorder *recorder)
{
    static const char *const parts[] = { "", "-wal", "-shm" };
    store_close(recorder->store);
    recorder->store = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_strconcat(recorder->options->output, parts[i], NULL);
        g_unlink(path);
    }
    g_autofree char *old = g_strconcat(recorder->options->output, ".old", NULL);
    if (recorder->had_old)
        g_rename(old, recorder->options->output);
}

static bool watch_fd(const struct recorder *recorder, struct attach_source *source)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };
    return epoll_ctl(recorder->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

static bool prepare_signals(struct recorder *recorder, GError **error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    // What the program is to ignore (nohup, a background job of a script) is not for us either; blocked, it would come.
    static const int heard[] = { SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
    for (size_t i = 0; i < G_N_ELEMENTS(heard); i++) {
        struct sigaction inherited;
        if (sigaction(heard[i], NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
            sigaddset(&set, heard[i]);
    }
    launch_prepare(&recorder->state, &set);
    recorder->state_changed = true;
    recorder->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    recorder->signals =
        (struct attach_source){ ATTACH_OTHER, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) };
    if (recorder->epoll_fd < 0 || recorder->signals.fd < 0 || !watch_fd(recorder, &recorder->signals))
        return fail(error, "hear signals");
    return true;
}

static bool start_drain(struct recorder *recorder, GError **error)
{
    if (!drain_start(&recorder->drain, recorder->store, &recorder->session))
        return fail(error, "start a thread");
    recorder->drain_runs = true;
    recorder->notices = (struct attach_source){ ATTACH_OTHER, recorder->drain.notice_fd };
    if (!watch_fd(recorder, &recorder->notices) ||
        !attach_init(&recorder->attach, &recorder->session, &recorder->drain, recorder->epoll_fd))
        return fail(error, "wait for processes");
    ending_init(&recorder->ending, &recorder->attach, &recorder->drain);
    strangers_init(&recorder->strangers, &recorder->attach, clock_now_ns());
    return true;
}

static bool set_up(struct recorder *recorder, GError **error)
{
    const struct recorder_options *options = recorder->options;
    if (!attach_mode(recorder)) {
        if (!program_look(options->argv[0], &recorder->program, error))
            return false;
        recorder->preload = launch_find_preload(options->preload_path, error);
        if (!recorder->preload)
            return false;
    }
    g_autofree char *output = g_canonicalize_filename(options->output, NULL);
    g_autofree char *folder = g_path_get_dirname(output);
    if (!prepare_signals(recorder, error) ||
        !session_open(&recorder->session, folder, options->drop_when_full, options->blocking_calls, error))
        return false;
    recorder->session_is_open = true;
    if (options->steering)
        steering_describe(&recorder->session.page->steer, options->steering);
    if (!create_store(recorder, error))
        return false;
    facts_write_first(recorder->store, options, &recorder->session.clock);
    return start_drain(recorder, error);
}

static void tear_down(struct recorder *recorder)
{
    if (recorder->drain_runs)
        drain_done(&recorder->drain);
    strangers_done(&recorder->strangers);
    ending_done(&recorder->ending);
    attach_done(&recorder->attach);
    if (recorder->session_is_open)
        session_close(&recorder->session);
    if (recorder->signals.fd >= 0)
        close(recorder->signals.fd);
    if (recorder->epoll_fd >= 0)
        close(recorder->epoll_fd);
    // Whoever has ended the program shall have what is made of the trace, however impatient: what is pending goes, too.
    static const int requests[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < G_N_ELEMENTS(requests) && recorder->ending.why == RECORDER_ENDED_INTERRUPTED; i++)
        signal(requests[i], SIG_IGN);
    if (recorder->state_changed)
        launch_restore(&recorder->state);
    program_done(&recorder->program);
    g_free(recorder->preload);
}

// --- starting ---

static void note(const struct recorder *recorder, const char *line)
{
    if (!recorder->options->quiet)
        g_printerr("trenza: %s\n", line);
}

// ld.so separates what LD_PRELOAD lists by colons and spaces and knows no way to quote them: a path with such in it is
// reached by a link in the session's directory.
static bool make_listable(struct recorder *recorder, GError **error)
{
    if (!strpbrk(recorder->preload, ": "))
        return true;
    char *link = session_link(&recorder->session, recorder->preload);
    if (!link || strpbrk(link, ": ")) {
        g_free(link);
        g_set_error(error, RECORDER_ERROR, RECORDER_ERROR_FAILED,
            "'%s' cannot be preloaded: its path has a space or a colon in it", recorder->preload);
        return false;
    }
    g_free(recorder->preload);
    recorder->preload = link;
    return true;
}

static bool start_program(struct recorder *recorder, GError **error)
{
    if (recorder->program.what) {
        g_autofree char *line =
            g_strconcat(recorder->program.detail, ", so nothing of it can be recorded", NULL);
        note(recorder, line);
        drain_add_coverage(&recorder->drain, recorder->program.what, recorder->program.detail);
    }
    if (!make_listable(recorder, error))
        return false;
    recorder->pid = launch_program(&recorder->state, recorder->options->argv,
        recorder->program.elf ? recorder->program.path : NULL, recorder->preload,
        recorder->session.socket_path, recorder->options->mute, error);
    recorder->ending.pid = recorder->pid;
    return recorder->pid > 0;
}

// The target waits for the path; from then on this process must not keep its terminal or its pipes open.
static bool announce_session(struct recorder *recorder, GError **error)
{
    const char *path = recorder->session.socket_path;
    int fd = recorder->options->ready_fd;
    bool written = write(fd, path, strlen(path) + 1) == (ssize_t)strlen(path) + 1;
    close(fd);
    if (!written)
        return fail(error, "tell the session's path");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = 0; standard <= 2 && null >= 0; standard++)
        dup2(null, standard);
    if (null > 2)
        close(null);
    return true;
}

// --- signals ---

// What a program sends to its process group, it sends to its own: `kill 0` in a shell.
static bool is_from_program(const struct recorder *recorder, const struct signalfd_siginfo *info)
{
    bool by_kill = info->ssi_code <= 0 && info->ssi_signo != SIGCHLD;
    return by_kill && !attach_mode(recorder) && ending_is_of_program(&recorder->ending, (pid_t)info->ssi_pid);
}

static void hear_request_to_end(struct recorder *recorder)
{
    if (attach_mode(recorder)) {
        recorder->ending.why = RECORDER_ENDED_INTERRUPTED;
        recorder->over = true;
    } else {
        ending_requested(&recorder->ending);
    }
}

// SIGINT, and SIGHUP when the terminal is gone, ask for the end; what else comes by kill() is the program's.
static void hear_other(struct recorder *recorder, const struct signalfd_siginfo *info)
{
    if (attach_mode(recorder))
        return;
    bool from_kernel = info->ssi_code > 0;
    bool closed = info->ssi_signo == SIGHUP && from_kernel;
    if (info->ssi_signo == SIGINT || closed)
        ending_interrupted(&recorder->ending, info);
    else if (!from_kernel && !recorder->ending.program_ended)
        kill(recorder->pid, (int)info->ssi_signo);
}

static void program_has_ended(struct recorder *recorder)
{
    int64_t now = clock_now_ns();
    double linger = recorder->options->linger;
    recorder->note_at = linger == 0 ? NEVER : now + SECOND_NS;
    recorder->linger_until = linger < 0 ? NEVER : now + (int64_t)(linger * (double)SECOND_NS);
    ending_program_ended(&recorder->ending);
}

static void reap(struct recorder *recorder)
{
    siginfo_t info;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
            return;
        bool exited = info.si_code == CLD_EXITED;
        int status = exited ? info.si_status : 128 + info.si_status;
        attach_reaped(&recorder->attach, info.si_pid, status);
        if (info.si_pid != recorder->pid || recorder->ending.program_ended)
            continue;
        recorder->by_signal = !exited;
        recorder->status = status;
        program_has_ended(recorder);
    }
}

static void hear_signals(struct recorder *recorder)
{
    struct signalfd_siginfo info;
    while (read(recorder->signals.fd, &info, sizeof info) == sizeof info) {
        if (is_from_program(recorder, &info))
            continue;
        switch (info.ssi_signo) {
        case SIGCHLD:
            reap(recorder);
            break;
        case SIGTERM:
            hear_request_to_end(recorder);
            break;
        default:
            hear_other(recorder, &info);
            break;
        }
    }
}

static void hear_notices(struct recorder *recorder)
{
    uint64_t count;
    if (read(recorder->notices.fd, &count, sizeof count) != sizeof count)
        return;
    unsigned notices = atomic_exchange(&recorder->drain.notices, 0);
    if (notices & DRAIN_BORN)
        attach_look_for_births(&recorder->attach);
    if (notices & DRAIN_DEADLOCK && recorder->options->on_deadlock == RECORDER_DEADLOCK_STOP)
        ending_deadlocked(&recorder->ending);
    if (notices & DRAIN_WRITTEN)
        ending_incident_written(&recorder->ending);
}

// --- the loop ---

static int64_t next_deadline(const struct recorder *recorder, int64_t now)
{
    int64_t next = MIN(now + SECOND_NS, ending_next(&recorder->ending, now));
    next = MIN(next, recorder->timeout_at);
    next = MIN(next, recorder->note_at);
    if (recorder->ending.program_ended)
        next = MIN(next, recorder->linger_until);
    if ((attach_mode(recorder) || recorder->ending.program_ended) && recorder->quiet_since != NEVER)
        next = MIN(next, recorder->quiet_since + STRAGGLERS_NS);
    return MAX(next, now);
}

static void keep_time(struct recorder *recorder, int64_t now)
{
    if (now >= recorder->timeout_at) {
        recorder->timeout_at = NEVER;
        ending_timed_out(&recorder->ending);
    }
    ending_keep_time(&recorder->ending, now);
    if (!attach_mode(recorder))
        strangers_keep_time(&recorder->strangers, now);
    if (now >= recorder->note_at) {
        recorder->note_at = NEVER;
        if (!ending_is_coming(&recorder->ending) && attach_alive(&recorder->attach) > 0)
            note(recorder,
                "the program has ended; recording goes on until its children have, or Ctrl-C ends them");
    }
    attach_look_for_births(&recorder->attach);
    attach_poll(&recorder->attach);
    if (attach_alive(&recorder->attach) > 0)
        recorder->quiet_since = NEVER;
    else if (recorder->quiet_since == NEVER)
        recorder->quiet_since = now;
}

// A child of the program that has just ended may be about to say hello; one that cannot is not waited for.
static bool nobody_is_left(const struct recorder *recorder, int64_t now)
{
    if (recorder->quiet_since == NEVER)
        return false;
    return now >= recorder->quiet_since + STRAGGLERS_NS || ending_tree_is_empty(&recorder->ending);
}

static bool is_over(const struct recorder *recorder, int64_t now)
{
    if (recorder->over)
        return true;
    if (ending_is_coming(&recorder->ending))
        return ending_is_over(&recorder->ending, now);
    if (attach_mode(recorder))
        return recorder->attach.ever
                   ? recorder->quiet_since != NEVER && now >= recorder->quiet_since + STRAGGLERS_NS
                   : now >= recorder->began_at + NOBODY_NS;
    return recorder->ending.program_ended && (now >= recorder->linger_until || nobody_is_left(recorder, now));
}

static void dispatch(struct recorder *recorder, struct attach_source *source)
{
    if (source == &recorder->signals)
        hear_signals(recorder);
    else if (source == &recorder->notices)
        hear_notices(recorder);
    else
        attach_handle(&recorder->attach, source);
}

// One event at a time: handling one may do away with the source of another. When the recording seems over, what has
// already happened is heard first.
static void record(struct recorder *recorder)
{
    for (;;) {
        int64_t now = clock_now_ns();
        keep_time(recorder, now);
        bool over = is_over(recorder, now);
        int64_t wait_ns = over ? 0 : next_deadline(recorder, now) - now;
        struct epoll_event event;
        int n = epoll_wait(recorder->epoll_fd, &event, 1, (int)((wait_ns + 999999) / 1000000));
        if (n > 0)
            dispatch(recorder, event.data.ptr);
        else if (over)
            return;
    }
}

// Processes of another user, or stuck in the kernel.
static void tell_who_is_left(struct recorder *recorder)
{
    if (!recorder->ending.begun || ending_tree_is_empty(&recorder->ending))
        return;
    static const char line[] = "not every process could be ended";
    note(recorder, line);
    drain_add_coverage(&recorder->drain, "not-ended", line);
}

static enum recorder_ended how_it_ended(const struct recorder *recorder)
{
    if (recorder->ending.why != RECORDER_ENDED_EXIT)
        return recorder->ending.why;
    return recorder->by_signal ? RECORDER_ENDED_SIGNAL : RECORDER_ENDED_EXIT;
}

static bool close_trace(struct recorder *recorder, struct recorder_result *ret_result, GError **error)
{
    drain_finish(&recorder->drain);
    struct recording *recording = &recorder->drain.recording;
    *ret_result = (struct recorder_result){
        .ended = how_it_ended(recorder),
        .exit_status = recorder->status,
        .events = recording->events,
        .lost = recording->lost,
        .processes = recording->processes,
        .threads = recording->threads,
        .seconds = (double)(clock_now_ns() - recorder->began_at) / (double)SECOND_NS,
    };
    if (recording->processes == 0 && !recorder->program.what)
        WRITER_PUT(
            &recording->writer, store_put_coverage, 0, "no-session", "no process came to the recorder");
    facts_write_last(&recording->writer, ret_result, &recorder->session.clock);
    bool keep = recorder->options->keep_open;
    int result = keep ? store_commit(recorder->store) : store_close(recorder->store);
    if (!keep)
        recorder->store = NULL;
    if (recording->processes == 0 && recorder->attach.refused) {
        g_set_error(error, RECORDER_ERROR, RECORDER_ERROR_FAILED,
            "nothing could be recorded: no shared memory: %s", g_strerror(recorder->attach.refused));
        return false;
    }
    if (!recording->writer.failed && result >= 0) {
        ret_result->store = recorder->store;
        recorder->store = NULL;
        return true;
    }
    g_set_error(error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "the trace is not complete: %s",
        recording->writer.message ? recording->writer.message : g_strerror(-result));
    return false;
}

static bool run(struct recorder *recorder, struct recorder_result *ret_result, GError **error)
{
    int64_t now = clock_now_ns();
    recorder->began_at = now;
    if (!set_up(recorder, error))
        return false;
    if (recorder->options->timeout > 0)
        recorder->timeout_at = now + (int64_t)(recorder->options->timeout * (double)SECOND_NS);
    if (attach_mode(recorder) ? announce_session(recorder, error) : start_program(recorder, error)) {
        record(recorder);
        tell_who_is_left(recorder);
        return close_trace(recorder, ret_result, error);
    }
    drain_finish(&recorder->drain);
    uncreate_store(recorder);
    return false;
}

bool recorder_run(const struct recorder_options *options, struct recorder_result *ret_result, GError **error)
{
    struct recorder recorder = {
        .options = options,
        .epoll_fd = -1,
        .signals.fd = -1,
        .status = options->argv ? -1 : 0,
        .timeout_at = NEVER,
        .quiet_since = NEVER,
        .linger_until = NEVER,
        .note_at = NEVER,
    };
    *ret_result = (struct recorder_result){ .exit_status = -1 };
    bool complete = run(&recorder, ret_result, error);
    tear_down(&recorder);
    store_close(recorder.store);
    return complete;
}
