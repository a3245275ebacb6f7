// SPDX-License-Identifier: MIT
// Makes a new trace at a path so that whatever was there before survives every failure.
//
// The new file is made complete under a name of its own in the same directory. Then an old trace and the files that
// belong to it become path.old, the new one takes the path, and the database is opened there. If a step fails, the
// steps before it are taken back. No symbolic link is followed in the last part of the path: in a directory that
// others can write to it might be a trap.
// Blind spot: a kill between the two renames leaves the old trace as path.old and nothing at path.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema_sql.h"
#include "store_private.h"

// The database itself, then the files that SQLite may have left beside it.
static const char *const parts[] = { "", "-wal", "-shm", "-journal" };
#define PARTS (sizeof parts / sizeof parts[0])

static int fail_errno(struct store *store, int error)
{
    return store_fail(store, -error, "cannot create '%s': %s", store->path, strerror(error));
}

// Absolute, with the directory's links resolved and the last part left as it is.
static int resolve(struct store *store)
{
    const char *slash = strrchr(store->path, '/');
    const char *base = slash ? slash + 1 : store->path;
    if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        return fail_errno(store, *store->path ? EISDIR : ENOENT);

    // Without the slash at its end, for which glibc needs faccessat2(): older containers forbid that.
    size_t length = slash && slash > store->path ? (size_t)(slash - store->path) : 1;
    char *directory = slash ? strndup(store->path, length) : strdup(".");
    char *full = directory ? realpath(directory, NULL) : NULL;
    int error = errno;
    free(directory);
    if (!full)
        return fail_errno(store, error);
    if (asprintf(&store->full_path, "%s/%s", strcmp(full, "/") == 0 ? "" : full, base) < 0)
        store->full_path = NULL;
    free(full);
    return store->full_path ? 0 : fail_errno(store, ENOMEM);
}

// What is there now? *ret_old: a file that may be moved aside.
static int look(struct store *store, bool *ret_old)
{
    struct stat status;
    *ret_old = lstat(store->full_path, &status) == 0;
    if (!*ret_old)
        return errno == ENOENT ? 0 : fail_errno(store, errno);
    if (S_ISLNK(status.st_mode))
        return store_fail(store, -ELOOP, "cannot create '%s': it is a symbolic link", store->path);
    if (S_ISDIR(status.st_mode))
        return fail_errno(store, EISDIR);
    if (!S_ISREG(status.st_mode))
        return store_fail(
            store, -EEXIST, "cannot create '%s': it exists and is not a regular file", store->path);

    int fd = open(store->full_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int r = fd < 0 ? 0 : store_test_lock(fd);
    if (fd >= 0)
        close(fd);
    return r < 0 ? store_fail(
                       store, r, "cannot create '%s': another program is writing a trace there", store->path)
                 : 0;
}

// A complete, empty trace at the temporary name. No journal: when this fails, the file goes. WAL mode is tried out here,
// so that it does not fail later.
static int fill(struct store *store, const char *temporary)
{
    char *final = store->full_path;
    store->full_path = (char *)temporary;
    int r = store_open_database(store, "mode=rw", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW);
    store->full_path = final;
    if (r == 0) {
        char *sql =
            sqlite3_mprintf("PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                            "BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d; %s COMMIT;"
                            "PRAGMA journal_mode = WAL; PRAGMA user_version = %d;"
                            "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE",
                TRACE_APPLICATION_ID, TRACE_VERSION, schema_sql, TRACE_VERSION);
        r = sql ? store_exec(store, sql) : -ENOMEM;
        sqlite3_free(sql);
    }
    store_close_database(store);
    return r < 0 ? fail_errno(store, -r) : 0;
}

// -ENOENT for a part that is not there is no error, except for the first, the file itself.
static int rename_parts(const char *from, const char *to)
{
    for (size_t i = 0; i < PARTS; i++) {
        char old_name[PATH_MAX], new_name[PATH_MAX];
        if (snprintf(old_name, sizeof old_name, "%s%s", from, parts[i]) >= (int)sizeof old_name ||
            snprintf(new_name, sizeof new_name, "%s%s", to, parts[i]) >= (int)sizeof new_name)
            return -ENAMETOOLONG;
        // A part of an even older trace must not be taken for one of this.
        if (i > 0 && unlink(new_name) < 0 && errno != ENOENT)
            return -errno;
        if (rename(old_name, new_name) < 0 && !(i > 0 && errno == ENOENT))
            return -errno;
    }
    return 0;
}

static void remove_parts(const char *path)
{
    char name[PATH_MAX];
    for (size_t i = 0; i < PARTS; i++)
        if (snprintf(name, sizeof name, "%s%s", path, parts[i]) < (int)sizeof name)
            unlink(name);
}

static int open_for_recording(struct store *store)
{
    int r = store_open_database(store, "mode=rw", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW);
    // A checkpoint for every 16 MiB or so: each rewrites the same interior pages.
    return r < 0 ? r
                 : store_exec(store,
                       "PRAGMA cache_size = -8192; PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL;"
                       "PRAGMA wal_autocheckpoint = 2048; PRAGMA journal_size_limit = 67108864");
}

// Old one aside, new one in place, database open; or everything as it was.
static int put_in_place(struct store *store, const char *temporary, bool has_old)
{
    char old_name[PATH_MAX];
    if (snprintf(old_name, sizeof old_name, "%s.old", store->full_path) >= (int)sizeof old_name)
        return fail_errno(store, ENAMETOOLONG);

    int r = has_old ? rename_parts(store->full_path, old_name) : 0;
    if (r < 0) {
        r = fail_errno(store, -r);
    } else if (renameat2(AT_FDCWD, temporary, AT_FDCWD, store->full_path, RENAME_NOREPLACE) < 0 &&
               ((errno != EINVAL && errno != ENOSYS) || rename(temporary, store->full_path) < 0)) {
        r = fail_errno(store, errno);
    } else {
        r = open_for_recording(store);
        if (r == 0)
            return 0;
        store_close_database(store);
        remove_parts(store->full_path);
    }
    // Only what has really been moved: else an even older one would take the old one's place.
    if (has_old && access(store->full_path, F_OK) < 0)
        rename_parts(old_name, store->full_path);
    return r;
}

int store_create(const char *path, struct store **ret_store)
{
    struct store *store = store_alloc(path);
    *ret_store = store;
    if (!store)
        return -ENOMEM;

    bool has_old = false;
    int r = resolve(store);
    if (r == 0)
        r = look(store, &has_old);
    if (r < 0)
        return r;

    char *temporary;
    if (asprintf(&temporary, "%s.new-XXXXXX", store->full_path) < 0)
        return fail_errno(store, ENOMEM);
    store->lock_fd = mkostemp(temporary, O_CLOEXEC);
    if (store->lock_fd < 0) {
        r = fail_errno(store, errno);
    } else {
        fchmod(store->lock_fd, 0600);
        store_lock(store->lock_fd);
        r = fill(store, temporary);
        if (r == 0)
            r = put_in_place(store, temporary, has_old);
        if (r < 0)
            remove_parts(temporary);
    }
    free(temporary);
    return r;
}
