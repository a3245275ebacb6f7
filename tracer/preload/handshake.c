// SPDX-License-Identifier: MIT
// Gets this process its shared memory: connect, say hello, receive two descriptors, map them, close everything.
// Plain system calls only: it runs in a freshly forked child of a program with threads.
#include "handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "nursery.h"
#include "runtime.h"

#define ANSWER_SECONDS 5

static char path[SESSION_PATH_MAX];

// The session page that this process or one it was forked from has mapped, and which file that is.
static struct wire_session *page;
static dev_t page_device;
static ino_t page_inode;

const char *session_path(void)
{
    if (path[0] == '\0') {
        // Not getenv(): before our constructor has run libc's environ may not be set up; by then it surely is.
        const char *value = getenv(WIRE_SESSION_ENV);
        if (value != NULL && strlen(value) < sizeof path)
            strcpy(path, value);
    }
    return path;
}

void session_path_set(const char *new_path)
{
    if (strlen(new_path) < sizeof path)
        strcpy(path, new_path);
}

static int open_socket(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *session = session_path();
    if (session[0] == '\0')
        return -1;
    memcpy(address.sun_path, session, strlen(session) + 1);
    const int fd = (int)SYS3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
    SYS6(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience, 0);
    SYS6(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience, 0);
    long rc;
    do
        rc = SYS3(SYS_connect, fd, &address, sizeof address);
    while (rc == -EINTR);
    if (rc < 0) {
        sys_close(fd);
        return -1;
    }
    return fd;
}

// Receives the welcome and its two descriptors. False: none came; any that did are closed.
static bool receive(int fd, struct wire_welcome *welcome, int descriptors[2])
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = { 0 };
    struct iovec part = { .iov_base = welcome, .iov_len = sizeof *welcome };
    struct msghdr message = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes };
    long size;
    do
        size = SYS3(SYS_recvmsg, fd, &message, MSG_CMSG_CLOEXEC);
    while (size == -EINTR);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (size < 0 || header == NULL || header->cmsg_type != SCM_RIGHTS)
        return false;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(descriptors, CMSG_DATA(header), (count < 2 ? count : 2) * sizeof(int));
    if (size == sizeof *welcome && count == 2 && welcome->magic == WIRE_MAGIC &&
        welcome->version == WIRE_VERSION)
        return true;
    for (size_t i = 0; i < count && i < 2; i++)
        sys_close(descriptors[i]);
    return false;
}

static void *map_shared(int fd, size_t size)
{
    void *memory = sys_mmap(size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (sys_is_error(memory))
        return NULL;
    // A core dump is the program's, not ours.
    SYS3(SYS_madvise, memory, size, MADV_DONTDUMP);
    return memory;
}

static struct wire_segment *map_segment(int fd, uint32_t slots)
{
    struct wire_segment *segment = map_shared(fd, WIRE_SEGMENT_BYTES(slots));
    // A child must not write into its parent's rings; it gets its own.
    if (segment != NULL)
        SYS3(SYS_madvise, segment, WIRE_SEGMENT_BYTES(slots), MADV_DONTFORK);
    return segment;
}

// What is limited the program needs for itself.
static bool address_space_is_free(void)
{
    struct rlimit limit = { 0 };
    return SYS6(SYS_prlimit64, 0, RLIMIT_AS, 0, &limit, 0, 0) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

// The page, and behind it the nursery where there is one. They are the same for all processes of a session: the child of a
// fork finds them in their place.
static struct wire_session *map_session(int fd, bool with_nursery)
{
    struct stat file;
    // The call that libc makes of fstat: where a filter lets few calls be, it is one of them.
    // Nor may its children begin in the one that it has inherited.
    if (!with_nursery)
        nursery_close();
    const bool known = SYS6(SYS_newfstatat, fd, "", &file, AT_EMPTY_PATH, 0, 0) == 0;
    if (known && page != NULL && file.st_dev == page_device && file.st_ino == page_inode)
        return page;
    struct wire_session *session =
        with_nursery && address_space_is_free() ? map_shared(fd, WIRE_SESSION_BYTES) : NULL;
    if (session != NULL)
        nursery_open(session);
    else
        session = map_shared(fd, WIRE_PAGE);
    if (known && session != NULL) {
        page = session;
        page_device = file.st_dev;
        page_inode = file.st_ino;
    }
    return session;
}

static bool map_all(const int descriptors[2], const struct wire_welcome *welcome, uint32_t slots_max,
    bool want_session, struct handshake_result *result)
{
    uint32_t slots = welcome->slots < slots_max ? welcome->slots : slots_max;
    result->session = NULL;
    result->segment = map_segment(descriptors[0], slots);
    if (result->segment == NULL && slots > WIRE_SLOTS_MIN) {
        slots = WIRE_SLOTS_MIN;
        result->segment = map_segment(descriptors[0], slots);
    }
    if (result->segment == NULL)
        return false;
    result->slots = slots;
    if (want_session) {
        result->session = map_session(descriptors[1], welcome->nursery != 0);
        if (result->session == NULL) {
            SYS3(SYS_munmap, result->segment, WIRE_SEGMENT_BYTES(slots), 0);
            return false;
        }
    }
    atomic_store(&result->segment->pid, sys_getpid());
    return true;
}

static struct wire_hello hello_of(uint32_t kind, uint32_t forked, uint32_t forked_from)
{
    return (struct wire_hello){
        .magic = WIRE_MAGIC,
        .version = WIRE_VERSION,
        .kind = kind,
        .pid = sys_getpid(),
        .parent_pid = process_parent_pid(),
        .forked = forked,
        .forked_from = forked_from,
    };
}

bool handshake(uint32_t kind, uint32_t forked, uint32_t forked_from, uint32_t slots_max, bool want_session,
    struct handshake_result *ret_result)
{
    const int fd = open_socket();
    if (fd < 0)
        return false;
    const struct wire_hello hello = hello_of(kind, forked, forked_from);
    struct wire_welcome welcome;
    int descriptors[2];
    bool done = SYS6(SYS_sendto, fd, &hello, sizeof hello, MSG_NOSIGNAL, 0, 0) == sizeof hello &&
                receive(fd, &welcome, descriptors);
    sys_close(fd);
    if (done) {
        done = map_all(descriptors, &welcome, slots_max, want_session, ret_result);
        sys_close(descriptors[0]);
        sys_close(descriptors[1]);
    }
    return done;
}

void handshake_tell_unseen(enum wire_unseen unseen, const char *name)
{
    const int fd = open_socket();
    if (fd < 0)
        return;
    struct wire_notice notice = { .hello = hello_of(WIRE_HELLO_UNSEEN, 0, 0), .unseen = unseen };
    strncpy(notice.name, name, sizeof notice.name - 1);
    SYS6(SYS_sendto, fd, &notice, sizeof notice, MSG_NOSIGNAL, 0, 0);
    sys_close(fd);
}
