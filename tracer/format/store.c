// SPDX-License-Identifier: MIT
// Opens and closes traces, and tells what went wrong.
//
// A recording is written in WAL mode: a reader never stops the writer, and when the recorder is killed, what it had
// committed is found in trace.db and trace.db-wal together. Closing brings it all into the one file. The main file
// says from its first moment that it is a trace, so its header can be judged before SQLite looks at the rest.
//
// A reader that may not change a byte has four cases:
//   finished trace           mode=ro: SQLite takes read locks and writes nothing
//   WAL mode, no -wal file   immutable=1: else SQLite would make -wal and -shm, or fail where it cannot
//   -wal and -shm            mode=ro with the -shm read-only: a live recording, or what a killed one left
//   -wal without -shm        without locks, the index of the -wal in private memory: a copied dead recording
// Blind spot: with the last of these a recorder that starts to write to that very file at the same time is not noticed.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql_table.h"
#include "store_private.h"

// A byte that SQLite's own locks keep clear of.
#define LOCK_OFFSET 0x7ffffffffffffff0
// SQLite's own limit is 512 bytes, with the suffixes.
#define PATH_BYTES_MAX 500

int store_fail(struct store *store, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(store->message, sizeof store->message, format, arguments);
    va_end(arguments);
    return error;
}

// What the system said. sqlite3_system_errno is errno as it was some calls later; the files remember better.
static int system_errno_of(sqlite3 *db)
{
    static const int pointers[] = { SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER };
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        sqlite3_file *file = NULL;
        int last_errno = 0;
        sqlite3_file_control(db, "main", pointers[i], &file);
        if (file && file->pMethods)
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &last_errno);
        if (last_errno)
            return last_errno;
    }
    return sqlite3_system_errno(db);
}

static int errno_of_sqlite(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);
    int system_errno = 0;
    if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN)
        system_errno = system_errno_of(db);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_SHORT_READ)
            return EBADMSG;
        if (code == SQLITE_IOERR_SHMSIZE && !system_errno)
            return ENOSPC;
        return system_errno ? system_errno : EIO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return EBADMSG;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return EBUSY;
    case SQLITE_NOMEM:
        return ENOMEM;
    case SQLITE_READONLY:
        return EROFS;
    case SQLITE_CANTOPEN:
        return system_errno ? system_errno : EACCES;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return EACCES;
    default:
        return EINVAL;
    }
}

int store_fail_sqlite(struct store *store, const char *doing)
{
    if (!store->db)
        return store_fail(store, -ENOMEM, "cannot %s '%s': %s", doing, store->path, strerror(ENOMEM));
    int error = errno_of_sqlite(store->db);
    if (error == EBADMSG)
        return store_fail(store, -error, "'%s' is damaged: %s", store->path, sqlite3_errmsg(store->db));
    if (error == EINVAL)
        return store_fail(store, -error, "'%s': %s", store->path, sqlite3_errmsg(store->db));
    if (error == EBUSY)
        return store_fail(store, -error, "'%s' is locked by another program", store->path);
    if (error == EROFS && store->read_only)
        return store_fail(store, -error, "'%s' is open for reading only", store->path);
    return store_fail(store, -error, "cannot %s '%s': %s", doing, store->path, strerror(error));
}

int store_exec(struct store *store, const char *sql)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return store_fail_sqlite(store, store->read_only ? "read" : "write");
    return 0;
}

struct store *store_alloc(const char *path)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->lock_fd = -1;
    store->path = strdup(path);
    if (!store->path) {
        free(store);
        return NULL;
    }
    return store;
}

// Open file description locks, since a process loses its ordinary ones when it closes any descriptor of the file.
static struct flock writer_lock(void)
{
    return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_OFFSET, .l_len = 1 };
}

int store_lock(int fd)
{
    struct flock lock = writer_lock();
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    // A file system without locks cannot tell: better to write than to refuse.
    return errno == EAGAIN || errno == EACCES ? -EBUSY : 0;
}

int store_test_lock(int fd)
{
    struct flock lock = writer_lock();
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? -EBUSY : 0;
}

int store_open_database(struct store *store, const char *parameters, int flags)
{
    if (strlen(store->full_path) > PATH_BYTES_MAX)
        return store_fail(store, -ENAMETOOLONG, "cannot open '%s': %s", store->path, strerror(ENAMETOOLONG));
    // '?', '#' and '%' mean something in a URI.
    sqlite3_str *uri = sqlite3_str_new(NULL);
    sqlite3_str_appendall(uri, "file:");
    for (const char *at = store->full_path; *at; at++)
        if (strchr("?#%", *at))
            sqlite3_str_appendf(uri, "%%%02X", (unsigned char)*at);
        else
            sqlite3_str_appendchar(uri, 1, *at);
    sqlite3_str_appendf(uri, "?%s", parameters);
    char *name = sqlite3_str_finish(uri);
    if (!name)
        return store_fail(store, -ENOMEM, "%s", strerror(ENOMEM));

    store_close_database(store);
    int code = sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_free(name);
    if (code != SQLITE_OK)
        return store_fail_sqlite(store, "open");

    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, 2000);
    // A trace may come from anybody: what its schema says is not to be trusted.
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    // Files are changed where this module says so, not by closing one that turned out not to be a trace.
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return 0;
}

void store_close_database(struct store *store)
{
    sqlite3_close_v2(store->db);
    store->db = NULL;
}

struct header {
    bool is_wal;
    uint32_t page_bytes;
    uint32_t pages;
};

static uint32_t big_endian(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

// Through SQLite's descriptor: were one of our own closed, the process would lose its locks on the file.
static int read_header(struct store *store, struct header *ret_header)
{
    uint8_t bytes[100];
    sqlite3_file *file = NULL;
    sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (!file || !file->pMethods)
        return store_fail(store, -EIO, "cannot read '%s'", store->path);
    int code = file->pMethods->xRead(file, bytes, sizeof bytes, 0);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
        return store_fail(store, -EIO, "cannot read '%s': %s", store->path, sqlite3_errstr(code));
    if (code == SQLITE_IOERR_SHORT_READ || memcmp(bytes, "SQLite format 3", 16) != 0)
        return store_fail(store, -EBADMSG, "'%s' is not a Trenza trace", store->path);
    if (big_endian(bytes + 68, 4) != TRACE_APPLICATION_ID)
        return store_fail(store, -EBADMSG, "'%s' is a SQLite file, but not a Trenza trace", store->path);

    uint32_t version = big_endian(bytes + 60, 4);
    if (version > TRACE_VERSION)
        return store_fail(store, -EPROTO, "'%s' was written by a newer Trenza (format %u; this one reads %u)",
            store->path, version, (unsigned)TRACE_VERSION);
    if (version != TRACE_VERSION)
        return store_fail(store, -EBADMSG, "'%s' is damaged: it has no format number", store->path);
    ret_header->is_wal = bytes[18] == 2;
    ret_header->page_bytes = big_endian(bytes + 16, 2) == 1 ? 65536 : big_endian(bytes + 16, 2);
    ret_header->pages = big_endian(bytes + 28, 4);
    return 0;
}

// -1: there is none.
static int64_t size_beside(const struct store *store, const char *suffix)
{
    char name[PATH_MAX];
    struct stat status;
    if (snprintf(name, sizeof name, "%s%s", store->full_path, suffix) >= (int)sizeof name)
        return -1;
    return stat(name, &status) == 0 ? status.st_size : -1;
}

static int check_length(struct store *store, const struct header *header)
{
    int64_t expected = (int64_t)header->page_bytes * header->pages;
    int64_t length = size_beside(store, "");
    if (length < expected)
        return store_fail(store, -EBADMSG, "'%s' is damaged: cut off after %lld of %lld bytes", store->path,
            (long long)length, (long long)expected);
    return 0;
}

static int open_for_reading(struct store *store)
{
    struct header header;
    int r = store_open_database(store, "mode=ro", SQLITE_OPEN_READONLY);
    if (r == 0)
        r = read_header(store, &header);
    if (r < 0)
        return r;

    bool has_wal = header.is_wal && size_beside(store, "-wal") > 0;
    if (!has_wal)
        r = check_length(store, &header);
    if (r < 0 || !header.is_wal)
        return r;
    if (!has_wal)
        return store_open_database(store, "mode=ro&immutable=1", SQLITE_OPEN_READONLY);
    if (size_beside(store, "-shm") >= 0)
        return store_open_database(store, "mode=ro&readonly_shm=1", SQLITE_OPEN_READONLY);
    r = store_open_database(store, "mode=ro&vfs=unix-none", SQLITE_OPEN_READONLY);
    return r < 0 ? r : store_exec(store, "PRAGMA locking_mode = EXCLUSIVE");
}

// Nothing is forced to disk, here or while recording. Against the end of a process, the target's or our own, the order of
// the writes is enough, and the kernel keeps it; against a power cut a trace, which can be recorded again, is not
// protected. Forcing it costs several times what recording a short program does.
static int open_for_writing(struct store *store)
{
    store->lock_fd = open(store->full_path, O_RDWR | O_CLOEXEC);
    if (store->lock_fd < 0) {
        int error = errno;
        return store_fail(store, -error, "cannot write '%s': %s", store->path, strerror(error));
    }
    if (store_lock(store->lock_fd) < 0)
        return store_fail(store, -EBUSY, "'%s' is being written by another program", store->path);

    struct header header;
    int r = store_open_database(store, "mode=rw", SQLITE_OPEN_READWRITE);
    if (r == 0)
        r = read_header(store, &header);
    if (r == 0 && !(header.is_wal && size_beside(store, "-wal") > 0))
        r = check_length(store, &header);
    return r < 0 ? r : store_exec(store, "PRAGMA synchronous = OFF");
}

static int check_tables(struct store *store)
{
    for (unsigned i = 0; i < STORE_TABLES; i++) {
        char sql[64];
        sqlite3_stmt *statement;
        snprintf(sql, sizeof sql, "SELECT 1 FROM %s", store_tables[i].name);
        int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
        sqlite3_finalize(statement);
        if (code == SQLITE_ERROR)
            return store_fail(store, -EBADMSG, "'%s' is damaged: %s", store->path, sqlite3_errmsg(store->db));
        if (code != SQLITE_OK)
            return store_fail_sqlite(store, "read");
    }
    return 0;
}

int store_open(const char *path, bool read_only, struct store **ret_store)
{
    struct store *store = store_alloc(path);
    *ret_store = store;
    if (!store)
        return -ENOMEM;
    store->read_only = read_only;

    struct stat status;
    store->full_path = realpath(path, NULL);
    if (!store->full_path || stat(store->full_path, &status) < 0) {
        int error = errno;
        return store_fail(store, -error, "cannot open '%s': %s", path, strerror(error));
    }
    if (S_ISDIR(status.st_mode))
        return store_fail(store, -EISDIR, "'%s' is a directory, not a Trenza trace", path);
    if (!S_ISREG(status.st_mode))
        return store_fail(store, -EBADMSG, "'%s' is not a file, so not a Trenza trace", path);
    int r = read_only ? open_for_reading(store) : open_for_writing(store);
    if (r == 0)
        r = store_exec(store, "PRAGMA cache_size = -8192; PRAGMA cell_size_check = ON");
    if (r == 0)
        r = check_tables(store);
    if (r < 0)
        store_close_database(store);
    return r;
}

int store_commit(struct store *store)
{
    if (store->error)
        return store->error;
    if (!store->db || sqlite3_get_autocommit(store->db))
        return 0;
    int r = store_exec(store, "COMMIT");
    if (r < 0)
        store->error = r;
    return r;
}

// All that is in the -wal goes into the file. When a reader or a full disk does not let it, the -wal stays, and the
// two files together are the trace.
static void close_into_one_file(struct store *store)
{
    sqlite3_exec(store->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    sqlite3_exec(store->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
}

int store_close(struct store *store)
{
    if (!store)
        return 0;
    int error = store->error;
    if (store->db && !sqlite3_get_autocommit(store->db)) {
        // After an error too: the rows before it may still fit.
        int r = store_exec(store, "COMMIT");
        if (!error)
            error = r;
        if (r < 0)
            sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    for (unsigned i = 0; i < STORE_TABLES; i++)
        sqlite3_finalize(store->puts[i]);
    stack_tree_done(&store->stacks);
    if (store->db && !store->read_only)
        close_into_one_file(store);
    store_close_database(store);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store->full_path);
    free(store->path);
    free(store);
    return error;
}

const char *store_message(const struct store *store)
{
    return store ? store->message : strerror(ENOMEM);
}

static int query_rows(sqlite3_stmt *statement,
    int (*row)(int columns, const char *const *names, const char *const *values, void *), void *data)
{
    int columns = sqlite3_column_count(statement);
    const char **texts = calloc((size_t)columns * 2 + 1, sizeof *texts);
    if (!texts)
        return -ENOMEM;
    int r = 0;
    while (r == 0 && sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) {
            texts[i] = sqlite3_column_name(statement, i);
            texts[columns + i] = (const char *)sqlite3_column_text(statement, i);
        }
        r = row(columns, texts, texts + columns, data);
    }
    free(texts);
    return r;
}

int store_query(struct store *store, const char *sql,
    int (*row)(int columns, const char *const *names, const char *const *values, void *), void *data)
{
    if (!store->event_table && sql_table_register(store->db) != SQLITE_OK)
        return store_fail_sqlite(store, "read");
    store->event_table = true;

    while (*sql) {
        sqlite3_stmt *statement;
        if (sqlite3_prepare_v2(store->db, sql, -1, &statement, &sql) != SQLITE_OK)
            return store_fail_sqlite(store, "read");
        if (!statement)
            continue;
        int r = query_rows(statement, row, data);
        if (r == -ENOMEM)
            store_fail(store, r, "%s", strerror(ENOMEM));
        int code = sqlite3_finalize(statement);
        if (r != 0)
            return r;
        if (code != SQLITE_OK)
            return store_fail_sqlite(store, store->read_only ? "read" : "write");
    }
    return 0;
}
