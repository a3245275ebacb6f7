// SPDX-License-Identifier: MIT
// A whole recorder in a process of its own, and targets that come, write, wait for room, fork, exec, and are killed: nothing
// they have published is missing from the trace.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chunk.h"
#include "fake_target.h"
#include "recorder.h"
#include "store.h"

struct fixture {
    char folder[64];
    char trace[80];
    char session[256]; // the socket's path
    pid_t recorder;
};

// In the child: what recorder_run says, as an exit code.
static void record_and_exit(const struct fixture *fixture, int ready_fd)
{
    struct recorder_options options = { .output = fixture->trace, .ready_fd = ready_fd, .quiet = true };
    struct recorder_result result;
    g_autoptr(GError) error = NULL;
    _exit(recorder_run(&options, &result, &error) ? 0 : 1);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/trenza-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->trace, sizeof fixture->trace, "%s/t.db", fixture->folder);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fixture->recorder = fork();
    if (fixture->recorder == 0) {
        setenv("XDG_RUNTIME_DIR", fixture->folder, 1);
        record_and_exit(fixture, ends[1]);
    }
    close(ends[1]);
    ssize_t size = read(ends[0], fixture->session, sizeof fixture->session);
    close(ends[0]);
    assert_true(size > 1);
    assert_int_equal(fixture->session[size - 1], 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->trace);
    // Empty now: the recorder has left nothing.
    assert_int_equal(rmdir(fixture->folder), 0);
    free(fixture);
    return 0;
}

static int wait_for(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static struct store *finished_trace(const struct fixture *fixture)
{
    assert_int_equal(wait_for(fixture->recorder), 0);
    struct store *store;
    assert_int_equal(store_open(fixture->trace, true, &store), 0);
    return store;
}

// --- targets, in children: no assertions there ---

#define PAIRS 30000u // more than a ring holds, twice
#define THREADS 2000u

static struct fake_thread attach(
    const struct fixture *fixture, uint32_t forked, uint32_t parent_pid, struct wire_segment **ret_segment)
{
    struct wire_hello hello = { .magic = WIRE_MAGIC,
        .version = WIRE_VERSION,
        .kind = WIRE_HELLO_PROCESS,
        .pid = (uint32_t)getpid(),
        .parent_pid = parent_pid,
        .forked = forked,
        .forked_from = forked };
    struct wire_session *session;
    if (!fake_attach(fixture->session, &hello, ret_segment, &session))
        _exit(99);
    return fake_thread_start(*ret_segment, session, 0, 1, 0);
}

static void write_pairs_and_die(const struct fixture *fixture)
{
    struct wire_segment *segment;
    struct fake_thread thread = attach(fixture, 0, 1, &segment);
    fake_mutex(&thread, 1, 0);
    for (unsigned i = 0; i < PAIRS; i++) {
        fake_plain(&thread, EVENT_ACQUIRE, 1, 0);
        fake_plain(&thread, EVENT_RELEASE, 1, 0);
    }
    fake_plain(&thread, EVENT_ACQUIRE, 1, 0);
    kill(getpid(), SIGKILL);
}

static void come_and_go(const struct fixture *fixture)
{
    struct wire_segment *segment;
    struct fake_thread first = attach(fixture, 0, 1, &segment);
    for (uint32_t serial = 2; serial < 2 + THREADS; serial++) {
        fake_plain(&first, EVENT_CREATE, serial, 0);
        struct fake_thread thread = fake_thread_start(segment, first.session, 1 + serial % 3, serial, 1);
        fake_mutex(&thread, serial, 0);
        fake_plain(&thread, EVENT_ACQUIRE, serial, 0);
        fake_plain(&thread, EVENT_RELEASE, serial, 0);
        fake_plain(&thread, EVENT_THREAD_END, serial, 0);
    }
    fake_event(&first, EVENT_EXIT, 0, 0, 3, NULL, 0);
    _exit(3);
}

static void fork_and_exec(const struct fixture *fixture)
{
    struct wire_segment *segment;
    struct fake_thread parent = attach(fixture, 0, 1, &segment);
    uint32_t parent_pid = (uint32_t)getpid();
    pid_t child = fork();
    if (child == 0) {
        struct fake_thread thread = attach(fixture, 1, parent_pid, &segment);
        fake_plain(&thread, EVENT_EXEC, 0, 0);
        thread = attach(fixture, 0, parent_pid, &segment); // as the new program would
        fake_event(&thread, EVENT_EXIT, 0, 0, 7, NULL, 0);
        _exit(7);
    }
    waitpid(child, NULL, 0);
    uint64_t words[2] = { (uint64_t)child, 0 };
    fake_event(&parent, EVENT_FORK, 0, 0, 0, words, 2);
    _exit(0);
}

static pid_t run(const struct fixture *fixture, void (*target)(const struct fixture *))
{
    pid_t pid = fork();
    if (pid == 0)
        target(fixture);
    return pid;
}

// --- tests ---

static int sum_threads(const struct trace_thread *row, void *data)
{
    uint64_t *sums = data;
    sums[0]++;
    sums[1] += row->events;
    sums[2] += row->lost;
    sums[3] += row->ended_ticks >= 0;
    sums[4] += row->creator_id != 0;
    return 0;
}

static void killed_target_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(WTERMSIG(wait_for(run(fixture, write_pairs_and_die))), SIGKILL);
    struct store *store = finished_trace(fixture);
    uint64_t sums[5] = { 0 };
    store_each_thread(store, sum_threads, sums);
    assert_int_equal(sums[0], 1);
    assert_int_equal(sums[1], 2 + 2 * PAIRS + 1);
    assert_int_equal(sums[2], 0);

    struct store_cursor *cursor;
    struct trace_event event, last = { 0 };
    uint64_t n = 0;
    assert_int_equal(store_cursor_new(store, 1, &cursor), 0);
    while (store_cursor_next(cursor, &event) == 1) {
        last = event;
        n++;
    }
    store_cursor_free(cursor);
    assert_int_equal(n, sums[1]);
    assert_int_equal(last.kind, EVENT_ACQUIRE);
    assert_int_equal(store_get_number(store, "complete", 0), 1);
    store_close(store);
}

static void thousands_of_threads(void **state)
{
    struct fixture *fixture = *state;
    wait_for(run(fixture, come_and_go));
    struct store *store = finished_trace(fixture);
    uint64_t sums[5] = { 0 };
    store_each_thread(store, sum_threads, sums);
    assert_int_equal(sums[0], 1 + THREADS);
    assert_int_equal(sums[1], 2 + 6 * THREADS);
    assert_int_equal(sums[3], 1 + THREADS);
    assert_int_equal(sums[4], THREADS);
    store_close(store);
}

struct found_process {
    struct trace_process row;
    char how[8];
};

static int keep_process(const struct trace_process *row, void *data)
{
    struct found_process *found = data;
    assert_in_range(row->id, 1, 3);
    found[row->id].row = *row;
    snprintf(found[row->id].how, sizeof found->how, "%s", row->ended_how ? row->ended_how : "");
    return 0;
}

static void fork_and_exec_make_processes(void **state)
{
    struct fixture *fixture = *state;
    wait_for(run(fixture, fork_and_exec));
    struct store *store = finished_trace(fixture);
    struct found_process found[4] = { 0 };
    store_each_process(store, keep_process, found);
    assert_int_equal(found[1].row.parent_id, 0);
    assert_int_equal(found[2].row.parent_id, 1);
    assert_int_equal(found[2].row.forked_by, 1);
    assert_string_equal(found[2].how, "exec");
    assert_int_equal(found[3].row.parent_id, 1);
    assert_int_equal(found[3].row.forked_by, 0);
    assert_int_equal(found[3].row.pid, found[2].row.pid);
    assert_string_equal(found[3].how, "exit");
    assert_int_equal(found[3].row.exit_status, 7);
    store_close(store);
}

static int connect_to(const struct fixture *fixture)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, fixture->session);
    int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    return connection;
}

static void strangers_are_turned_away(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    assert_int_equal(stat(fixture->session, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    int silent = connect_to(fixture);
    int wrong = connect_to(fixture);
    char byte;
    assert_int_equal(send(wrong, "hello?", 6, MSG_NOSIGNAL), 6);
    assert_true(recv(wrong, &byte, 1, 0) <= 0);
    close(wrong);
    // Neither keeps the others out.
    wait_for(run(fixture, fork_and_exec));
    struct store *store = finished_trace(fixture);
    close(silent);
    assert_int_equal(stat(fixture->trace, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    store_close(store);
}

static void asked_to_end(void **state)
{
    struct fixture *fixture = *state;
    struct wire_segment *segment;
    struct fake_thread thread = attach(fixture, 0, 1, &segment);
    fake_mutex(&thread, 1, 0);
    fake_plain(&thread, EVENT_ACQUIRE, 1, 0);
    kill(fixture->recorder, SIGHUP);
    kill(fixture->recorder, SIGINT);
    kill(fixture->recorder, SIGTERM);
    struct store *store = finished_trace(fixture);
    // The target is not the recorder's to end; it only learns that nobody listens.
    assert_int_equal(atomic_load(&thread.session->closed), 1);
    uint64_t sums[5] = { 0 };
    store_each_thread(store, sum_threads, sums);
    assert_int_equal(sums[1], 3);
    assert_int_equal(sums[3], 0);
    store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_target_loses_nothing),
        TEST(thousands_of_threads),
        TEST(fork_and_exec_make_processes),
        TEST(strangers_are_turned_away),
        TEST(asked_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
