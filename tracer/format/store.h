// SPDX-License-Identifier: MIT
// The trace file: the one module that knows SQLite. Writers put rows and chunks; readers walk them. schema.sql says
// what the columns mean. A store is used by one thread at a time.
//
// Errors: negative errno; store_message() then has one clear line for people. Outputs are untouched on failure.
// Strings handed to a callback live until it returns; strings handed in are copied. NULL strings are SQL NULL.
#ifndef TRENZA_FORMAT_STORE_H
#define TRENZA_FORMAT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"
#include "events.h"

#define TRACE_APPLICATION_ID 0x54727A61
#define TRACE_VERSION 1

struct store;

// --- opening ---

// Creates a new trace at path with mode 0600; an existing regular file becomes path + ".old" (only once the new one
// is there; a symbolic link is not followed: -ELOOP). -EBUSY: somebody is writing a trace there right now; -EACCES,
// -ENOSPC, -ENOTDIR ... as the system says.
// On failure *ret_store is still set when there is memory, so that store_message() can tell; free it all the same.
int store_create(const char *path, struct store **ret_store);
// Opens an existing trace. -ENOENT; -EBADMSG: not a trace, or damaged; -EPROTO: a newer schema; -EBUSY: to write, while
// it is still being recorded; read_only opens
// never change a byte, and work on read-only media.
int store_open(const char *path, bool read_only, struct store **ret_store);
// Commits what is open and closes, after which the trace is one file. Cursors are freed before. NULL is fine. store_close returns the error of the last commit, if any.
int store_close(struct store *store);
// One line about the last error ("cannot write 'x.db': No space left on device"). Owned by the store.
const char *store_message(const struct store *store);
// Writes go into one open transaction; this commits it and the next write begins the next. After a write that the system
// refused (a full disk), every later one and the commit return the same error; what was committed before stays.
int store_commit(struct store *store);

// --- rows: writing (INSERT OR REPLACE by id) ---

int store_set_text(struct store *store, const char *name, const char *value);
int store_set_number(struct store *store, const char *name, int64_t value);

struct trace_process {
    uint32_t id;
    int64_t pid;
    uint32_t parent_id; // 0: NULL; so for every id below
    uint32_t forked_by;
    const char *executable;
    const char *arguments;
    int64_t started_ticks; // -1: NULL; so for every ticks below
    int64_t ended_ticks;
    const char *ended_how;
    int64_t exit_status; // -1: NULL
    uint64_t threads_unrecorded;
    uint64_t objects_unrecorded;
    const char *stopped;
};
struct trace_thread {
    uint32_t id;
    uint32_t process_id;
    uint32_t serial;
    int64_t tid;
    const char *name;
    uint32_t start_frame;
    uint32_t creator_id;
    uint32_t create_stack;
    int64_t started_ticks;
    int64_t ended_ticks;
    uint64_t events;
    uint64_t lost;
};
struct trace_object {
    uint32_t id;
    uint32_t process_id;
    enum object_kind kind;
    uint32_t flags;
    uint64_t address;
    uint64_t value;
    int64_t created_ticks;
    uint32_t created_by;
    uint32_t create_stack;
    int64_t ended_ticks;
    const char *ended_how;
    uint32_t module_id;
    uint64_t module_offset;
    const char *shared_key;
    const char *name;
};
struct trace_module {
    uint32_t id;
    const char *path;
    const char *build_id;
};
struct trace_mapping {
    uint32_t id;
    uint32_t process_id;
    uint32_t module_id;
    uint64_t start;
    uint64_t end;
    uint64_t bias;
    int64_t loaded_ticks;
    int64_t unloaded_ticks;
};
struct trace_frame {
    uint32_t id;
    uint32_t module_id;
    uint64_t offset;
};
struct trace_symbol {
    uint32_t frame_id;
    uint32_t depth;
    const char *function;
    int64_t function_offset; // -1: NULL
    const char *file;
    int64_t line; // 0: NULL
    bool inlined;
};
struct trace_chunk {
    uint32_t thread_id;
    uint32_t sequence;
    uint64_t first_ticks;
    uint64_t last_ticks;
    uint32_t events;
    const void *data;
    size_t size; // bytes
};
struct trace_incident_thread {
    uint32_t thread_id;
    int64_t since_ticks;
    const char *request;
    uint32_t object_id;
    uint32_t joined_id;
    uint32_t stack_id;
    bool in_cycle;
};
struct trace_incident_hold {
    uint32_t thread_id;
    uint32_t position;
    uint32_t object_id;
    int64_t since_ticks;
    uint32_t stack_id;
    bool shared;
};

int store_put_process(struct store *store, const struct trace_process *process);
int store_put_thread(struct store *store, const struct trace_thread *thread);
int store_put_object(struct store *store, const struct trace_object *object);
int store_put_module(struct store *store, const struct trace_module *module);
int store_put_mapping(struct store *store, const struct trace_mapping *mapping);
int store_put_frame(struct store *store, const struct trace_frame *frame);
int store_put_symbol(struct store *store, const struct trace_symbol *symbol);
int store_put_source(struct store *store, const char *file, int64_t line, const char *text);
int store_put_stack(
    struct store *store, uint32_t id, const uint32_t *frames, size_t depth, bool truncated);
int store_put_chunk(struct store *store, const struct trace_chunk *chunk);
int store_put_coverage(struct store *store, uint32_t process_id, const char *what, const char *detail);
// Threads and holds of one incident go in together; returns its id (> 0) or a negative errno.
int64_t store_put_incident(struct store *store, int64_t ticks, const char *what,
    const struct trace_incident_thread *threads, size_t n_threads, const struct trace_incident_hold *holds,
    size_t n_holds);
int store_set_object_name(struct store *store, uint32_t object_id, const char *name);
int store_clear_findings(struct store *store);
int store_put_finding(struct store *store, const char *id, const char *rule, const char *verdict,
    const char *level, const char *message, const char *json);

// --- rows: reading. Each calls back in order of id; a callback that returns non-zero ends the walk with that value. ---

// The meta value, newly allocated (free()), or NULL when there is none.
char *store_get_text(struct store *store, const char *name);
int64_t store_get_number(struct store *store, const char *name, int64_t fallback);

int store_each_process(struct store *store, int (*each)(const struct trace_process *, void *), void *data);
int store_each_thread(struct store *store, int (*each)(const struct trace_thread *, void *), void *data);
int store_each_object(struct store *store, int (*each)(const struct trace_object *, void *), void *data);
int store_each_module(struct store *store, int (*each)(const struct trace_module *, void *), void *data);
int store_each_mapping(struct store *store, int (*each)(const struct trace_mapping *, void *), void *data);
int store_each_frame(struct store *store, int (*each)(const struct trace_frame *, void *), void *data);
int store_each_symbol(struct store *store, int (*each)(const struct trace_symbol *, void *), void *data);
int store_each_source(struct store *store,
    int (*each)(const char *file, int64_t line, const char *text, void *), void *data);
// Frames innermost first.
int store_each_stack(struct store *store,
    int (*each)(uint32_t id, const uint32_t *frames, size_t depth, bool truncated, void *), void *data);
int store_each_coverage(struct store *store,
    int (*each)(uint32_t process_id, const char *what, const char *detail, void *), void *data);
int store_each_incident(struct store *store,
    int (*each)(uint32_t id, int64_t ticks, const char *what, void *), void *data);
int store_each_incident_thread(struct store *store, uint32_t incident_id,
    int (*each)(const struct trace_incident_thread *, void *), void *data);
int store_each_incident_hold(struct store *store, uint32_t incident_id,
    int (*each)(const struct trace_incident_hold *, void *), void *data);
int store_each_finding(struct store *store, int (*each)(const char *id, const char *json, void *), void *data);

// A cursor over one thread's events, chunk by chunk: memory is one chunk, whatever the trace's length.
struct store_cursor;
int store_cursor_new(struct store *store, uint32_t thread_id, struct store_cursor **ret_cursor);
// 1: *ret_event is the next; 0: the end; negative errno: a damaged chunk or a read error.
int store_cursor_next(struct store_cursor *cursor, struct trace_event *ret_event);
// The same for up to n events (n > 0): how many there were, at least one; 0: the end; negative errno: as above, after all events
// in front of the damage.
int store_cursor_read(struct store_cursor *cursor, struct trace_event *ret_events, unsigned n);
void store_cursor_free(struct store_cursor *cursor);

// --- SQL for people ---

// Runs any SQL on the trace with the table `event` in place (sql_table.c registers it); calls back per row.
int store_query(struct store *store, const char *sql,
    int (*row)(int columns, const char *const *names, const char *const *values, void *), void *data);

#endif
