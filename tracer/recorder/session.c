// SPDX-License-Identifier: MIT
// What all processes of one recording share. The directory is made by mkdtemp in a place of the user's own where there is
// one, so nobody can plant a link in our way; the session page is a memfd, so it has no name at all.
// The heart is a thread that does nothing else: a slow disk never looks like the recorder's death.
//
// Blind spot: a target that changes its root, its user or its mount namespace before it comes cannot reach the socket.
#include "session.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "recorder.h"

#define HEARTBEAT_NS (50 * 1000000)
#define BACKLOG 1024

void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
    struct timespec timeout = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
    syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void *beat(void *data)
{
    struct session *session = data;
    pthread_setname_np(pthread_self(), "heartbeat");
    while (!atomic_load(&session->heart_stops)) {
        atomic_fetch_add_explicit(&session->page->heartbeat, 1, memory_order_relaxed);
        // Not a plain sleep: the end of a short recording would wait for it.
        futex_wait(&session->heart_stops, 0, HEARTBEAT_NS);
    }
    return NULL;
}

// The socket's path must fit sockaddr_un, and the directory above it must be ours to write to.
static char *make_directory_in(const char *parent)
{
    if (!parent || parent[0] != '/')
        return NULL;
    g_autofree char *directory = g_build_filename(parent, "trenza-XXXXXX", NULL);
    if (strlen(directory) + strlen("/socket") >= sizeof((struct sockaddr_un *)0)->sun_path)
        return NULL;
    return g_mkdtemp_full(directory, 0700) ? g_steal_pointer(&directory) : NULL;
}

static bool make_directory(struct session *session, const char *fallback_folder, GError **error)
{
    const char *parents[] = { g_getenv("XDG_RUNTIME_DIR"), g_getenv("TMPDIR"), "/tmp", fallback_folder };
    for (size_t i = 0; i < G_N_ELEMENTS(parents) && !session->directory; i++)
        session->directory = make_directory_in(parents[i]);
    if (session->directory)
        return true;
    g_set_error(error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "cannot make a directory in /tmp or '%s': %s",
        fallback_folder, g_strerror(errno));
    return false;
}

static bool listen_in_directory(struct session *session, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    session->socket_path = g_build_filename(session->directory, "socket", NULL);
    g_strlcpy(address.sun_path, session->socket_path, sizeof address.sun_path);
    session->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (session->listener >= 0 && bind(session->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        chmod(session->socket_path, 0600) == 0 && listen(session->listener, BACKLOG) == 0)
        return true;
    g_set_error(error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "cannot listen on '%s': %s",
        session->socket_path, g_strerror(errno));
    return false;
}

static bool make_memory(struct session *session, uint64_t bytes)
{
    if (ftruncate(session->page_fd, (off_t)bytes) != 0)
        return false;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, session->page_fd, 0);
    if (memory == MAP_FAILED)
        return false;
    session->page = memory;
    session->bytes = bytes;
    return true;
}

// The targets have the limits of this process. Where address space is limited they need it for themselves.
static bool nursery_fits(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

static bool make_page(struct session *session, GError **error)
{
    session->page_fd = memfd_create("trenza-session", MFD_CLOEXEC);
    if (session->page_fd >= 0 &&
        ((nursery_fits() && make_memory(session, WIRE_SESSION_BYTES)) || make_memory(session, WIRE_PAGE)))
        return true;
    g_set_error(
        error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "cannot make shared memory: %s", g_strerror(errno));
    return false;
}

static bool start_heart(struct session *session, GError **error)
{
    int failure = pthread_create(&session->heart, NULL, beat, session);
    if (failure != 0) {
        g_set_error(
            error, RECORDER_ERROR, RECORDER_ERROR_FAILED, "cannot start a thread: %s", g_strerror(failure));
        return false;
    }
    session->heart_beats = true;
    return true;
}

bool session_open(struct session *session, const char *fallback_folder, bool drop_when_full,
    bool blocking_calls, GError **error)
{
    *session = (struct session){ .listener = -1, .page_fd = -1 };
    if (!make_directory(session, fallback_folder, error) || !listen_in_directory(session, error) ||
        !make_page(session, error)) {
        session_close(session);
        return false;
    }
    clock_start(&session->clock);
    *session->page = (struct wire_session){
        .magic = WIRE_MAGIC,
        .version = WIRE_VERSION,
        .clock = session->clock.kind,
        .zero_ticks = session->clock.zero_ticks,
        .drop_when_full = drop_when_full,
        .blocking_calls = blocking_calls,
    };
    if (start_heart(session, error))
        return true;
    session_close(session);
    return false;
}

struct wire_nursery *session_nursery(const struct session *session)
{
    return session->bytes > WIRE_PAGE ? (struct wire_nursery *)((uint8_t *)session->page + WIRE_PAGE) : NULL;
}

void session_announce_end(struct session *session)
{
    atomic_store(&session->page->closed, 1);
}

void session_ring_doorbell(struct session *session)
{
    atomic_fetch_add(&session->page->doorbell, 1);
    if (atomic_load(&session->page->sleeping))
        futex_wake(&session->page->doorbell);
}

#define LINK_NAME "libtrenza-preload.so"

char *session_link(struct session *session, const char *target)
{
    char *path = g_build_filename(session->directory, LINK_NAME, NULL);
    if (symlink(target, path) == 0)
        return path;
    g_free(path);
    return NULL;
}

static void remove_link(const struct session *session)
{
    g_autofree char *path = g_build_filename(session->directory, LINK_NAME, NULL);
    g_unlink(path);
}

void session_close(struct session *session)
{
    if (session->heart_beats) {
        atomic_store(&session->heart_stops, 1);
        futex_wake(&session->heart_stops);
        pthread_join(session->heart, NULL);
    }
    if (session->page)
        munmap(session->page, session->bytes);
    if (session->page_fd >= 0)
        close(session->page_fd);
    if (session->listener >= 0)
        close(session->listener);
    if (session->socket_path)
        g_unlink(session->socket_path);
    if (session->directory) {
        remove_link(session);
        g_rmdir(session->directory);
    }
    g_free(session->socket_path);
    g_free(session->directory);
    *session = (struct session){ .listener = -1, .page_fd = -1 };
}
