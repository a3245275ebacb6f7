// SPDX-License-Identifier: MIT
// The events of a trace as an ordinary SQL table, `event`: an eponymous virtual table over the chunks. Linked into the
// store for `trenza sql`, and built alone as libtrenza-sqlite.so for every other SQLite shell (`.load`).
//
// A scan walks the rows of `chunk`, thread by thread, and unpacks only the chunks that can hold what is asked for:
// conditions on thread_id, ticks and time_ns are held against the chunk's columns, and those on the other numbers and
// on kind against each event before SQLite sees it. SQLite checks every condition once more, so what is done here
// only has to keep enough. Rows come out in order of (thread_id, sequence), which is also (thread_id, ticks).
// Blind spot: nothing is sorted across threads; ORDER BY ticks over all of them is SQLite's sorter's work.
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sqlite3ext.h>

#include "chunk.h"
#include "events.h"
#include "sql_table.h"

SQLITE_EXTENSION_INIT1

enum column {
    COLUMN_THREAD_ID,
    COLUMN_SEQUENCE,
    COLUMN_TICKS,
    COLUMN_TIME_NS,
    COLUMN_KIND,
    COLUMN_SUBJECT,
    COLUMN_STACK_ID,
    COLUMN_ARG,
    COLUMN_MUTEX_ID,
    COLUMN_CODE,
    COLUMNS,
};

static const char declaration[] =
    "CREATE TABLE event(thread_id INTEGER, sequence INTEGER, ticks INTEGER, time_ns INTEGER, kind TEXT,"
    " subject INTEGER, stack_id INTEGER, arg INTEGER, mutex_id INTEGER, code INTEGER)";

struct range {
    int64_t low;
    int64_t high;
};

struct event_table {
    sqlite3_vtab base;
    sqlite3 *db;
};

struct event_cursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *chunks;
    double ns_per_tick;
    // What is asked for: an event is a row if it lies in all of the ranges. Those of columns that may be NULL stay
    // at everything there is.
    struct range ranges[COLUMNS];
    unsigned kind; // EVENT_NONE: any
    // Where the scan stands.
    bool at_end;
    int64_t thread_id;
    int64_t next_sequence; // of the thread's next event
    int64_t sequence;      // of the current row
    uint32_t left;         // events of the chunk still to come
    struct chunk_decoder decoder;
    struct trace_event event;
};

enum chunk_column {
    CHUNK_THREAD_ID,
    CHUNK_FIRST_TICKS,
    CHUNK_LAST_TICKS,
    CHUNK_EVENTS,
    CHUNK_DATA,
};

static const char chunk_sql[] = "SELECT thread_id, first_ticks, last_ticks, events, data FROM chunk"
                                " WHERE thread_id BETWEEN ? AND ? ORDER BY thread_id, sequence";

static int event_connect(sqlite3 *db, void *unused, int argc, const char *const *argv,
    sqlite3_vtab **ret_table, char **ret_message)
{
    (void)unused, (void)argc, (void)argv, (void)ret_message;
    int code = sqlite3_declare_vtab(db, declaration);
    if (code != SQLITE_OK)
        return code;
    struct event_table *table = sqlite3_malloc(sizeof *table);
    if (!table)
        return SQLITE_NOMEM;
    *table = (struct event_table){ .db = db };
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    *ret_table = &table->base;
    return SQLITE_OK;
}

static int event_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

// --- planning ---

static bool can_use(int column, int op)
{
    switch (column) {
    case COLUMN_KIND:
        return op == SQLITE_INDEX_CONSTRAINT_EQ;
    case COLUMN_THREAD_ID:
    case COLUMN_SEQUENCE:
    case COLUMN_TICKS:
    case COLUMN_TIME_NS:
    case COLUMN_SUBJECT:
    case COLUMN_STACK_ID:
        return op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_GT ||
               op == SQLITE_INDEX_CONSTRAINT_GE || op == SQLITE_INDEX_CONSTRAINT_LT ||
               op == SQLITE_INDEX_CONSTRAINT_LE;
    default:
        return false;
    }
}

// How much of the whole table a condition leaves, roughly.
static double selectivity(int column, int op)
{
    if (op != SQLITE_INDEX_CONSTRAINT_EQ)
        return 0.3;
    return column == COLUMN_THREAD_ID ? 0.05 : column == COLUMN_KIND ? 0.3 : 0.01;
}

// Rows of one thread are in order of its sequence and times; rows of all are in order of the thread first.
static bool is_scan_order(const sqlite3_index_info *info, bool one_thread)
{
    int i = 0;
    for (int k = 0; k < info->nOrderBy; k++)
        if (info->aOrderBy[k].desc)
            return false;
    if (i < info->nOrderBy && info->aOrderBy[i].iColumn == COLUMN_THREAD_ID) {
        i++;
        one_thread = true;
    }
    if (one_thread && i < info->nOrderBy &&
        (info->aOrderBy[i].iColumn == COLUMN_TICKS || info->aOrderBy[i].iColumn == COLUMN_TIME_NS))
        i++;
    if (one_thread && i < info->nOrderBy && info->aOrderBy[i].iColumn == COLUMN_SEQUENCE)
        i++;
    return i == info->nOrderBy;
}

// The plan goes to event_filter as a string: a column and an operator, as letters, for each argument.
static int event_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    double rows = 1e7, unpacked = 1e7;
    bool one_thread = false;
    int arguments = 0;
    char *plan = sqlite3_malloc(2 * info->nConstraint + 1);
    if (!plan)
        return SQLITE_NOMEM;
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
        if (!info->aConstraint[i].usable || !can_use(column, op))
            continue;
        plan[2 * arguments] = (char)('A' + column);
        plan[2 * arguments + 1] = (char)op;
        info->aConstraintUsage[i].argvIndex = ++arguments;
        rows *= selectivity(column, op);
        if (column == COLUMN_THREAD_ID || column == COLUMN_TICKS || column == COLUMN_TIME_NS)
            unpacked *= selectivity(column, op);
        one_thread |= column == COLUMN_THREAD_ID && op == SQLITE_INDEX_CONSTRAINT_EQ;
    }
    plan[2 * arguments] = '\0';
    info->idxStr = plan;
    info->needToFreeIdxStr = 1;
    info->estimatedRows = (sqlite3_int64)rows + 1;
    info->estimatedCost = unpacked / 10 + rows + 100;
    info->orderByConsumed = is_scan_order(info, one_thread);
    return SQLITE_OK;
}

// --- scanning ---

static int event_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    (void)table;
    struct event_cursor *cursor = sqlite3_malloc(sizeof *cursor);
    if (!cursor)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int event_close(sqlite3_vtab_cursor *base)
{
    struct event_cursor *cursor = (struct event_cursor *)base;
    sqlite3_finalize(cursor->chunks);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int fail_damaged(struct event_cursor *cursor)
{
    sqlite3_vtab *table = cursor->base.pVtab;
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf("damaged chunk of thread %lld", (long long)cursor->thread_id);
    return SQLITE_CORRUPT_VTAB;
}

static bool in_range(const struct event_cursor *cursor, enum column column, int64_t value)
{
    return value >= cursor->ranges[column].low && value <= cursor->ranges[column].high;
}

static int64_t time_ns(const struct event_cursor *cursor, uint64_t ticks)
{
    double ns = (double)ticks * cursor->ns_per_tick;
    return ns < (double)INT64_MAX ? (int64_t)ns : INT64_MAX;
}

// Can an event between these times be asked for?
static bool times_overlap(const struct event_cursor *cursor, int64_t first_ticks, int64_t last_ticks)
{
    const struct range *ticks = &cursor->ranges[COLUMN_TICKS], *ns = &cursor->ranges[COLUMN_TIME_NS];
    return last_ticks >= ticks->low && first_ticks <= ticks->high &&
           time_ns(cursor, (uint64_t)last_ticks) >= ns->low &&
           time_ns(cursor, (uint64_t)first_ticks) <= ns->high;
}

// Goes to the next chunk that may hold rows; at_end when there is none.
static int next_chunk(struct event_cursor *cursor)
{
    int code;
    while ((code = sqlite3_step(cursor->chunks)) == SQLITE_ROW) {
        int64_t thread_id = sqlite3_column_int64(cursor->chunks, CHUNK_THREAD_ID);
        if (thread_id != cursor->thread_id)
            cursor->next_sequence = 0;
        cursor->thread_id = thread_id;
        int64_t events = sqlite3_column_int64(cursor->chunks, CHUNK_EVENTS);
        int64_t first_ticks = sqlite3_column_int64(cursor->chunks, CHUNK_FIRST_TICKS);
        int64_t last_ticks = sqlite3_column_int64(cursor->chunks, CHUNK_LAST_TICKS);
        if (events < 0 || events > UINT32_MAX || first_ticks < 0 || last_ticks < first_ticks)
            return fail_damaged(cursor);

        const struct range *sequences = &cursor->ranges[COLUMN_SEQUENCE];
        if (!times_overlap(cursor, first_ticks, last_ticks) || cursor->next_sequence > sequences->high ||
            cursor->next_sequence + events <= sequences->low) {
            cursor->next_sequence += events;
            continue;
        }
        const void *data = sqlite3_column_blob(cursor->chunks, CHUNK_DATA);
        size_t size = (size_t)sqlite3_column_bytes(cursor->chunks, CHUNK_DATA);
        cursor->left = (uint32_t)events;
        chunk_decoder_init(&cursor->decoder, data ? data : "", size, (uint64_t)first_ticks);
        return SQLITE_OK;
    }
    cursor->at_end = true;
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static bool is_wanted(const struct event_cursor *cursor)
{
    const struct trace_event *event = &cursor->event;
    return (cursor->kind == EVENT_NONE || event->kind == cursor->kind) &&
           in_range(cursor, COLUMN_TICKS, (int64_t)event->ticks) &&
           in_range(cursor, COLUMN_SUBJECT, event->subject) &&
           in_range(cursor, COLUMN_STACK_ID, event->stack) &&
           in_range(cursor, COLUMN_SEQUENCE, cursor->sequence);
}

static int event_next(sqlite3_vtab_cursor *base)
{
    struct event_cursor *cursor = (struct event_cursor *)base;
    while (!cursor->at_end) {
        int r = chunk_decode(&cursor->decoder, &cursor->event);
        if (r < 0 || (r == 1) != (cursor->left > 0))
            return fail_damaged(cursor);
        if (r == 1) {
            cursor->left--;
            cursor->sequence = cursor->next_sequence++;
            if (is_wanted(cursor))
                return SQLITE_OK;
            continue;
        }
        int code = next_chunk(cursor);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

// Narrows a range. A condition that is no number (text, NULL) is left to SQLite.
static void narrow(struct range *range, int op, sqlite3_value *value)
{
    int64_t low, high;
    if (sqlite3_value_type(value) == SQLITE_INTEGER) {
        low = high = sqlite3_value_int64(value);
    } else if (sqlite3_value_type(value) == SQLITE_FLOAT && fabs(sqlite3_value_double(value)) < 0x1p62) {
        double number = sqlite3_value_double(value);
        low = (int64_t)floor(number);
        high = (int64_t)ceil(number);
    } else {
        return;
    }
    bool is_equal = op == SQLITE_INDEX_CONSTRAINT_EQ;
    if ((is_equal || op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE) &&
        low > range->low)
        range->low = low;
    if ((is_equal || op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE) &&
        high < range->high)
        range->high = high;
}

static void read_plan(struct event_cursor *cursor, const char *plan, sqlite3_value **arguments)
{
    for (int i = 0; i < COLUMNS; i++)
        cursor->ranges[i] = (struct range){ INT64_MIN, INT64_MAX };
    cursor->kind = EVENT_NONE;
    for (int i = 0; plan && plan[2 * i]; i++) {
        int column = plan[2 * i] - 'A', op = (unsigned char)plan[2 * i + 1];
        if (column != COLUMN_KIND)
            narrow(&cursor->ranges[column], op, arguments[i]);
        else if (sqlite3_value_type(arguments[i]) == SQLITE_TEXT)
            cursor->kind = event_kind_by_name((const char *)sqlite3_value_text(arguments[i]));
    }
}

static int read_clock(struct event_cursor *cursor, sqlite3 *db)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(
        db, "SELECT value FROM meta WHERE name = 'ticks_per_second'", -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    double ticks_per_second = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_double(statement, 0) : 0;
    cursor->ns_per_tick = ticks_per_second > 0 ? 1e9 / ticks_per_second : 1;
    return sqlite3_finalize(statement);
}

static int event_filter(sqlite3_vtab_cursor *base, int plan_number, const char *plan, int argument_count,
    sqlite3_value **arguments)
{
    (void)plan_number, (void)argument_count;
    struct event_cursor *cursor = (struct event_cursor *)base;
    sqlite3 *db = ((struct event_table *)base->pVtab)->db;
    read_plan(cursor, plan, arguments);

    int code = cursor->chunks ? sqlite3_reset(cursor->chunks) : read_clock(cursor, db);
    if (code == SQLITE_OK && !cursor->chunks)
        code = sqlite3_prepare_v2(db, chunk_sql, -1, &cursor->chunks, NULL);
    if (code != SQLITE_OK) {
        sqlite3_free(base->pVtab->zErrMsg);
        base->pVtab->zErrMsg = sqlite3_mprintf("not a Trenza trace: %s", sqlite3_errmsg(db));
        return code;
    }
    sqlite3_bind_int64(cursor->chunks, 1, cursor->ranges[COLUMN_THREAD_ID].low);
    sqlite3_bind_int64(cursor->chunks, 2, cursor->ranges[COLUMN_THREAD_ID].high);
    cursor->at_end = false;
    cursor->thread_id = -1;
    cursor->next_sequence = 0;
    cursor->left = 0;
    chunk_decoder_init(&cursor->decoder, "", 0, 0);
    return event_next(base);
}

static int event_eof(sqlite3_vtab_cursor *base)
{
    return ((struct event_cursor *)base)->at_end;
}

static void result_id(sqlite3_context *context, uint32_t id)
{
    if (id)
        sqlite3_result_int64(context, id);
}

static int event_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct event_cursor *cursor = (const struct event_cursor *)base;
    const struct trace_event *event = &cursor->event;
    bool is_pair = event->kind == EVENT_COND_WAIT || event->kind == EVENT_COND_WAKE;
    switch ((enum column)column) {
    case COLUMN_THREAD_ID:
        sqlite3_result_int64(context, cursor->thread_id);
        break;
    case COLUMN_SEQUENCE:
        sqlite3_result_int64(context, cursor->sequence);
        break;
    case COLUMN_TICKS:
        sqlite3_result_int64(context, (int64_t)event->ticks);
        break;
    case COLUMN_TIME_NS:
        sqlite3_result_int64(context, time_ns(cursor, event->ticks));
        break;
    case COLUMN_KIND:
        sqlite3_result_text(context, event_name(event->kind), -1, SQLITE_STATIC);
        break;
    case COLUMN_SUBJECT:
        result_id(context, event->subject);
        break;
    case COLUMN_STACK_ID:
        result_id(context, event->stack);
        break;
    case COLUMN_ARG:
        if (!is_pair)
            sqlite3_result_int64(context, event->arg);
        break;
    case COLUMN_MUTEX_ID:
        if (is_pair)
            result_id(context, chunk_arg_object(event->arg));
        break;
    case COLUMN_CODE:
        if (is_pair)
            sqlite3_result_int64(context, chunk_arg_code(event->arg));
        break;
    case COLUMNS:
        break;
    }
    return SQLITE_OK;
}

static int event_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
    const struct event_cursor *cursor = (const struct event_cursor *)base;
    *ret_rowid = (int64_t)((uint64_t)cursor->thread_id << 40 | (uint64_t)cursor->sequence);
    return SQLITE_OK;
}

static const sqlite3_module event_module = {
    .xConnect = event_connect, // no xCreate: the table is there without being created, and only so
    .xBestIndex = event_best_index,
    .xDisconnect = event_disconnect,
    .xOpen = event_open,
    .xClose = event_close,
    .xFilter = event_filter,
    .xNext = event_next,
    .xEof = event_eof,
    .xColumn = event_column,
    .xRowid = event_rowid,
};

int sql_table_register(sqlite3 *db)
{
    return sqlite3_create_module(db, "event", &event_module, NULL);
}

#ifndef SQLITE_CORE
// The name that SQLite derives from the file name, libtrenza-sqlite.so.
__attribute__((visibility("default"))) int sqlite3_trenzasqlite_init(
    sqlite3 *db, char **ret_message, const sqlite3_api_routines *api);

int sqlite3_trenzasqlite_init(sqlite3 *db, char **ret_message, const sqlite3_api_routines *api)
{
    (void)ret_message;
    SQLITE_EXTENSION_INIT2(api);
    return sql_table_register(db);
}
#endif
