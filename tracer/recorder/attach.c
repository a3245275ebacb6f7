// SPDX-License-Identifier: MIT
// Processes come and go. A process that says hello gets a segment of shared memory and the session page; from then on it is
// watched by a pidfd, which says when it has ended whoever its parent is. A hello from a process that is known already
// means that it has become another program.
//
// Blind spot: a process of another pid namespace that this one cannot see has no pid here; it is recorded, but taken for alive
// until the recording ends.
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"

#define PROCESSES_FIT 64u // into the limit on address space

struct target {
    struct attach_source source; // the pidfd; fd -1: there is none
    pid_t pid;
    struct process *process; // the drain thread's: here only a name for it
    bool came_by_exec;       // it was known as another program before
    bool from_nursery;       // its pid is what it says itself
    char *executable;        // what it runs and with what arguments; NULL: not to be found out
    char *arguments;
    int status; // as a shell says it; -1: not known
};

static struct attach_source listener_source;

static bool watch_fd(struct attach *attach, struct attach_source *source)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };
    return epoll_ctl(attach->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

static void target_free(gpointer pointer)
{
    struct target *target = pointer;
    if (target->source.fd >= 0)
        close(target->source.fd);
    g_free(target->executable);
    g_free(target->arguments);
    g_free(target);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool attach_init(struct attach *attach, struct session *session, struct drain *drain, int epoll_fd)
{
    *attach = (struct attach){
        .session = session,
        .drain = drain,
        .epoll_fd = epoll_fd,
        .spare_fd = open_spare(),
        .targets = g_hash_table_new_full(NULL, NULL, NULL, target_free),
    };
    listener_source = (struct attach_source){ ATTACH_LISTENER, session->listener };
    return watch_fd(attach, &listener_source);
}

void attach_done(struct attach *attach)
{
    if (attach->targets)
        g_hash_table_destroy(attach->targets);
    close(attach->spare_fd);
    attach->targets = NULL;
}

// Out of descriptors: the one who knocks must be let in to be turned away, or the listener stays readable for ever.
static void turn_away(struct attach *attach)
{
    attach->refused = errno;
    drain_add_coverage(
        attach->drain, "no-memory", "a process was turned away: too many descriptors are open");
    if (attach->spare_fd >= 0)
        close(attach->spare_fd);
    int fd = accept4(attach->session->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    attach->spare_fd = open_spare();
}

static void accept_connections(struct attach *attach)
{
    int fd;
    while ((fd = accept4(attach->session->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct attach_source *source = g_new(struct attach_source, 1);
        *source = (struct attach_source){ ATTACH_CONNECTION, fd };
        if (!watch_fd(attach, source)) {
            close(fd);
            g_free(source);
        }
    }
    if (errno == EMFILE || errno == ENFILE)
        turn_away(attach);
}

// Where address space is limited, many processes shall have some of it; one that needs more slots asks again.
static uint32_t most_slots(void)
{
    struct rlimit limit;
    uint32_t slots = WIRE_SLOTS;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        while (slots > WIRE_SLOTS_MIN && WIRE_SEGMENT_BYTES(slots) > limit.rlim_cur / PROCESSES_FIT)
            slots /= 2;
    return slots;
}

// A memfd for a segment of as many slots as the limits on file sizes and address space allow, and the segment. -1 and errno
// when not even the least.
static int make_memory(struct segment **ret_segment)
{
    int fd = memfd_create("trenza-segment", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    for (uint32_t slots = most_slots(); slots >= WIRE_SLOTS_MIN; slots /= 2)
        if (ftruncate(fd, (off_t)WIRE_SEGMENT_BYTES(slots)) == 0 && (*ret_segment = segment_new(fd, slots)))
            return fd;
    int failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

static bool send_welcome(struct attach *attach, int connection, int memory, uint32_t slots, bool nursery)
{
    struct wire_welcome welcome = {
        .magic = WIRE_MAGIC, .version = WIRE_VERSION, .slots = slots, .nursery = nursery
    };
    int fds[2] = { memory, attach->session->page_fd };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof fds)];
    } control = { 0 };
    struct iovec part = { &welcome, sizeof welcome };
    struct msghdr message = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(header), fds, sizeof fds);
    return sendmsg(connection, &message, MSG_NOSIGNAL) == sizeof welcome;
}

static struct target *find_target(const struct attach *attach, pid_t pid)
{
    return pid ? g_hash_table_lookup(attach->targets, GINT_TO_POINTER(pid)) : NULL;
}

// The child of a fork runs what its parent runs, and waits for the answer: it is not looked up again. Not where the parent
// may have become what it is after the fork, nor where pids have other meanings than here.
static void find_program(struct attach *attach, const struct wire_hello *hello, struct target *target)
{
    bool same_pids = target->pid == (pid_t)hello->pid;
    const struct target *parent =
        hello->forked && same_pids ? find_target(attach, (pid_t)hello->parent_pid) : NULL;
    if (parent && !parent->came_by_exec) {
        target->executable = g_strdup(parent->executable);
        target->arguments = g_strdup(parent->arguments);
    } else if (target->pid) {
        target->executable = proc_executable(target->pid);
        target->arguments = proc_arguments(target->pid);
    }
}

static struct process *describe_process(
    struct attach *attach, const struct target *target, const struct wire_hello *hello)
{
    struct process *process =
        process_new(target->pid, g_strdup(target->executable), g_strdup(target->arguments));
    process->parent_pid = hello->parent_pid;
    process->forked = hello->forked;
    process->forked_from = hello->forked_from;
    process->started_ticks = (int64_t)clock_ticks(&attach->session->clock);
    return process;
}

static void end_target(struct attach *attach, struct target *target, bool exec)
{
    // Its children come first.
    drain_look_for_births(attach->drain);
    drain_end_process(attach->drain, target->process, target->status, exec);
    if (target->source.fd >= 0)
        epoll_ctl(attach->epoll_fd, EPOLL_CTL_DEL, target->source.fd, NULL);
    else
        attach->unwatched--;
    g_hash_table_remove(attach->targets, GINT_TO_POINTER(target->pid));
}

static void add_target(struct attach *attach, struct target *target)
{
    pid_t pid = target->pid;
    errno = 0;
    int fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    int failure = errno;
    target->source = (struct attach_source){ ATTACH_PIDFD, fd };
    // Without a pid there is nothing to know it by again: a key of its own, below all pids.
    gpointer key = GINT_TO_POINTER(pid ? pid : -(int)attach->ever);
    g_hash_table_replace(attach->targets, key, target);
    if (fd >= 0)
        watch_fd(attach, &target->source);
    else
        attach->unwatched++;
    if (failure == ESRCH)
        end_target(attach, target, false);
}

static void welcome_process(
    struct attach *attach, pid_t pid, const struct wire_hello *hello, struct segment *segment)
{
    struct target *old = find_target(attach, pid);
    if (old && hello->kind == WIRE_HELLO_SEGMENT) {
        drain_add_segment(attach->drain, old->process, segment);
        return;
    }
    struct target *target = g_new(struct target, 1);
    *target = (struct target){ .pid = pid, .came_by_exec = old != NULL, .status = -1 };
    find_program(attach, hello, target);
    struct process *process = target->process = describe_process(attach, target, hello);
    process->continues = old != NULL;
    if (old)
        end_target(attach, old, true);
    attach->ever++;
    process_add_segment(process, segment);
    drain_add_process(attach->drain, process, hello->pid);
    add_target(attach, target);
}

static void refuse(struct attach *attach, pid_t pid)
{
    attach->refused = errno;
    g_autofree char *detail =
        g_strdup_printf("process %d got no shared memory: %s", (int)pid, g_strerror(errno));
    drain_add_coverage(attach->drain, "no-memory", detail);
}

// The peer's pid as this process sees it; -1: it is nobody whose word counts here.
static pid_t trusted_peer(int connection)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    bool trusted = getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
                   (peer.uid == geteuid() || peer.uid == 0 || geteuid() == 0);
    return trusted ? peer.pid : -1;
}

// Everything is handed to the drain thread before the target may write its first event.
static void answer(struct attach *attach, int connection, pid_t pid, const struct wire_hello *hello)
{
    struct segment *segment;
    int memory = make_memory(&segment);
    if (memory < 0) {
        refuse(attach, pid);
        return;
    }
    uint32_t slots = segment->slots;
    welcome_process(attach, pid, hello, segment);
    // What a child says there of pids must mean the same here.
    bool nursery = session_nursery(attach->session) && pid == (pid_t)hello->pid;
    send_welcome(attach, connection, memory, slots, nursery);
    close(memory);
}

// Before anything is found out about a process that comes: it may be one of these, or a child of one.
void attach_look_for_births(struct attach *attach)
{
    drain_look_for_births(attach->drain);
    struct process *process;
    pid_t pid, parent;
    while ((pid = drain_take_newborn(attach->drain, &process, &parent)) != 0) {
        // Another one had the pid before.
        struct target *old = find_target(attach, pid);
        if (old)
            end_target(attach, old, false);
        struct target *target = g_new(struct target, 1);
        *target = (struct target){ .pid = pid, .from_nursery = true, .process = process, .status = -1 };
        const struct wire_hello hello = { .pid = (uint32_t)pid, .parent_pid = (uint32_t)parent, .forked = 1 };
        find_program(attach, &hello, target);
        attach->ever++;
        add_target(attach, target);
    }
}

static void hear_connection(struct attach *attach, struct attach_source *source)
{
    attach_look_for_births(attach);
    struct wire_notice notice;
    const struct wire_hello *hello = &notice.hello;
    ssize_t size = recv(source->fd, &notice, sizeof notice, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    pid_t pid = trusted_peer(source->fd);
    bool understood =
        size >= (ssize_t)sizeof *hello && hello->magic == WIRE_MAGIC && hello->version == WIRE_VERSION;
    if (!understood || pid < 0)
        ;
    else if (hello->kind == WIRE_HELLO_UNSEEN && size == sizeof notice)
        drain_add_unseen(attach->drain, &notice);
    else if ((hello->kind == WIRE_HELLO_PROCESS || hello->kind == WIRE_HELLO_SEGMENT) &&
             size == sizeof *hello)
        answer(attach, source->fd, pid, hello);
    close(source->fd);
    g_free(source);
}

// A child's status is looked at but left for waitpid; of another's child only what it said itself is known.
static void hear_end(struct attach *attach, struct target *target)
{
    siginfo_t info = { 0 };
    if (waitid(P_PIDFD, (id_t)target->source.fd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
        target->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    end_target(attach, target, false);
}

void attach_handle(struct attach *attach, struct attach_source *source)
{
    switch (source->kind) {
    case ATTACH_LISTENER:
        accept_connections(attach);
        break;
    case ATTACH_CONNECTION:
        hear_connection(attach, source);
        break;
    case ATTACH_PIDFD:
        hear_end(attach, (struct target *)source);
        break;
    case ATTACH_OTHER:
        break;
    }
}

void attach_reaped(struct attach *attach, pid_t pid, int status)
{
    struct target *target = find_target(attach, pid);
    if (!target)
        return;
    target->status = status;
    end_target(attach, target, false);
}

static struct target *find_vanished(const struct attach *attach)
{
    GHashTableIter each;
    gpointer pointer;
    g_hash_table_iter_init(&each, attach->targets);
    while (g_hash_table_iter_next(&each, NULL, &pointer)) {
        struct target *target = pointer;
        if (target->source.fd < 0 && target->pid && kill(target->pid, 0) != 0 && errno == ESRCH)
            return target;
    }
    return NULL;
}

void attach_poll(struct attach *attach)
{
    struct target *target;
    while (attach->unwatched && (target = find_vanished(attach)))
        end_target(attach, target, false);
}

bool attach_knows(const struct attach *attach, pid_t pid, const char **ret_executable)
{
    const struct target *target = find_target(attach, pid);
    *ret_executable = target ? target->executable : NULL;
    return target;
}

unsigned attach_alive(const struct attach *attach)
{
    return g_hash_table_size(attach->targets);
}

void attach_collect(const struct attach *attach, GArray *pids)
{
    GHashTableIter each;
    gpointer pointer;
    g_hash_table_iter_init(&each, attach->targets);
    while (g_hash_table_iter_next(&each, NULL, &pointer)) {
        struct target *target = pointer;
        if (target->pid && !target->from_nursery)
            g_array_append_val(pids, target->pid);
    }
}
