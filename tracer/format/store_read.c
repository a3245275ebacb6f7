// SPDX-License-Identifier: MIT
// Walks the rows of a trace: one SELECT per walk, made from store_tables, so that walks may be nested.
//
// What is read may be damaged or made up by somebody: numbers out of range and missing texts end a walk with -EBADMSG,
// so that no reader meets a NULL where store.h says there is a string.
// Blind spot: ids that point to rows that do not exist are passed on; the reader looks them up and copes.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_private.h"

// One walk over a table.
struct walk {
    struct store *store;
    const struct store_table *table;
    sqlite3_stmt *statement;
};

// Every row, or those whose key is `key`.
static int walk_begin(struct walk *walk, struct store *store, enum store_table_id id, const int64_t *key)
{
    *walk = (struct walk){ .store = store, .table = &store_tables[id] };
    sqlite3_str *sql = sqlite3_str_new(store->db);
    for (const struct store_column *column = walk->table->columns; column->name; column++)
        sqlite3_str_appendf(sql, "%s\"%w\"", column == walk->table->columns ? "SELECT " : ", ", column->name);
    sqlite3_str_appendf(sql, " FROM %s", walk->table->name);
    if (key)
        sqlite3_str_appendf(sql, " WHERE %s = %lld", walk->table->key, (long long)*key);
    sqlite3_str_appendf(sql, " ORDER BY %s", walk->table->order);

    char *text = sqlite3_str_finish(sql);
    int code = text ? sqlite3_prepare_v2(store->db, text, -1, &walk->statement, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (!text)
        return store_fail(store, -ENOMEM, "cannot read '%s': %s", store->path, strerror(ENOMEM));
    return code == SQLITE_OK ? 0 : store_fail_sqlite(store, "read");
}

static int walk_end(struct walk *walk, int result)
{
    sqlite3_finalize(walk->statement);
    return result;
}

static enum object_kind kind_by_name(const unsigned char *name)
{
    for (unsigned kind = OBJECT_NONE + 1; name && kind < OBJECT_KINDS; kind++)
        if (strcmp(object_kind_name(kind), (const char *)name) == 0)
            return (enum object_kind)kind;
    return OBJECT_NONE;
}

// False: this cannot be in a sound trace.
static bool read_column(sqlite3_stmt *statement, int index, enum store_type type, void *field)
{
    bool is_null = sqlite3_column_type(statement, index) == SQLITE_NULL;
    int64_t number = 0;
    if (type < STORE_TEXT)
        number = sqlite3_column_int64(statement, index);

    switch (type) {
    case STORE_ID:
    case STORE_U32:
        *(uint32_t *)field = (uint32_t)number;
        return number >= 0 && number <= UINT32_MAX;
    case STORE_I64:
        *(int64_t *)field = number;
        return true;
    case STORE_U64:
        *(uint64_t *)field = (uint64_t)number;
        return true;
    case STORE_TICKS:
        *(int64_t *)field = is_null ? -1 : number;
        return number >= -1;
    case STORE_LINE:
        *(int64_t *)field = number;
        return number >= 0;
    case STORE_BOOL:
        *(bool *)field = number != 0;
        return true;
    case STORE_TEXT:
    case STORE_STRING:
        *(const char **)field = (const char *)sqlite3_column_text(statement, index);
        return *(const char **)field || (is_null && type == STORE_TEXT);
    case STORE_KIND:
        *(enum object_kind *)field = kind_by_name(sqlite3_column_text(statement, index));
        return *(enum object_kind *)field != OBJECT_NONE;
    case STORE_BLOB: {
        struct trace_chunk *chunk = (void *)((char *)field - offsetof(struct trace_chunk, data));
        chunk->data = sqlite3_column_blob(statement, index);
        chunk->size = (size_t)sqlite3_column_bytes(statement, index);
        return true;
    }
    }
    return false;
}

// 1: *ret_row is the next; 0: the end.
static int walk_next(struct walk *walk, void *ret_row)
{
    struct store *store = walk->store;
    int code = sqlite3_step(walk->statement);
    if (code == SQLITE_DONE)
        return 0;
    if (code != SQLITE_ROW)
        return store_fail_sqlite(store, "read");
    for (int i = 0; walk->table->columns[i].name; i++) {
        const struct store_column *column = &walk->table->columns[i];
        if (!read_column(walk->statement, i, column->type, (char *)ret_row + column->offset))
            return store_fail(store, -EBADMSG, "'%s' is damaged: bad value in %s.%s", store->path,
                walk->table->name, column->name);
    }
    return 1;
}

// Walks a table with rows of this type; call: what is done with `row`, non-zero ends the walk.
#define WALK(store, table_id, key, row_type, call)                                                           \
    do {                                                                                                     \
        struct walk walk;                                                                                    \
        row_type row;                                                                                        \
        int r = walk_begin(&walk, store, table_id, key);                                                     \
        while (r == 0 && (r = walk_next(&walk, &row)) == 1)                                                  \
            r = (call);                                                                                      \
        return walk_end(&walk, r);                                                                           \
    } while (0)

int store_each_process(struct store *store, int (*each)(const struct trace_process *, void *), void *data)
{
    WALK(store, STORE_PROCESS, NULL, struct trace_process, each(&row, data));
}

int store_each_thread(struct store *store, int (*each)(const struct trace_thread *, void *), void *data)
{
    WALK(store, STORE_THREAD, NULL, struct trace_thread, each(&row, data));
}

int store_each_object(struct store *store, int (*each)(const struct trace_object *, void *), void *data)
{
    WALK(store, STORE_OBJECT, NULL, struct trace_object, each(&row, data));
}

int store_each_module(struct store *store, int (*each)(const struct trace_module *, void *), void *data)
{
    WALK(store, STORE_MODULE, NULL, struct trace_module, each(&row, data));
}

int store_each_mapping(struct store *store, int (*each)(const struct trace_mapping *, void *), void *data)
{
    WALK(store, STORE_MAPPING, NULL, struct trace_mapping, each(&row, data));
}

int store_each_frame(struct store *store, int (*each)(const struct trace_frame *, void *), void *data)
{
    WALK(store, STORE_FRAME, NULL, struct trace_frame, each(&row, data));
}

int store_each_symbol(struct store *store, int (*each)(const struct trace_symbol *, void *), void *data)
{
    WALK(store, STORE_SYMBOL, NULL, struct trace_symbol, each(&row, data));
}

int store_each_source(
    struct store *store, int (*each)(const char *file, int64_t line, const char *text, void *), void *data)
{
    WALK(store, STORE_SOURCE, NULL, struct store_source, each(row.file, row.line, row.text, data));
}

int store_each_coverage(struct store *store,
    int (*each)(uint32_t process_id, const char *what, const char *detail, void *), void *data)
{
    WALK(
        store, STORE_COVERAGE, NULL, struct store_coverage, each(row.process_id, row.what, row.detail, data));
}

int store_each_incident(
    struct store *store, int (*each)(uint32_t id, int64_t ticks, const char *what, void *), void *data)
{
    WALK(store, STORE_INCIDENT, NULL, struct store_incident, each(row.id, row.ticks, row.what, data));
}

int store_each_incident_thread(struct store *store, uint32_t incident_id,
    int (*each)(const struct trace_incident_thread *, void *), void *data)
{
    int64_t key = incident_id;
    WALK(store, STORE_INCIDENT_THREAD, &key, struct store_incident_thread, each(&row.row, data));
}

int store_each_incident_hold(struct store *store, uint32_t incident_id,
    int (*each)(const struct trace_incident_hold *, void *), void *data)
{
    int64_t key = incident_id;
    WALK(store, STORE_INCIDENT_HOLD, &key, struct store_incident_hold, each(&row.row, data));
}

int store_each_finding(struct store *store, int (*each)(const char *id, const char *json, void *), void *data)
{
    WALK(store, STORE_FINDING, NULL, struct store_finding, each(row.id, row.json, data));
}

// The tree of frames, all in memory: 8 bytes a node.
struct stack_nodes {
    struct stack_tree_slot *nodes; // by id - 1; node unused
    size_t count;
    size_t capacity;
};

static int load_node(struct store *store, struct stack_nodes *nodes, const struct store_stack_node *row)
{
    // Numbers without gaps and parents before children: so a path always ends.
    if (row->id != nodes->count + 1 || row->parent_id >= row->id)
        return store_fail(
            store, -EBADMSG, "'%s' is damaged: stack_node %u is incomplete", store->path, row->id);
    if (nodes->count == nodes->capacity) {
        const size_t capacity = nodes->capacity ? nodes->capacity * 2 : 1024;
        struct stack_tree_slot *larger = reallocarray(nodes->nodes, capacity, sizeof *larger);
        if (!larger)
            return store_fail(store, -ENOMEM, "%s", strerror(ENOMEM));
        nodes->nodes = larger;
        nodes->capacity = capacity;
    }
    nodes->nodes[nodes->count++] = (struct stack_tree_slot){ row->parent_id, row->frame_id, 0 };
    return 0;
}

static int load_nodes(struct store *store, struct stack_nodes *nodes)
{
    struct walk walk;
    struct store_stack_node row;
    int r = walk_begin(&walk, store, STORE_STACK_NODE, NULL);
    while (r == 0 && (r = walk_next(&walk, &row)) == 1)
        r = load_node(store, nodes, &row);
    return walk_end(&walk, r);
}

// The frames of one stack, innermost first, into memory for `depth` of them.
static int gather_frames(struct store *store, const struct stack_nodes *nodes,
    const struct store_stack *stack, uint32_t *ret_frames)
{
    uint32_t node = stack->node_id;
    // No path is longer than there are nodes, so ret_frames has room.
    for (uint32_t i = 0; i < stack->depth; i++) {
        if (node == 0 || node > nodes->count)
            return store_fail(
                store, -EBADMSG, "'%s' is damaged: stack %u is incomplete", store->path, stack->id);
        ret_frames[i] = nodes->nodes[node - 1].frame;
        node = nodes->nodes[node - 1].parent;
    }
    if (node != 0)
        return store_fail(store, -EBADMSG, "'%s' is damaged: stack %u is incomplete", store->path, stack->id);
    return 0;
}

int store_each_stack(struct store *store,
    int (*each)(uint32_t id, const uint32_t *frames, size_t depth, bool truncated, void *), void *data)
{
    struct stack_nodes nodes = { 0 };
    struct walk walk = { 0 };
    struct store_stack stack;
    int r = load_nodes(store, &nodes);
    uint32_t *frames = malloc((nodes.count + 1) * sizeof *frames);
    if (r == 0 && !frames)
        r = store_fail(store, -ENOMEM, "%s", strerror(ENOMEM));
    if (r == 0)
        r = walk_begin(&walk, store, STORE_STACK, NULL);
    while (r == 0 && (r = walk_next(&walk, &stack)) == 1) {
        r = gather_frames(store, &nodes, &stack, frames);
        if (r == 0)
            r = each(stack.id, frames, stack.depth, stack.truncated, data);
    }
    free(frames);
    free(nodes.nodes);
    return walk_end(&walk, r);
}

static sqlite3_stmt *find_meta(struct store *store, const char *name)
{
    sqlite3_stmt *statement;
    if (!store->db || sqlite3_prepare_v2(store->db, "SELECT value FROM meta WHERE name = ?", -1, &statement,
                          NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        return statement;
    sqlite3_finalize(statement);
    return NULL;
}

char *store_get_text(struct store *store, const char *name)
{
    sqlite3_stmt *statement = find_meta(store, name);
    const char *text = statement ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    char *copy = text ? strdup(text) : NULL;
    sqlite3_finalize(statement);
    return copy;
}

int64_t store_get_number(struct store *store, const char *name, int64_t fallback)
{
    sqlite3_stmt *statement = find_meta(store, name);
    int64_t value = statement ? sqlite3_column_int64(statement, 0) : fallback;
    sqlite3_finalize(statement);
    return value;
}

struct store_cursor {
    struct walk walk;
    struct trace_chunk
        chunk; // data lives in the statement, until its next step; NULL: none yet, or an empty one
    struct chunk_decoder decoder;
    uint32_t left; // events of the chunk still to come
    bool ended;
    int result; // once ended: 0, or what went wrong
};

int store_cursor_new(struct store *store, uint32_t thread_id, struct store_cursor **ret_cursor)
{
    struct store_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return store_fail(store, -ENOMEM, "%s", strerror(ENOMEM));
    int64_t key = thread_id;
    int r = walk_begin(&cursor->walk, store, STORE_CHUNK, &key);
    if (r < 0) {
        free(cursor);
        return r;
    }
    *ret_cursor = cursor;
    return 0;
}

static int end_cursor(struct store_cursor *cursor, int result)
{
    cursor->ended = true;
    cursor->result = result;
    return result;
}

int store_cursor_read(struct store_cursor *cursor, struct trace_event *ret_events, unsigned n)
{
    struct store *store = cursor->walk.store;
    while (!cursor->ended) {
        if (cursor->chunk.data && cursor->left) {
            unsigned done =
                chunk_decode_many(&cursor->decoder, ret_events, n < cursor->left ? n : cursor->left);
            cursor->left -= done;
            if (done)
                return (int)done;
        }
        struct trace_event behind;
        int r = cursor->chunk.data ? chunk_decode(&cursor->decoder, &behind) : 0;
        if (r != 0 || cursor->left != 0)
            return end_cursor(cursor,
                store_fail(store, -EBADMSG, "'%s' is damaged: chunk %u of thread %u cannot be unpacked",
                    store->path, cursor->chunk.sequence, cursor->chunk.thread_id));
        r = walk_next(&cursor->walk, &cursor->chunk);
        if (r != 1)
            return end_cursor(cursor, r);
        cursor->left = cursor->chunk.events;
        if (cursor->chunk.data)
            chunk_decoder_init(
                &cursor->decoder, cursor->chunk.data, cursor->chunk.size, cursor->chunk.first_ticks);
    }
    return cursor->result;
}

int store_cursor_next(struct store_cursor *cursor, struct trace_event *ret_event)
{
    return store_cursor_read(cursor, ret_event, 1);
}

void store_cursor_free(struct store_cursor *cursor)
{
    if (!cursor)
        return;
    walk_end(&cursor->walk, 0);
    free(cursor);
}
