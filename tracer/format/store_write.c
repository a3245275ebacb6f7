// SPDX-License-Identifier: MIT
// Puts rows into a trace: one prepared INSERT OR REPLACE per table, made from store_tables.
//
// Writes gather in one transaction until store_commit. The first write that the system refuses (a full disk) is the
// last: SQLite may have dropped the whole transaction, and what came later would speak of rows that are not there.
// A row that cannot be (a NULL path) is refused and hurts nothing else.
#include <errno.h>
#include <string.h>

#include "store_private.h"

static sqlite3_stmt *prepare_put(struct store *store, const struct store_table *table)
{
    sqlite3_str *sql = sqlite3_str_new(store->db);
    sqlite3_str_appendf(sql, "INSERT OR REPLACE INTO %s (", table->name);
    for (const struct store_column *column = table->columns; column->name; column++)
        sqlite3_str_appendf(sql, "%s\"%w\"", column == table->columns ? "" : ", ", column->name);
    sqlite3_str_appendall(sql, ") VALUES (");
    for (const struct store_column *column = table->columns; column->name; column++)
        sqlite3_str_appendall(sql, column == table->columns ? "?" : ", ?");
    sqlite3_str_appendall(sql, ")");

    sqlite3_stmt *statement = NULL;
    char *text = sqlite3_str_finish(sql);
    if (text)
        sqlite3_prepare_v3(store->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    sqlite3_free(text);
    return statement;
}

static int bind_or_null(sqlite3_stmt *statement, int index, int64_t value, int64_t null)
{
    return value == null ? sqlite3_bind_null(statement, index) : sqlite3_bind_int64(statement, index, value);
}

static int bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static int bind(sqlite3_stmt *statement, int index, enum store_type type, const void *field)
{
    switch (type) {
    case STORE_ID:
        return bind_or_null(statement, index, *(const uint32_t *)field, 0);
    case STORE_U32:
        return sqlite3_bind_int64(statement, index, *(const uint32_t *)field);
    case STORE_I64:
        return sqlite3_bind_int64(statement, index, *(const int64_t *)field);
    case STORE_U64:
        return sqlite3_bind_int64(statement, index, (int64_t) * (const uint64_t *)field);
    case STORE_TICKS:
        return bind_or_null(statement, index, *(const int64_t *)field, -1);
    case STORE_LINE:
        return bind_or_null(statement, index, *(const int64_t *)field, 0);
    case STORE_BOOL:
        return sqlite3_bind_int64(statement, index, *(const bool *)field);
    case STORE_TEXT:
    case STORE_STRING:
        return bind_text(statement, index, *(const char *const *)field);
    case STORE_KIND:
        return bind_text(statement, index, object_kind_name(*(const enum object_kind *)field));
    case STORE_BLOB: {
        const struct trace_chunk *chunk =
            (const void *)((const char *)field - offsetof(struct trace_chunk, data));
        return sqlite3_bind_blob64(statement, index, chunk->data, chunk->size, SQLITE_STATIC);
    }
    }
    return SQLITE_MISUSE;
}

// Before every write.
static int begin(struct store *store)
{
    if (store->error)
        return store->error;
    if (!store->db || store->read_only)
        return store_fail(store, -EROFS, "'%s' is not open for writing", store->path);
    if (!sqlite3_get_autocommit(store->db))
        return 0;
    return store_exec(store, "BEGIN IMMEDIATE");
}

// After a write that failed.
static int fail_write(struct store *store)
{
    int r = store_fail_sqlite(store, "write");
    if (r != -EINVAL && r != -EBUSY)
        store->error = r;
    return r;
}

static int put(struct store *store, enum store_table_id id, const void *row)
{
    int r = begin(store);
    if (r < 0)
        return r;
    const struct store_table *table = &store_tables[id];
    if (!store->puts[id])
        store->puts[id] = prepare_put(store, table);
    sqlite3_stmt *statement = store->puts[id];
    if (!statement)
        return fail_write(store);

    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && table->columns[i].name; i++)
        code = bind(statement, i + 1, table->columns[i].type, (const char *)row + table->columns[i].offset);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    r = code == SQLITE_DONE ? 0 : fail_write(store);
    sqlite3_reset(statement);
    return r;
}

// For what is written too seldom to keep a statement for: ?1 is number, ?2 text.
static int run(struct store *store, const char *sql, const char *text, int64_t number)
{
    int r = begin(store);
    if (r < 0)
        return r;
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return fail_write(store);
    if (sqlite3_bind_parameter_count(statement) >= 1)
        sqlite3_bind_int64(statement, 1, number);
    if (sqlite3_bind_parameter_count(statement) >= 2)
        bind_text(statement, 2, text);
    r = sqlite3_step(statement) == SQLITE_DONE ? 0 : fail_write(store);
    sqlite3_finalize(statement);
    return r;
}

int store_set_text(struct store *store, const char *name, const char *value)
{
    return put(store, STORE_META_TEXT, &(struct store_meta_text){ name, value });
}

int store_set_number(struct store *store, const char *name, int64_t value)
{
    return put(store, STORE_META_NUMBER, &(struct store_meta_number){ name, value });
}

int store_put_process(struct store *store, const struct trace_process *process)
{
    return put(store, STORE_PROCESS, process);
}

int store_put_thread(struct store *store, const struct trace_thread *thread)
{
    return put(store, STORE_THREAD, thread);
}

int store_put_object(struct store *store, const struct trace_object *object)
{
    return put(store, STORE_OBJECT, object);
}

int store_put_module(struct store *store, const struct trace_module *module)
{
    return put(store, STORE_MODULE, module);
}

int store_put_mapping(struct store *store, const struct trace_mapping *mapping)
{
    return put(store, STORE_MAPPING, mapping);
}

int store_put_frame(struct store *store, const struct trace_frame *frame)
{
    return put(store, STORE_FRAME, frame);
}

int store_put_symbol(struct store *store, const struct trace_symbol *symbol)
{
    return put(store, STORE_SYMBOL, symbol);
}

int store_put_source(struct store *store, const char *file, int64_t line, const char *text)
{
    return put(store, STORE_SOURCE, &(struct store_source){ file, line, text });
}

// Nodes of an earlier writer are not looked for again: a new writer's stacks begin a tree of their own beside.
static int begin_stacks(struct store *store)
{
    sqlite3_stmt *statement;
    if (store->stacks.last_node != 0)
        return 0;
    if (sqlite3_prepare_v2(store->db, "SELECT max(id) FROM stack_node", -1, &statement, NULL) != SQLITE_OK)
        return store_fail_sqlite(store, "read");
    if (sqlite3_step(statement) == SQLITE_ROW)
        store->stacks.last_node = (uint32_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return 0;
}

int store_put_stack(struct store *store, uint32_t id, const uint32_t *frames, size_t depth, bool truncated)
{
    uint32_t node = 0;
    int r = begin_stacks(store);
    for (size_t i = depth; r == 0 && i-- > 0;) {
        const uint32_t parent = node;
        r = stack_tree_add(&store->stacks, parent, frames[i], &node);
        if (r < 0)
            return store_fail(store, r, "cannot write '%s': %s", store->path, strerror(-r));
        if (r > 0)
            r = put(store, STORE_STACK_NODE, &(struct store_stack_node){ node, parent, frames[i] });
    }
    return r < 0 ? r : put(store, STORE_STACK, &(struct store_stack){ id, (uint32_t)depth, truncated, node });
}

int store_put_chunk(struct store *store, const struct trace_chunk *chunk)
{
    return put(store, STORE_CHUNK, chunk);
}

int store_put_coverage(struct store *store, uint32_t process_id, const char *what, const char *detail)
{
    return put(store, STORE_COVERAGE, &(struct store_coverage){ 0, process_id, what, detail });
}

int64_t store_put_incident(struct store *store, int64_t ticks, const char *what,
    const struct trace_incident_thread *threads, size_t n_threads, const struct trace_incident_hold *holds,
    size_t n_holds)
{
    int r = put(store, STORE_INCIDENT, &(struct store_incident){ 0, ticks, what });
    if (r < 0)
        return r;
    uint32_t id = (uint32_t)sqlite3_last_insert_rowid(store->db);
    for (size_t i = 0; r == 0 && i < n_threads; i++)
        r = put(store, STORE_INCIDENT_THREAD, &(struct store_incident_thread){ id, threads[i] });
    for (size_t i = 0; r == 0 && i < n_holds; i++)
        r = put(store, STORE_INCIDENT_HOLD, &(struct store_incident_hold){ id, holds[i] });
    return r < 0 ? r : (int64_t)id;
}

int store_set_object_name(struct store *store, uint32_t object_id, const char *name)
{
    return run(store, "UPDATE object SET name = ?2 WHERE id = ?1", name, object_id);
}

int store_clear_findings(struct store *store)
{
    return run(store, "DELETE FROM finding", NULL, 0);
}

int store_put_finding(struct store *store, const char *id, const char *rule, const char *verdict,
    const char *level, const char *message, const char *json)
{
    return put(store, STORE_FINDING, &(struct store_finding){ id, rule, verdict, level, message, json });
}
