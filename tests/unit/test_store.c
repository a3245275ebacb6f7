// SPDX-License-Identifier: MIT
// The rows of a trace: what is written is read again, and what is damaged is told.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store.h"
#include "store_fixture.h"

static int compare_thread(const struct trace_thread *thread, void *data)
{
    const struct trace_thread **expected = data;
    const struct trace_thread *want = (*expected)++;
    assert_int_equal(thread->id, want->id);
    assert_int_equal(thread->process_id, want->process_id);
    assert_int_equal(thread->serial, want->serial);
    assert_int_equal(thread->tid, want->tid);
    if (want->name)
        assert_string_equal(thread->name, want->name);
    else
        assert_null(thread->name);
    assert_int_equal(thread->start_frame, want->start_frame);
    assert_int_equal(thread->creator_id, want->creator_id);
    assert_int_equal(thread->create_stack, want->create_stack);
    assert_int_equal(thread->started_ticks, want->started_ticks);
    assert_int_equal(thread->ended_ticks, want->ended_ticks);
    assert_int_equal(thread->events, want->events);
    assert_int_equal(thread->lost, want->lost);
    return 0;
}

static void threads_come_back_in_order(void **state)
{
    (void)state;
    static const struct trace_thread threads[] = {
        { 1, 1, 1, 4711, NULL, 0, 0, 0, -1, -1, 0, 0 },
        { 2, 1, 2, 4712, "worker \"ä\"", 7, 1, 9, 0, INT64_MAX, UINT64_MAX, 3 },
        { UINT32_MAX, 1, 3, -1, "", 1, 1, 1, 1, 1, 1, 1 },
    };
    struct store *store = fixture_create("t.db");
    for (size_t i = 3; i-- > 0;)
        assert_int_equal(store_put_thread(store, &threads[i]), 0);
    assert_int_equal(store_put_thread(store, &threads[1]), 0); // replaces itself
    const struct trace_thread *next = threads;
    assert_int_equal(store_each_thread(store, compare_thread, &next), 0);
    assert_ptr_equal(next, threads + 3);
    assert_int_equal(store_close(store), 0);

    store = fixture_open("t.db", true);
    next = threads;
    assert_int_equal(store_each_thread(store, compare_thread, &next), 0);
    assert_ptr_equal(next, threads + 3);
    store_close(store);
}

static int note_process(const struct trace_process *process, void *data)
{
    (void)data;
    assert_int_equal(process->id, 3);
    assert_int_equal(process->pid, 99);
    assert_int_equal(process->parent_id, 0);
    assert_int_equal(process->forked_by, 5);
    assert_string_equal(process->executable, "/bin/x");
    assert_null(process->arguments);
    assert_int_equal(process->started_ticks, 0);
    assert_int_equal(process->ended_ticks, -1);
    assert_string_equal(process->ended_how, "exit");
    assert_int_equal(process->exit_status, 0);
    assert_int_equal(process->threads_unrecorded, 1);
    assert_int_equal(process->objects_unrecorded, 2);
    assert_null(process->stopped);
    return 41;
}

static int note_object(const struct trace_object *object, void *data)
{
    (void)data;
    assert_int_equal(object->id, 8);
    assert_int_equal(object->process_id, 3);
    assert_int_equal(object->kind, OBJECT_SEMAPHORE);
    assert_int_equal(object->flags, OBJECT_NAMED | OBJECT_C11);
    assert_int_equal(object->address, 0xffffffffff600000);
    assert_int_equal(object->value, 12);
    assert_int_equal(object->created_ticks, 1);
    assert_int_equal(object->created_by, 2);
    assert_int_equal(object->create_stack, 0);
    assert_int_equal(object->ended_ticks, -1);
    assert_null(object->ended_how);
    assert_int_equal(object->module_id, 4);
    assert_int_equal(object->module_offset, 0x4010);
    assert_string_equal(object->shared_key, "1:2:3");
    assert_string_equal(object->name, "queue_lock");
    return 42;
}

static int note_module(const struct trace_module *module, void *data)
{
    (void)data;
    assert_int_equal(module->id, 4);
    assert_string_equal(module->path, "/lib/libx.so");
    assert_null(module->build_id);
    return 43;
}

static int note_mapping(const struct trace_mapping *mapping, void *data)
{
    (void)data;
    assert_int_equal(mapping->id, 1);
    assert_int_equal(mapping->process_id, 3);
    assert_int_equal(mapping->module_id, 4);
    assert_int_equal(mapping->start, 0x7f0000000000);
    assert_int_equal(mapping->end, UINT64_MAX);
    assert_int_equal(mapping->bias, 0x8000000000000000);
    assert_int_equal(mapping->loaded_ticks, 5);
    assert_int_equal(mapping->unloaded_ticks, -1);
    return 44;
}

static int note_frame(const struct trace_frame *frame, void *data)
{
    (void)data;
    assert_int_equal(frame->id, 6);
    assert_int_equal(frame->module_id, 0);
    assert_int_equal(frame->offset, UINT64_MAX);
    return 45;
}

static int note_symbol(const struct trace_symbol *symbol, void *data)
{
    unsigned *n = data;
    assert_int_equal(symbol->frame_id, 6);
    assert_int_equal(symbol->depth, *n);
    if (*n == 0) {
        assert_string_equal(symbol->function, "f");
        assert_int_equal(symbol->function_offset, 0);
        assert_string_equal(symbol->file, "/a.c");
        assert_int_equal(symbol->line, 7);
        assert_true(symbol->inlined);
    } else {
        assert_null(symbol->function);
        assert_int_equal(symbol->function_offset, -1);
        assert_null(symbol->file);
        assert_int_equal(symbol->line, 0);
        assert_false(symbol->inlined);
    }
    (*n)++;
    return 0;
}

static void every_field_comes_back(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    struct trace_process process = { 3, 99, 0, 5, "/bin/x", NULL, 0, -1, "exit", 0, 1, 2, NULL };
    struct trace_object object = { 8, 3, OBJECT_SEMAPHORE, OBJECT_NAMED | OBJECT_C11, 0xffffffffff600000, 12,
        1, 2, 0, -1, NULL, 4, 0x4010, "1:2:3", NULL };
    struct trace_module module = { 4, "/lib/libx.so", NULL };
    struct trace_mapping mapping = { 1, 3, 4, 0x7f0000000000, UINT64_MAX, 0x8000000000000000, 5, -1 };
    struct trace_frame frame = { 6, 0, UINT64_MAX };
    struct trace_symbol inner = { 6, 0, "f", 0, "/a.c", 7, true }, outer = { 6, 1, NULL, -1, NULL, 0, false };
    assert_int_equal(store_put_process(store, &process), 0);
    assert_int_equal(store_put_object(store, &object), 0);
    assert_int_equal(store_set_object_name(store, 8, "queue_lock"), 0);
    assert_int_equal(store_put_module(store, &module), 0);
    assert_int_equal(store_put_mapping(store, &mapping), 0);
    assert_int_equal(store_put_frame(store, &frame), 0);
    assert_int_equal(store_put_symbol(store, &outer), 0);
    assert_int_equal(store_put_symbol(store, &inner), 0);
    assert_int_equal(store_close(store), 0);

    store = fixture_open("t.db", true);
    unsigned symbols = 0;
    // What a callback returns comes out: so each has been called.
    assert_int_equal(store_each_process(store, note_process, NULL), 41);
    assert_int_equal(store_each_object(store, note_object, NULL), 42);
    assert_int_equal(store_each_module(store, note_module, NULL), 43);
    assert_int_equal(store_each_mapping(store, note_mapping, NULL), 44);
    assert_int_equal(store_each_frame(store, note_frame, NULL), 45);
    assert_int_equal(store_each_symbol(store, note_symbol, &symbols), 0);
    assert_int_equal(symbols, 2);
    store_close(store);
}

static int note_source(const char *file, int64_t line, const char *text, void *data)
{
    *(int64_t *)data += line;
    assert_string_equal(file, "/a.c");
    assert_string_equal(text, line == 2 ? "two" : "ten");
    return 0;
}

static int note_coverage(uint32_t process_id, const char *what, const char *detail, void *data)
{
    unsigned *n = data;
    assert_int_equal(process_id, *n == 0 ? 0 : 3);
    assert_string_equal(what, *n == 0 ? "static" : "setuid");
    if (*n == 0)
        assert_null(detail);
    else
        assert_string_equal(detail, "/bin/su");
    (*n)++;
    return 0;
}

static int note_incident(uint32_t id, int64_t ticks, const char *what, void *data)
{
    assert_int_equal(ticks, 1000);
    assert_string_equal(what, "deadlock");
    *(uint32_t *)data = id;
    return 0;
}

static int note_incident_thread(const struct trace_incident_thread *thread, void *data)
{
    unsigned *n = data;
    assert_int_equal(thread->thread_id, ++*n);
    assert_string_equal(thread->request, *n == 1 ? "request" : "");
    assert_int_equal(thread->in_cycle, *n == 1);
    assert_int_equal(thread->since_ticks, *n == 1 ? 900 : -1);
    assert_int_equal(thread->object_id, *n == 1 ? 5 : 0);
    return 0;
}

static int note_incident_hold(const struct trace_incident_hold *hold, void *data)
{
    assert_int_equal(hold->thread_id, 1);
    assert_int_equal(hold->object_id, 6);
    assert_int_equal(hold->stack_id, 4);
    assert_true(hold->shared);
    ++*(unsigned *)data;
    return 0;
}

static int note_finding(const char *id, const char *json, void *data)
{
    assert_string_equal(id, "f2");
    assert_string_equal(json, "{}");
    ++*(unsigned *)data;
    return 0;
}

static void incidents_and_the_rest_come_back(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    struct trace_incident_thread threads[] = { { 2, -1, "", 0, 0, 0, false },
        { 1, 900, "request", 5, 0, 3, true } };
    struct trace_incident_hold hold = { 1, 0, 6, 800, 4, true };
    int64_t id = store_put_incident(store, 1000, "deadlock", threads, 2, &hold, 1);
    assert_true(id > 0);
    assert_int_equal(store_put_source(store, "/a.c", 10, "ten"), 0);
    assert_int_equal(store_put_source(store, "/a.c", 2, "two"), 0);
    assert_int_equal(store_put_coverage(store, 0, "static", NULL), 0);
    assert_int_equal(store_put_coverage(store, 3, "setuid", "/bin/su"), 0);
    assert_int_equal(store_put_finding(store, "f1", "deadlock", "observed", "error", "m", "{}"), 0);
    assert_int_equal(store_clear_findings(store), 0);
    assert_int_equal(store_put_finding(store, "f2", "double-lock", NULL, "error", "m", "{}"), 0);
    assert_int_equal(store_set_number(store, "ticks_per_second", 1234), 0);
    assert_int_equal(store_close(store), 0);

    store = fixture_open("t.db", true);
    uint32_t incident = 0;
    unsigned n_threads = 0, n_holds = 0, n_coverage = 0, n_findings = 0;
    int64_t lines = 0;
    assert_int_equal(store_each_incident(store, note_incident, &incident), 0);
    assert_int_equal(incident, id);
    assert_int_equal(store_each_incident_thread(store, incident, note_incident_thread, &n_threads), 0);
    assert_int_equal(n_threads, 2);
    assert_int_equal(store_each_incident_hold(store, incident, note_incident_hold, &n_holds), 0);
    assert_int_equal(n_holds, 1);
    assert_int_equal(store_each_incident_thread(store, incident + 1, note_incident_thread, NULL), 0);
    assert_int_equal(store_each_source(store, note_source, &lines), 0);
    assert_int_equal(lines, 12);
    assert_int_equal(store_each_coverage(store, note_coverage, &n_coverage), 0);
    assert_int_equal(n_coverage, 2);
    assert_int_equal(store_each_finding(store, note_finding, &n_findings), 0);
    assert_int_equal(n_findings, 1);
    assert_int_equal(store_get_number(store, "ticks_per_second", 5), 1234);
    assert_int_equal(store_get_number(store, "nothing", 5), 5);
    assert_null(store_get_text(store, "nothing"));
    store_close(store);
}

static int note_stack(uint32_t id, const uint32_t *frames, size_t depth, bool truncated, void *data)
{
    unsigned *n = data;
    static const size_t depths[] = { 3, 0, 1000 };
    assert_int_equal(id, *n + 1);
    assert_int_equal(depth, depths[*n]);
    assert_int_equal(truncated, *n == 2);
    for (uint32_t i = 0; i < depth; i++)
        assert_int_equal(frames[i], id * 10000 + i);
    (*n)++;
    return 0;
}

static void stacks_come_back(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    uint32_t frames[1000];
    for (uint32_t id = 3; id > 0; id--) {
        for (uint32_t i = 0; i < 1000; i++)
            frames[i] = id * 10000 + i;
        assert_int_equal(store_put_stack(store, id, frames, id == 1 ? 5 : id == 2 ? 0 : 1000, id == 3), 0);
        if (id == 1)
            assert_int_equal(store_put_stack(store, id, frames, 3, false), 0); // shorter than before
    }
    unsigned n = 0;
    assert_int_equal(store_each_stack(store, note_stack, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(store_query(store, "DELETE FROM stack_node WHERE id = 7", NULL, NULL), 0);
    n = 0;
    assert_int_equal(store_each_stack(store, note_stack, &n), -EBADMSG);
    store_close(store);
}

static int note_number(int columns, const char *const *names, const char *const *values, void *data)
{
    (void)columns;
    (void)names;
    *(int *)data = atoi(values[0]);
    return 0;
}

static void stacks_share_their_outer_frames(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    const uint32_t first[] = { 7, 3, 2, 1 }, second[] = { 8, 3, 2, 1 };
    assert_int_equal(store_put_stack(store, 1, first, 4, false), 0);
    assert_int_equal(store_put_stack(store, 2, second, 4, false), 0);
    assert_int_equal(store_put_stack(store, 3, second + 1, 3, true), 0);
    int n = 0;
    assert_int_equal(store_query(store, "SELECT count(*) FROM stack_node", note_number, &n), 0);
    assert_int_equal(n, 5);
    assert_int_equal(store_query(store, "SELECT count(*) FROM stack_frame", note_number, &n), 0);
    assert_int_equal(n, 11);
    assert_int_equal(
        store_query(
            store, "SELECT frame_id FROM stack_frame WHERE stack_id = 2 AND position = 0", note_number, &n),
        0);
    assert_int_equal(n, 8);
    store_close(store);
}

static void cursors_walk_the_chunks(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    fixture_put_events(store, 1, 10000, 1000);
    fixture_put_events(store, 2, 777, 100);
    assert_int_equal(store_close(store), 0);

    store = fixture_open("t.db", true);
    struct store_cursor *cursors[4];
    uint32_t seen[4] = { 0 }, expected[4] = { 0, 10000, 777, 0 };
    struct trace_event event;
    for (uint32_t id = 1; id < 4; id++)
        assert_int_equal(store_cursor_new(store, id, &cursors[id]), 0);
    for (unsigned open = 3; open > 0;) // side by side, as a merge reads them
        for (uint32_t id = 1; id < 4; id++) {
            if (!cursors[id])
                continue;
            int r = store_cursor_next(cursors[id], &event);
            if (r == 1) {
                struct trace_event want = fixture_event(id, seen[id]++);
                assert_memory_equal(&event, &want, offsetof(struct trace_event, kind));
                assert_int_equal(event.kind, want.kind);
                continue;
            }
            assert_int_equal(r, 0);
            assert_int_equal(store_cursor_next(cursors[id], &event), 0); // the end stays the end
            store_cursor_free(cursors[id]);
            cursors[id] = NULL;
            open--;
        }
    assert_memory_equal(seen, expected, sizeof seen);
    store_cursor_free(NULL);
    store_close(store);
}

static void a_damaged_chunk_is_told(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE chunk SET data = substr(data, 1, length(data) - 1) WHERE sequence = 1",
        "UPDATE chunk SET data = x'' WHERE sequence = 1",
        "UPDATE chunk SET events = events + 1 WHERE sequence = 1",
        "UPDATE chunk SET events = events - 1 WHERE sequence = 1",
        "UPDATE chunk SET events = -1 WHERE sequence = 1",
        "UPDATE chunk SET data = zeroblob(100) WHERE sequence = 1",
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct store *store = fixture_create("t.db");
        fixture_put_events(store, 1, 300, 100);
        assert_int_equal(store_query(store, damages[i], NULL, NULL), 0);
        struct store_cursor *cursor;
        struct trace_event event;
        assert_int_equal(store_cursor_new(store, 1, &cursor), 0);
        int r, events = 0;
        while ((r = store_cursor_next(cursor, &event)) == 1)
            events++;
        assert_int_equal(r, -EBADMSG);
        assert_int_equal(store_cursor_next(cursor, &event), -EBADMSG);
        assert_true(events >= 100 && events <= 200);
        assert_non_null(strstr(store_message(store), "damaged"));
        store_cursor_free(cursor);
        store_close(store);
    }
}

static void a_bad_row_hurts_nothing_else(void **state)
{
    (void)state;
    struct store *store = fixture_create("t.db");
    assert_int_equal(store_put_module(store, &(struct trace_module){ 1, NULL, NULL }), -EINVAL);
    assert_non_null(strstr(store_message(store), "module.path"));
    assert_int_equal(store_put_module(store, &(struct trace_module){ 4, "/lib/libx.so", NULL }), 0);
    assert_int_equal(store_each_module(store, note_module, NULL), 43);
    assert_int_equal(store_close(store), 0);
}

static int note_row(int columns, const char *const *names, const char *const *values, void *data)
{
    assert_int_equal(columns, 2);
    assert_string_equal(names[0], "a");
    assert_string_equal(values[0], "1");
    assert_null(values[1]);
    ++*(unsigned *)data;
    return 0;
}

static int stop_at_row(int columns, const char *const *names, const char *const *values, void *data)
{
    (void)columns, (void)names, (void)values, (void)data;
    return 17;
}

static void queries_run(void **state)
{
    (void)state;
    fixture_make_trace("t.db", "x");
    struct store *store = fixture_open("t.db", true);
    unsigned rows = 0;
    assert_int_equal(
        store_query(store, "SELECT 1 AS a, NULL AS b; ; SELECT 1 AS a, NULL -- end", note_row, &rows), 0);
    assert_int_equal(rows, 2);
    assert_int_equal(store_query(store, "SELECT 1 UNION SELECT 2", stop_at_row, NULL), 17);
    assert_int_equal(store_query(store, "SELECT missing", note_row, NULL), -EINVAL);
    assert_non_null(strstr(store_message(store), "no such column: missing"));
    assert_int_equal(store_query(store, "DELETE FROM meta", NULL, NULL), -EROFS);
    store_close(store);
    fixture_assert_fact("t.db", "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(threads_come_back_in_order),
        FIXTURE_CASE(every_field_comes_back),
        FIXTURE_CASE(incidents_and_the_rest_come_back),
        FIXTURE_CASE(stacks_come_back),
        FIXTURE_CASE(stacks_share_their_outer_frames),
        FIXTURE_CASE(cursors_walk_the_chunks),
        FIXTURE_CASE(a_damaged_chunk_is_told),
        FIXTURE_CASE(a_bad_row_hurts_nothing_else),
        FIXTURE_CASE(queries_run),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
