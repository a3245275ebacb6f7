// SPDX-License-Identifier: MIT
// Ends the program with everything it has started. SIGTERM and SIGKILL go to all descendants of this process, which as a
// subreaper has the orphans among them too, whatever their session and group, and to every recorded process.
//
// SIGINT is for the program and those of its tree that are in its process group, as a terminal has it. What came from a
// terminal they have got: it is not sent again. Whether a signal of kill() went to the whole group cannot be known; then the program may get it twice, as a child of `timeout` does.
//
// Blind spot: a process of another user cannot be ended, nor one that forks faster than /proc can be read.
#include "ending.h"

#include <unistd.h>

#include "clock.h"
#include "proc.h"

#define SECOND_NS INT64_C(1000000000)
#define GRACE_NS (2 * SECOND_NS)
// Somebody asked for the end: the program may close its files. But `docker stop` kills after 10 s.
#define GRACE_OF_REQUEST_NS (5 * SECOND_NS)
// So long an interrupted program may take to end by itself.
#define PATIENCE_NS (3 * SECOND_NS)
// `timeout -s INT` signals its child and then the whole group: that is one interrupt.
#define ECHO_NS (SECOND_NS / 10)
// So many interrupts, one so shortly after the other, are meant, whatever the program says.
#define INSISTS 3u
#define INSISTS_NS SECOND_NS
#define KILL_AGAIN_NS (SECOND_NS / 5)
#define INCIDENT_NS SECOND_NS // so long the end of a program waits for the incident to be written
#define GIVE_UP_NS (5 * SECOND_NS)
#define LOOK_NS (SECOND_NS / 50)

void ending_init(struct ending *ending, const struct attach *attach, struct drain *drain)
{
    *ending = (struct ending){
        .attach = attach,
        .drain = drain,
        .before = proc_descendants(getpid()),
        .incident_until = ENDING_NEVER,
        .patience_until = ENDING_NEVER,
        .kill_at = ENDING_NEVER,
        .give_up_at = ENDING_NEVER,
    };
}

void ending_done(struct ending *ending)
{
    if (ending->before)
        g_array_unref(ending->before);
    ending->before = NULL;
}

// --- the steps ---

static bool contains(const GArray *pids, pid_t pid)
{
    for (guint i = 0; i < pids->len; i++)
        if (g_array_index(pids, pid_t, i) == pid)
            return true;
    return false;
}

static void add_all(GArray *pids, const GArray *more)
{
    if (more->len > 0)
        g_array_append_vals(pids, more->data, more->len);
}

// Everything below this process that the program has started. A shell that has become us may have had children, too.
static GArray *find_tree(const struct ending *ending)
{
    GArray *tree = proc_descendants(getpid());
    g_autoptr(GArray) others = g_array_new(FALSE, FALSE, sizeof(pid_t));
    for (guint i = 0; i < ending->before->len; i++) {
        g_autoptr(GArray) below = proc_descendants(g_array_index(ending->before, pid_t, i));
        add_all(others, below);
    }
    add_all(others, ending->before);
    for (guint i = tree->len; i-- > 0;)
        if (contains(others, g_array_index(tree, pid_t, i)))
            g_array_remove_index(tree, i);
    return tree;
}

static void signal_tree(const struct ending *ending, int signal_number)
{
    g_autoptr(GArray) pids = find_tree(ending);
    attach_collect(ending->attach, pids);
    if (!ending->program_ended)
        g_array_append_val(pids, ending->pid); // where there is no /proc
    for (guint i = 0; i < pids->len; i++)
        kill(g_array_index(pids, pid_t, i), signal_number);
}

// To the program and those of its tree that are in its process group.
static void signal_group(const struct ending *ending, int signal_number)
{
    pid_t group = getpgid(ending->pid);
    g_autoptr(GArray) tree = find_tree(ending);
    kill(ending->pid, signal_number);
    for (guint i = 0; i < tree->len; i++) {
        pid_t pid = g_array_index(tree, pid_t, i);
        if (pid != ending->pid && getpgid(pid) == group)
            kill(pid, signal_number);
    }
}

static void begin(struct ending *ending)
{
    ending->begun = true;
    ending->incident_until = ENDING_NEVER;
    ending->patience_until = ENDING_NEVER;
    ending->kill_at = clock_now_ns() + ending->grace_ns;
    ending->give_up_at = ending->kill_at + GIVE_UP_NS;
    signal_tree(ending, SIGTERM);
    signal_tree(ending, SIGCONT);
}

// The incident is written, or has taken too long.
static void go_on(struct ending *ending)
{
    if (!ending->asks_first || ending->program_ended) {
        begin(ending);
        return;
    }
    ending->incident_until = ENDING_NEVER;
    ending->patience_until = clock_now_ns() + PATIENCE_NS;
    if (ending->passes_on)
        signal_group(ending, SIGINT);
}

static void wait_for_incident(
    struct ending *ending, enum recorder_ended why, const char *what, int64_t grace_ns)
{
    ending->why = why;
    ending->grace_ns = grace_ns;
    ending->incident_until = clock_now_ns() + INCIDENT_NS;
    drain_write_incident(ending->drain, what);
}

static void hurry(struct ending *ending)
{
    if (ending->begun)
        ending->kill_at = 0;
    else
        begin(ending);
}

bool ending_is_coming(const struct ending *ending)
{
    return ending->begun || ending->incident_until != ENDING_NEVER || ending->patience_until != ENDING_NEVER;
}

// --- the reasons ---

void ending_requested(struct ending *ending)
{
    if (ending_is_coming(ending))
        hurry(ending);
    else
        wait_for_incident(ending, RECORDER_ENDED_INTERRUPTED, "interrupted", GRACE_OF_REQUEST_NS);
}

static bool is_from_kernel(const struct signalfd_siginfo *info)
{
    return info->ssi_code > 0;
}

// A program that handles what came from its terminal decides what it means: an interactive one goes on. It is only ended
// when somebody insists.
static bool program_decides(const struct ending *ending, const struct signalfd_siginfo *info)
{
    return !ending->program_ended && is_from_kernel(info) && info->ssi_signo == SIGINT &&
           ending->interrupts < INSISTS && proc_catches(ending->pid, SIGINT);
}

void ending_interrupted(struct ending *ending, const struct signalfd_siginfo *info)
{
    int64_t now = clock_now_ns();
    int64_t since_ns = now - ending->interrupted_at;
    if (since_ns < ECHO_NS)
        return;
    ending->interrupts = since_ns < INSISTS_NS ? ending->interrupts + 1 : 1;
    ending->interrupted_at = now;
    if (ending_is_coming(ending)) {
        hurry(ending);
    } else if (!program_decides(ending, info)) {
        ending->asks_first = ending->interrupts < INSISTS;
        ending->passes_on = !is_from_kernel(info);
        wait_for_incident(ending, RECORDER_ENDED_INTERRUPTED, "interrupted", GRACE_NS);
    } else if (ending->why != RECORDER_ENDED_INTERRUPTED) {
        ending->why = RECORDER_ENDED_INTERRUPTED;
        ending->grace_ns = GRACE_NS;
        drain_write_incident(ending->drain, "interrupted");
    }
}

void ending_timed_out(struct ending *ending)
{
    if (!ending_is_coming(ending))
        wait_for_incident(ending, RECORDER_ENDED_TIMEOUT, "timeout", GRACE_NS);
}

void ending_deadlocked(struct ending *ending)
{
    if (ending->begun)
        return;
    ending->why = RECORDER_ENDED_DEADLOCK;
    ending->grace_ns = GRACE_NS;
    begin(ending);
}

// --- meanwhile ---

void ending_incident_written(struct ending *ending)
{
    if (ending->incident_until != ENDING_NEVER)
        go_on(ending);
}

// It has done as it was asked; what it has left behind was not asked yet.
void ending_program_ended(struct ending *ending)
{
    int64_t now = clock_now_ns();
    ending->program_ended = true;
    bool just_interrupted = ending->interrupted_at && now < ending->interrupted_at + GRACE_OF_REQUEST_NS;
    if (!ending->begun && just_interrupted)
        ending->patience_until = now;
}

void ending_keep_time(struct ending *ending, int64_t now)
{
    if (now >= ending->incident_until)
        go_on(ending);
    if (now >= ending->patience_until)
        begin(ending);
    if (now >= ending->kill_at) {
        signal_tree(ending, SIGKILL);
        ending->kill_at = now + KILL_AGAIN_NS;
    }
}

int64_t ending_next(const struct ending *ending, int64_t now)
{
    int64_t next = MIN(MIN(ending->incident_until, ending->patience_until), ending->kill_at);
    return ending->begun ? MIN(next, now + LOOK_NS) : next;
}

bool ending_tree_is_empty(const struct ending *ending)
{
    if (attach_alive(ending->attach) > 0)
        return false;
    if (ending->before->len == 0)
        return !proc_has_children();
    g_autoptr(GArray) tree = find_tree(ending);
    return tree->len == 0;
}

bool ending_is_of_program(const struct ending *ending, pid_t pid)
{
    const char *executable;
    if (attach_knows(ending->attach, pid, &executable))
        return true;
    g_autoptr(GArray) tree = find_tree(ending);
    return contains(tree, pid);
}

bool ending_is_over(const struct ending *ending, int64_t now)
{
    return ending->begun &&
           ((ending->program_ended && ending_tree_is_empty(ending)) || now >= ending->give_up_at);
}
