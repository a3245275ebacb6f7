// SPDX-License-Identifier: MIT
// The table `event`: every event is a row, every condition gives what a plain scan gives, and it can be loaded elsewhere.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store.h"
#include "store_fixture.h"

#define THREADS 3
#define EVENTS 2500

static int take_text(int columns, const char *const *names, const char *const *values, void *data)
{
    (void)names;
    char *text = data;
    for (int i = 0; i < columns; i++) {
        strcat(text, values[i] ? values[i] : "-");
        strcat(text, i + 1 < columns ? "|" : ";");
    }
    return 0;
}

// The rows as one text: "1|2;3|4;".
static const char *rows_of(struct store *store, const char *sql)
{
    static char text[4096];
    text[0] = '\0';
    if (store_query(store, sql, take_text, text) != 0)
        fail_msg("%s: %s", sql, store_message(store));
    return text;
}

static struct store *open_full_trace(void)
{
    struct store *store = fixture_create("t.db");
    store_set_number(store, "ticks_per_second", 2500000000);
    for (uint32_t id = 1; id <= THREADS; id++)
        fixture_put_events(store, id, EVENTS, 100);
    assert_int_equal(store_close(store), 0);
    return fixture_open("t.db", true);
}

static void put_one_chunk(struct store *store, const struct trace_event *events, size_t n)
{
    uint8_t memory[1024];
    struct chunk_encoder encoder;
    chunk_encoder_init(&encoder, memory, sizeof memory);
    for (size_t i = 0; i < n; i++)
        chunk_encode(&encoder, &events[i]);
    struct trace_chunk chunk = { 1, 0, encoder.first_ticks, encoder.last_ticks, encoder.events, encoder.data,
        encoder.size };
    assert_int_equal(store_put_chunk(store, &chunk), 0);
}

static void columns_tell_an_event(void **state)
{
    (void)state;
    struct trace_event events[] = {
        { 1000, 4, 7, 0, EVENT_ACQUIRE },
        { 1500, 9, 0, chunk_arg_pair(4, 1), EVENT_COND_WAIT },
        { 2000, 9, 8, chunk_arg_pair(4, ETIMEDOUT), EVENT_COND_WAKE },
        { 3000, 0, 0, -5, EVENT_EXIT },
    };
    struct store *store = fixture_create("t.db");
    store_set_number(store, "ticks_per_second", 2500000000);
    put_one_chunk(store, events, 4);
    assert_string_equal(rows_of(store, "SELECT * FROM event"), "1|0|1000|400|acquire|4|7|0|-|-;"
                                                               "1|1|1500|600|cond-wait|9|-|-|4|1;"
                                                               "1|2|2000|800|cond-wake|9|8|-|4|110;"
                                                               "1|3|3000|1200|exit|-|-|-5|-|-;");
    store_close(store);
}

static void every_event_is_a_row(void **state)
{
    (void)state;
    struct store *store = open_full_trace();
    assert_string_equal(rows_of(store, "SELECT thread_id, count(*), min(sequence), max(sequence),"
                                       " count(DISTINCT sequence) FROM event GROUP BY thread_id"),
        "1|2500|0|2499|2500;2|2500|0|2499|2500;3|2500|0|2499|2500;");
    assert_string_equal(rows_of(store, "SELECT count(DISTINCT rowid) FROM event"), "7500;");
    // What the table says and what a cursor says.
    char sql[200], row[100];
    for (uint32_t i = 0; i < EVENTS; i += 331) {
        struct trace_event event = fixture_event(2, i);
        snprintf(sql, sizeof sql,
            "SELECT ticks, kind, subject, ifnull(stack_id, 0), arg FROM event"
            " WHERE thread_id = 2 AND sequence = %u",
            i);
        snprintf(row, sizeof row, "%llu|%s|%u|%u|%lld;", (unsigned long long)event.ticks,
            event_name(event.kind), event.subject, event.stack, (long long)event.arg);
        assert_string_equal(rows_of(store, sql), row);
    }
    store_close(store);
}

// Each condition once as the table may use it, and once hidden from it by a unary plus.
static void conditions_lose_nothing(void **state)
{
    (void)state;
    static const char *const columns[] = { "thread_id", "sequence", "ticks", "time_ns", "subject", "stack_id",
        "arg" };
    static const char *const operators[] = { "=", "<", "<=", ">", ">=", "<>", "IS", "IS NOT" };
    static const char *const values[] = { "0", "1", "2", "3", "6", "1001", "1000.5", "12345", "24992", "-1",
        "'x'", "NULL", "9e18", "-9e30", "9223372036854775807", "x'00'" };
    struct store *store = open_full_trace();
    char plain[200], hidden[200];
    unsigned empty = 0, some = 0;
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
        for (size_t o = 0; o < sizeof operators / sizeof operators[0]; o++)
            for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
                snprintf(plain, sizeof plain, "SELECT count(*), total(rowid) FROM event WHERE %s %s %s",
                    columns[c], operators[o], values[v]);
                snprintf(hidden, sizeof hidden, "SELECT count(*), total(rowid) FROM event WHERE +%s %s %s",
                    columns[c], operators[o], values[v]);
                char *expected = strdup(rows_of(store, hidden));
                assert_string_equal(rows_of(store, plain), expected);
                if (expected[0] == '0')
                    empty++;
                else
                    some++;
                free(expected);
            }
    assert_true(empty > 100 && some > 100);
    // A text that looks like a number is compared as one; this cannot be hidden, so it stands here.
    assert_string_equal(rows_of(store, "SELECT count(*) FROM event WHERE thread_id = '2'"), "2500;");
    store_close(store);
}

static void kinds_and_joins(void **state)
{
    (void)state;
    struct store *store = open_full_trace();
    assert_string_equal(rows_of(store, "SELECT count(*) FROM event WHERE kind = 'acquire'"), "3750;");
    assert_string_equal(
        rows_of(store, "SELECT count(*) FROM event WHERE kind IN ('acquire', 'release')"), "7500;");
    assert_string_equal(rows_of(store, "SELECT count(*) FROM event WHERE kind = 'no-such'"), "0;");
    assert_string_equal(rows_of(store, "SELECT count(*) FROM event WHERE kind = NULL OR kind = 5"), "0;");
    assert_string_equal(
        rows_of(store, "SELECT a.thread_id, count(*) FROM event a JOIN event b ON b.thread_id = a.thread_id"
                       " AND b.sequence = a.sequence + 1 WHERE a.sequence < 10 GROUP BY 1"),
        "1|10;2|10;3|10;");
    store_close(store);
}

static void order_is_kept(void **state)
{
    (void)state;
    struct store *store = open_full_trace();
    assert_string_equal(
        rows_of(store, "SELECT thread_id, sequence FROM event ORDER BY ticks LIMIT 4"), "1|0;2|0;3|0;1|1;");
    assert_string_equal(
        rows_of(store, "SELECT sequence FROM event WHERE thread_id = 2 ORDER BY ticks DESC LIMIT 2"),
        "2499;2498;");
    assert_string_equal(
        rows_of(store, "SELECT sequence FROM event WHERE thread_id = 2 ORDER BY ticks LIMIT 2"), "0;1;");
    assert_string_equal(rows_of(store, "SELECT thread_id, sequence FROM event WHERE thread_id IN (3, 1)"
                                       " ORDER BY thread_id, sequence LIMIT 2"),
        "1|0;1|1;");
    assert_string_equal(
        rows_of(store, "SELECT thread_id FROM event ORDER BY sequence, thread_id LIMIT 4"), "1;2;3;1;");
    assert_null(
        strstr(rows_of(store, "EXPLAIN QUERY PLAN SELECT * FROM event WHERE thread_id = 1 ORDER BY ticks"),
            "TEMP B-TREE"));
    assert_non_null(
        strstr(rows_of(store, "EXPLAIN QUERY PLAN SELECT * FROM event ORDER BY ticks"), "TEMP B-TREE"));
    store_close(store);
}

// A chunk out of the asked-for time is not even unpacked: else the damage in it would be seen.
static void chunks_out_of_range_are_not_read(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    store_set_number(store, "ticks_per_second", 1000000000);
    fixture_put_events(store, 1, 300, 100);
    assert_int_equal(
        store_query(store, "UPDATE chunk SET data = zeroblob(50) WHERE sequence = 1", NULL, NULL), 0);
    assert_string_equal(
        rows_of(store, "SELECT count(*), min(sequence) FROM event WHERE ticks < 1000"), "100|0;");
    assert_string_equal(
        rows_of(store, "SELECT count(*), min(sequence) FROM event WHERE time_ns >= 2000"), "100|200;");
    assert_string_equal(rows_of(store, "SELECT count(*) FROM event WHERE thread_id = 2"), "0;");
    assert_string_equal(rows_of(store, "SELECT ticks FROM event WHERE sequence = 250"), "2501;");
    assert_int_equal(store_query(store, "SELECT count(*) FROM event", take_text, (char[64]){ "" }), -EBADMSG);
    assert_non_null(strstr(store_message(store), "damaged chunk of thread 1"));
    store_close(store);
}

static void any_shell_can_load_it(void **state)
{
    (void)state;
    store_close(open_full_trace());
    const char *extension = getenv("TRENZA_SQLITE_EXTENSION");
    assert_non_null(extension);
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open_v2("t.db", &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(db, extension, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM event", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), THREADS * EVENTS);
    sqlite3_finalize(statement);
    sqlite3_close(db);

    // On what is no trace it says so.
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    assert_int_equal(sqlite3_load_extension(db, extension, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM event", NULL, NULL, NULL), SQLITE_ERROR);
    assert_non_null(strstr(sqlite3_errmsg(db), "not a Trenza trace"));
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(columns_tell_an_event),
        FIXTURE_CASE(every_event_is_a_row),
        FIXTURE_CASE(conditions_lose_nothing),
        FIXTURE_CASE(kinds_and_joins),
        FIXTURE_CASE(order_is_kept),
        FIXTURE_CASE(chunks_out_of_range_are_not_read),
        FIXTURE_CASE(any_shell_can_load_it),
    };
    return cmocka_run_group_tests_name("sql-table", tests, NULL, NULL);
}
