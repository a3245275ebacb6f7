// SPDX-License-Identifier: MIT
// Inside of the store: for store.c, store_create.c, store_tables.c, store_write.c and store_read.c only.
#ifndef TRENZA_FORMAT_STORE_PRIVATE_H
#define TRENZA_FORMAT_STORE_PRIVATE_H

#include <sqlite3.h>

#include "stack_tree.h"
#include "store.h"

// How a field of a row structure is kept in a column.
enum store_type {
    STORE_ID,     // uint32_t, 0: NULL
    STORE_U32,    // uint32_t
    STORE_I64,    // int64_t
    STORE_U64,    // uint64_t, as the same 64 bits
    STORE_TICKS,  // int64_t, -1: NULL
    STORE_LINE,   // int64_t, 0: NULL
    STORE_BOOL,   // bool
    STORE_TEXT,   // const char *, may be NULL
    STORE_STRING, // const char *, never NULL
    STORE_KIND,   // enum object_kind, as its name
    STORE_BLOB,   // const void *, followed in the structure by its size_t size
};

struct store_column {
    const char *name;
    enum store_type type;
    size_t offset; // of the field in the row structure
};

enum store_table_id {
    STORE_META_TEXT,
    STORE_META_NUMBER,
    STORE_PROCESS,
    STORE_THREAD,
    STORE_OBJECT,
    STORE_MODULE,
    STORE_MAPPING,
    STORE_FRAME,
    STORE_SYMBOL,
    STORE_SOURCE,
    STORE_STACK,
    STORE_STACK_NODE,
    STORE_CHUNK,
    STORE_COVERAGE,
    STORE_INCIDENT,
    STORE_INCIDENT_THREAD,
    STORE_INCIDENT_HOLD,
    STORE_FINDING,
    STORE_TABLES,
};

#define STORE_COLUMNS_MAX 16

// A table, or a view of some columns of one: from this the SQL that writes and reads it is made.
struct store_table {
    const char *name;
    const char *order;                              // columns that a walk is ordered by
    const char *key;                                // column that a walk can be restricted by; NULL: none
    struct store_column columns[STORE_COLUMNS_MAX]; // ends with a NULL name
};

extern const struct store_table store_tables[STORE_TABLES];

// Rows that store.h has no structure for.
struct store_meta_text {
    const char *name;
    const char *value;
};
struct store_meta_number {
    const char *name;
    int64_t value;
};
struct store_source {
    const char *file;
    int64_t line;
    const char *text;
};
struct store_stack {
    uint32_t id;
    uint32_t depth;
    bool truncated;
    uint32_t node_id;
};
struct store_stack_node {
    uint32_t id;
    uint32_t parent_id;
    uint32_t frame_id;
};
struct store_coverage {
    uint32_t id;
    uint32_t process_id;
    const char *what;
    const char *detail;
};
struct store_incident {
    uint32_t id;
    int64_t ticks;
    const char *what;
};
struct store_incident_thread {
    uint32_t incident_id;
    struct trace_incident_thread row;
};
struct store_incident_hold {
    uint32_t incident_id;
    struct trace_incident_hold row;
};
struct store_finding {
    const char *id;
    const char *rule;
    const char *verdict;
    const char *level;
    const char *message;
    const char *json;
};

struct store {
    char *path;      // as the caller said it, for messages
    char *full_path; // absolute, no symbolic link in its directories
    sqlite3 *db;
    int lock_fd; // holds the writer's lock (store_lock) as long as it is open; -1: a reader
    bool read_only;
    bool event_table; // the table `event` is in place
    int error; // the first write that failed for good, a negative errno: nothing more is written after it
    sqlite3_stmt *puts[STORE_TABLES]; // prepared at first use
    struct stack_tree stacks;         // the nodes this writer has put
    char message[1024];
};

// Notes the message and returns the error.
int store_fail(struct store *store, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
// The same for SQLite's last error; doing: "read" or "write".
int store_fail_sqlite(struct store *store, const char *doing);
int store_exec(struct store *store, const char *sql);

// A store without a database, or NULL.
struct store *store_alloc(const char *path);
// Opens store->full_path. parameters: of SQLite's file URI ("mode=rw&immutable=1").
// What was open before is closed. The file is not looked at yet.
int store_open_database(struct store *store, const char *parameters, int flags);
void store_close_database(struct store *store);
// Tells other writers that this file is being written, until fd is closed: -EBUSY when another one does so already.
int store_lock(int fd);
// -EBUSY when some writer holds the lock.
int store_test_lock(int fd);

#endif
