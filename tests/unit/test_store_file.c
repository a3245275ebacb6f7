// SPDX-License-Identifier: MIT
// The trace as a file: what is there is never lost, readers change nothing, and what is no trace is told.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store.h"
#include "store_fixture.h"

// --- creating ---

static void assert_create_fails(const char *path, int error)
{
    struct store *store;
    assert_int_equal(store_create(path, &store), error);
    assert_non_null(strstr(store_message(store), path));
    assert_null(strchr(store_message(store), '\n'));
    store_close(store);
}

static void assert_open_fails(const char *path, bool read_only, int error, const char *message)
{
    struct store *store;
    assert_int_equal(store_open(path, read_only, &store), error);
    if (!strstr(store_message(store), message))
        fail_msg("'%s' does not say '%s'", store_message(store), message);
    store_close(store);
}

static void a_trace_is_one_private_file(void **state)
{
    mode_t mask = umask(0);
    struct store *store = fixture_create("t.db");
    store_set_text(store, "fact", "x");
    store_commit(store);
    struct stat status;
    static const char *const names[] = { "t.db", "t.db-wal", "t.db-shm" };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(names[i], &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
    assert_int_equal(fixture_entries(*state), 3);
    assert_int_equal(store_close(store), 0);
    umask(mask);
    assert_int_equal(fixture_entries(*state), 1);
    fixture_assert_fact("t.db", "x");
}

static int record_and_be_killed(void)
{
    struct store *store;
    if (store_create("t.db", &store) < 0)
        return 1;
    store_set_text(store, "fact", "committed");
    if (store_commit(store) < 0)
        return 2;
    // More than the page cache holds, so that some of it is on the disk already.
    static const uint8_t data[1 << 16];
    store_set_text(store, "fact", "not committed");
    for (uint32_t i = 0; i < 400; i++)
        if (store_put_chunk(store, &(struct trace_chunk){ 1, i, 0, 0, 1, data, sizeof data }) < 0)
            return 3;
    raise(SIGKILL);
    return 4;
}

static void an_old_trace_is_kept(void **state)
{
    fixture_make_trace("t.db", "first");
    fixture_make_trace("t.db", "second");
    fixture_assert_fact("t.db", "second");
    fixture_assert_fact("t.db.old", "first");
    fixture_make_trace("t.db", "third");
    fixture_assert_fact("t.db.old", "second");
    assert_int_equal(fixture_entries(*state), 2);

    // With all that a killed recorder left of it; and nothing of that may be taken for a part of the new one.
    assert_int_equal(fixture_in_child(record_and_be_killed), 128 + SIGKILL);
    assert_true(fixture_exists("t.db-wal"));
    struct store *store = fixture_create("t.db");
    assert_null(store_get_text(store, "fact"));
    store_close(store);
    fixture_assert_fact("t.db.old", "committed");
    assert_true(fixture_exists("t.db.old-wal"));
    fixture_make_trace("t.db", "fourth");
    fixture_make_trace("t.db", "fifth");
    fixture_assert_fact("t.db.old", "fourth");
    assert_int_equal(fixture_entries(*state), 2);
}

static void no_link_is_followed(void **state)
{
    fixture_write_file("victim", "precious", 8);
    assert_int_equal(symlink("victim", "t.db"), 0);
    assert_create_fails("t.db", -ELOOP);
    assert_int_equal(symlink("nowhere", "dangling.db"), 0);
    assert_create_fails("dangling.db", -ELOOP);
    assert_false(fixture_exists("nowhere"));
    // Only the last part counts: the directory may well be a link.
    assert_int_equal(mkdir("real", 0700), 0);
    assert_int_equal(symlink("real", "link"), 0);
    fixture_make_trace("link/t.db", "x");
    fixture_assert_fact("real/t.db", "x");
    // An old trace's new name is not followed either.
    assert_int_equal(symlink("../victim", "real/t.db.old"), 0);
    fixture_make_trace("real/t.db", "y");
    size_t size;
    uint8_t *data = fixture_read_file("victim", &size);
    assert_int_equal(size, 8);
    assert_memory_equal(data, "precious", 8);
    free(data);
    assert_int_equal(fixture_entries(*state), 5);
}

static void a_bad_place_is_refused(void **state)
{
    assert_int_equal(mkdir("directory", 0700), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    fixture_write_file("file", "x", 1);
    assert_create_fails("directory", -EISDIR);
    assert_create_fails("directory/", -EISDIR);
    assert_create_fails("none/t.db", -ENOENT);
    assert_create_fails("file/t.db", -ENOTDIR);
    assert_create_fails("fifo", -EEXIST);
    assert_create_fails("", -ENOENT);
    assert_create_fails("/proc/t.db", -ENOENT);
    assert_int_equal(fixture_entries(*state), 3);
    assert_int_equal(fixture_entries("directory"), 0);
}

// As somebody who may not write everywhere.
static void give_up_root(void)
{
    if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
        _exit(99);
}

static int create_where_forbidden(void)
{
    give_up_root();
    struct store *store;
    int r = store_create("t.db", &store);
    bool told = strcmp(store_message(store), "cannot create 't.db': Permission denied") == 0;
    store_close(store);
    return r == -EACCES && told ? 0 : 1;
}

static int read_where_forbidden(void)
{
    give_up_root();
    struct store *store;
    int r = store_open("t.db", true, &store);
    char *fact = r == 0 ? store_get_text(store, "fact") : NULL;
    bool read = fact && strcmp(fact, "first") == 0;
    store_close(store);
    if (!read)
        return 1;
    r = store_open("t.db", false, &store);
    store_close(store);
    return r == -EACCES ? 0 : 2;
}

static void where_nothing_may_be_written(void **state)
{
    fixture_make_trace("t.db", "first");
    assert_int_equal(chmod("t.db", 0444), 0);
    assert_int_equal(chmod(*state, 0555), 0);
    assert_int_equal(fixture_in_child(create_where_forbidden), 0);
    assert_int_equal(fixture_in_child(read_where_forbidden), 0);
    assert_int_equal(chmod(*state, 0700), 0);
    assert_int_equal(fixture_entries(*state), 1);
    fixture_assert_fact("t.db", "first");
}

static void a_live_trace_has_one_writer(void **state)
{
    (void)state;
    struct store *live = fixture_create("t.db");
    store_set_text(live, "fact", "live");
    store_commit(live);
    assert_create_fails("t.db", -EBUSY);
    assert_open_fails("t.db", false, -EBUSY, "being written");
    assert_false(fixture_exists("t.db.old"));
    assert_int_equal(store_set_text(live, "fact", "still live"), 0);
    assert_int_equal(store_close(live), 0);
    fixture_assert_fact("t.db", "still live");
    store_close(fixture_open("t.db", false));
}

// --- a disk that is full ---

static int write_until_full(const char *path, int expected_error)
{
    struct store *store;
    if (store_create(path, &store) < 0)
        return 1;
    static uint8_t data[20000];
    int r = store_set_text(store, "fact", "committed");
    if (r == 0)
        r = store_commit(store);
    if (r < 0)
        return 2;
    uint32_t i = 0;
    for (; r == 0 && i < 10000; i++) {
        r = store_put_chunk(store, &(struct trace_chunk){ 1, i, 0, 0, 1, data, sizeof data });
        if (r == 0 && i % 10 == 9)
            r = store_commit(store);
    }
    char message[200];
    snprintf(message, sizeof message, "cannot write '%s': %s", path, strerror(-expected_error));
    if (r != expected_error || strcmp(store_message(store), message) != 0)
        return 3;
    if (store_set_text(store, "fact", "later") != expected_error || store_commit(store) != expected_error)
        return 4;
    if (store_close(store) != expected_error)
        return 5;

    if (store_open(path, true, &store) < 0)
        return 6;
    char *fact = store_get_text(store, "fact");
    struct store_cursor *cursor;
    struct trace_event event;
    if (!fact || strcmp(fact, "committed") != 0 || store_cursor_new(store, 1, &cursor) < 0)
        return 7;
    // The chunks are no real ones; that they are there is what counts.
    if (store_cursor_next(cursor, &event) != -EBADMSG)
        return 8;
    store_cursor_free(cursor);
    store_close(store);
    free(fact);
    return 0;
}

static int fill_up_to_a_limit(void)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = { 1 << 20, 1 << 20 };
    return setrlimit(RLIMIT_FSIZE, &limit) < 0 ? 99 : write_until_full("t.db", -EFBIG);
}

static bool write_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY);
    bool written = fd >= 0 && write(fd, line, strlen(line)) > 0;
    close(fd);
    return written;
}

static bool become_root_of_a_namespace(void)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_line("/proc/self/uid_map", users) &&
           write_line("/proc/self/setgroups", "deny") && write_line("/proc/self/gid_map", groups);
}

static int fill_a_small_disk(void)
{
    if (unshare(CLONE_NEWNS) < 0 && !become_root_of_a_namespace())
        return 98;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "disk", "tmpfs", 0, "size=1m") < 0)
        return 98;
    int r = write_until_full("disk/t.db", -ENOSPC);
    if (r != 0)
        return r;

    // Now there is no room for a new one: the old one stays, and nothing half-made.
    struct store *store;
    if (store_create("disk/t.db", &store) != -ENOSPC)
        return 20;
    if (strcmp(store_message(store), "cannot create 'disk/t.db': No space left on device") != 0)
        return 21;
    store_close(store);
    if (store_open("disk/t.db", true, &store) < 0)
        return 22;
    store_close(store);
    return fixture_exists("disk/t.db.old") || fixture_entries("disk") > 3 ? 23 : 0;
}

static int create_beyond_a_limit(void)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = { 50000, 50000 };
    struct store *store;
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 99;
    if (store_create("t.db", &store) != -EFBIG)
        return 1;
    bool told = strcmp(store_message(store), "cannot create 't.db': File too large") == 0;
    store_close(store);
    return told ? 0 : 2;
}

static void a_file_size_limit(void **state)
{
    assert_int_equal(fixture_in_child(fill_up_to_a_limit), 0);
    fixture_make_trace("t.db", "first");
    unsigned entries = fixture_entries(*state);
    assert_int_equal(fixture_in_child(create_beyond_a_limit), 0);
    fixture_assert_fact("t.db", "first");
    assert_int_equal(fixture_entries(*state), entries);
}

static void a_full_disk(void **state)
{
    (void)state;
    assert_int_equal(mkdir("disk", 0700), 0);
    int r = fixture_in_child(fill_a_small_disk);
    if (r == 98) { // where mounting is not permitted, the limit has to stand in
        print_message("# no mount permitted\n");
        r = fixture_in_child(fill_up_to_a_limit);
    }
    assert_int_equal(r, 0);
}

// --- opening what is no sound trace ---

static void what_is_no_trace_is_refused(void **state)
{
    fixture_write_file("text",
        "SQLite is not what this is. This is only text that goes on for more than a header's length, "
        "which is a hundred bytes.",
        117);
    fixture_write_file("empty", "", 0);
    fixture_write_file("short", "SQLite format 3", 16);
    assert_int_equal(mkdir("directory", 0700), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    sqlite3 *db;
    assert_int_equal(sqlite3_open("other", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture_make_trace("newer", "x");
    assert_int_equal(sqlite3_open("newer", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture_make_trace("incomplete", "x");
    assert_int_equal(sqlite3_open("incomplete", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE thread", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);

    unsigned before = fixture_entries(*state);
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_open_fails("none", read_only, -ENOENT, "cannot open 'none': No such file or directory");
        assert_open_fails("text", read_only, -EBADMSG, "'text' is not a Trenza trace");
        assert_open_fails("empty", read_only, -EBADMSG, "'empty' is not a Trenza trace");
        assert_open_fails("short", read_only, -EBADMSG, "'short' is not a Trenza trace");
        assert_open_fails("directory", read_only, -EISDIR, "is a directory");
        assert_open_fails("fifo", read_only, -EBADMSG, "is not a file");
        assert_open_fails("other", read_only, -EBADMSG, "'other' is a SQLite file, but not a Trenza trace");
        assert_open_fails("newer", read_only, -EPROTO, "newer Trenza");
        assert_open_fails("incomplete", read_only, -EBADMSG, "no such table: thread");
    }
    assert_int_equal(fixture_entries(*state), before);
}

static int count_thread(const struct trace_thread *thread, void *data)
{
    assert_true(!thread->name || strlen(thread->name) < 1000000);
    ++*(unsigned *)data;
    return 0;
}

static int count_stack(uint32_t id, const uint32_t *frames, size_t depth, bool truncated, void *data)
{
    (void)id, (void)truncated;
    for (size_t i = 0; i < depth; i++)
        *(unsigned *)data += frames[i] != 0;
    return 0;
}

// Reads everything there is; 0 or an error, but no harm.
static int read_all(struct store *store)
{
    unsigned n = 0;
    int threads = store_each_thread(store, count_thread, &n),
        stacks = store_each_stack(store, count_stack, &n);
    struct store_cursor *cursor;
    int r = store_cursor_new(store, 1, &cursor);
    if (r == 0) {
        struct trace_event event;
        while ((r = store_cursor_next(cursor, &event)) == 1)
            n++;
        store_cursor_free(cursor);
    }
    return threads ? threads : stacks ? stacks : r;
}

static void make_full_trace(const char *path)
{
    struct store *store = fixture_create(path);
    uint32_t frames[20] = { 1, 2, 3 };
    for (uint32_t id = 1; id <= 200; id++) {
        struct trace_thread thread = {
            .id = id, .process_id = 1, .serial = id, .tid = id, .name = "a thread's name"
        };
        assert_int_equal(store_put_thread(store, &thread), 0);
        assert_int_equal(store_put_stack(store, id, frames, 20, false), 0);
    }
    fixture_put_events(store, 1, 50000, 1000);
    assert_int_equal(store_close(store), 0);
}

static void a_cut_file_is_told(void **state)
{
    (void)state;
    make_full_trace("t.db");
    size_t size;
    uint8_t *data = fixture_read_file("t.db", &size);
    for (size_t part = 1; part < 20; part++) {
        fixture_write_file("cut.db", data, size * part / 20);
        for (int read_only = 0; read_only < 2; read_only++)
            assert_open_fails("cut.db", read_only, -EBADMSG, "cut.db' is damaged: cut off");
    }
    free(data);
}

static void damage_does_no_harm(void **state)
{
    (void)state;
    make_full_trace("t.db");
    size_t size;
    uint8_t *data = fixture_read_file("t.db", &size), *damaged = malloc(size);
    srand(1);
    unsigned told = 0;
    for (unsigned round = 0; round < 300; round++) {
        memcpy(damaged, data, size);
        for (unsigned i = 0; i < 1u << round % 12; i++)
            damaged[(size_t)rand() % size] = (uint8_t)rand();
        fixture_write_file("damaged.db", damaged, size);
        struct store *store;
        int r = store_open("damaged.db", true, &store);
        if (r == 0)
            r = read_all(store);
        if (r != 0) {
            if (r != -EBADMSG && r != -EPROTO)
                fail_msg("%d: %s", r, store_message(store));
            assert_true(store_message(store)[0]);
            told++;
        }
        store_close(store);
    }
    assert_true(told > 100);
    free(damaged);
    free(data);
}

// --- a recorder that was killed, and readers beside a live one ---

static void what_was_committed_survives_a_kill(void **state)
{
    assert_int_equal(fixture_in_child(record_and_be_killed), 128 + SIGKILL);
    fixture_assert_fact("t.db", "committed");
    struct store *store = fixture_open("t.db", false);
    assert_int_equal(store_set_text(store, "note", "x"), 0);
    assert_int_equal(store_close(store), 0);
    assert_int_equal(fixture_entries(*state), 1);
    fixture_assert_fact("t.db", "committed");
}

static void copy_file(const char *from, const char *to)
{
    size_t size;
    uint8_t *data = fixture_read_file(from, &size);
    fixture_write_file(to, data, size);
    free(data);
}

// Opens to read, reads, and finds every file as it was and no new one.
static void assert_untouched(const char *directory, const char *fact)
{
    static const char *const names[] = { "t.db", "t.db-wal", "t.db-shm" };
    uint8_t *before[3] = { NULL };
    size_t sizes[3];
    assert_int_equal(chdir(directory), 0);
    unsigned entries = fixture_entries(".");
    for (size_t i = 0; i < 3; i++)
        if (fixture_exists(names[i]))
            before[i] = fixture_read_file(names[i], &sizes[i]);
    struct store *store = fixture_open("t.db", true);
    char *text = store_get_text(store, "fact");
    assert_int_equal(store_set_text(store, "fact", "x"), -EROFS);
    read_all(store);
    store_close(store);
    if (fact)
        assert_string_equal(text, fact);
    else
        assert_null(text);
    free(text);
    assert_int_equal(fixture_entries("."), entries);
    for (size_t i = 0; i < 3; i++) {
        if (!before[i])
            continue;
        size_t size;
        uint8_t *after = fixture_read_file(names[i], &size);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(after, before[i], size);
        free(after);
        free(before[i]);
    }
    assert_int_equal(chdir(".."), 0);
}

static void readers_change_nothing(void **state)
{
    (void)state;
    static const char *const directories[] = { "killed", "no-shm", "no-wal", "finished" };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(mkdir(directories[i], 0700), 0);
    fixture_make_trace("finished/t.db", "finished");
    assert_int_equal(fixture_in_child(record_and_be_killed), 128 + SIGKILL);
    copy_file("t.db", "killed/t.db");
    copy_file("t.db-wal", "killed/t.db-wal");
    copy_file("t.db-shm", "killed/t.db-shm");
    copy_file("t.db", "no-shm/t.db");
    copy_file("t.db-wal", "no-shm/t.db-wal");
    copy_file("t.db", "no-wal/t.db");
    assert_untouched("finished", "finished");
    assert_untouched("killed", "committed");
    assert_untouched("no-shm", "committed");
    assert_untouched("no-wal", NULL);
}

static int read_live(void)
{
    struct store *store;
    int r = store_open("t.db", true, &store);
    char *fact = r == 0 ? store_get_text(store, "fact") : NULL;
    r = fact && strcmp(fact, "committed") == 0 ? 0 : 1;
    free(fact);
    store_close(store);
    return r;
}

static void a_live_trace_can_be_read(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    store_set_text(store, "fact", "committed");
    store_commit(store);
    store_set_text(store, "fact", "not committed");
    fixture_put_events(store, 1, 10000, 1000);
    assert_int_equal(fixture_in_child(read_live), 0);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(fixture_in_child(read_live), 1);
    assert_int_equal(store_close(store), 0);
}

static void names_with_meaning_elsewhere(void **state)
{
    fixture_make_trace("a?b#c%41&mode=ro.db", "odd");
    assert_true(fixture_exists("a?b#c%41&mode=ro.db"));
    fixture_assert_fact("a?b#c%41&mode=ro.db", "odd");
    assert_int_equal(fixture_entries(*state), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(a_trace_is_one_private_file),
        FIXTURE_CASE(an_old_trace_is_kept),
        FIXTURE_CASE(no_link_is_followed),
        FIXTURE_CASE(a_bad_place_is_refused),
        FIXTURE_CASE(where_nothing_may_be_written),
        FIXTURE_CASE(a_live_trace_has_one_writer),
        FIXTURE_CASE(a_file_size_limit),
        FIXTURE_CASE(a_full_disk),
        FIXTURE_CASE(what_is_no_trace_is_refused),
        FIXTURE_CASE(a_cut_file_is_told),
        FIXTURE_CASE(damage_does_no_harm),
        FIXTURE_CASE(what_was_committed_survives_a_kill),
        FIXTURE_CASE(readers_change_nothing),
        FIXTURE_CASE(a_live_trace_can_be_read),
        FIXTURE_CASE(names_with_meaning_elsewhere),
    };
    return cmocka_run_group_tests_name("store-file", tests, NULL, NULL);
}
