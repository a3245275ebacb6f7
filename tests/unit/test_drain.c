// SPDX-License-Identifier: MIT
// From ring to trace: what a target wrote is what a reader of the trace finds, in order, with the trace's own numbers.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "drain.h"
#include "fake_target.h"
#include "incident.h"
#include "objects.h"
#include "threads.h"

// A recording without threads or sockets: the test itself drains.
struct fixture {
    char folder[64];
    char path[80];
    struct store *store;
    struct session session;
    struct recording recording;
    struct process *process;
    struct wire_segment *segment;
};

static struct process *add_process(struct fixture *fixture, struct wire_segment **ret_segment)
{
    struct process *process = process_new(4242, NULL, NULL);
    int fd = memfd_create("segment", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, (off_t)WIRE_SEGMENT_BYTES(16)), 0);
    struct segment *segment = segment_new(fd, 16);
    assert_non_null(segment);
    close(fd);
    process_add_segment(process, segment);
    process->id = fixture->recording.ids.next_process++;
    *ret_segment = segment->shared;
    return process;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/trenza-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/t.db", fixture->folder);
    assert_int_equal(store_create(fixture->path, &fixture->store), 0);
    clock_start(&fixture->session.clock);
    recording_init(&fixture->recording, fixture->store, &fixture->session);
    fixture->process = add_process(fixture, &fixture->segment);
    *state = fixture;
    return 0;
}

static void drain(struct fixture *fixture)
{
    while (drain_process(&fixture->recording, fixture->process) > 0)
        ;
}

// The process ends; the trace is read from now on.
static void close_recording(struct fixture *fixture)
{
    fixture->process->over = true;
    drain_close_process(&fixture->recording, fixture->process);
    assert_false(fixture->recording.writer.failed);
    assert_int_equal(store_commit(fixture->store), 0);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    process_free(fixture->process);
    recording_done(&fixture->recording);
    assert_int_equal(store_close(fixture->store), 0);
    unlink(fixture->path);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

// --- reading ---

#define EVENTS_MAX 64

static size_t read_events(struct fixture *fixture, uint32_t thread_id, struct trace_event *ret_events)
{
    struct store_cursor *cursor;
    assert_int_equal(store_cursor_new(fixture->store, thread_id, &cursor), 0);
    size_t n = 0;
    int result;
    while (n < EVENTS_MAX && (result = store_cursor_next(cursor, &ret_events[n])) == 1)
        n++;
    store_cursor_free(cursor);
    return n;
}

struct found_threads {
    struct trace_thread rows[EVENTS_MAX];
    char names[EVENTS_MAX][17];
    size_t n;
};

static int keep_thread(const struct trace_thread *row, void *data)
{
    struct found_threads *found = data;
    assert_true(found->n < EVENTS_MAX);
    found->rows[found->n] = *row;
    strcpy(found->names[found->n++], row->name ? row->name : "");
    return 0;
}

static int count_thread(const struct trace_thread *row, void *data)
{
    uint64_t *counts = data;
    counts[0]++;
    counts[1] += row->events;
    return 0;
}

static int keep_object(const struct trace_object *row, void *data)
{
    struct trace_object *kept = data;
    kept[row->id] = *row;
    return 0;
}

struct found_name {
    uint32_t id;
    uint32_t flags;
    char name[WIRE_OBJECT_NAME_BYTES];
};

static int keep_name(const struct trace_object *row, void *data)
{
    struct found_name *found = data;
    if (row->id != found->id)
        return 0;
    found->flags = row->flags;
    strcpy(found->name, row->name ? row->name : "");
    return 0;
}

// --- tests ---

static void events_keep_their_order_and_meaning(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread thread = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    fake_mutex(&thread, 1, 0);
    fake_plain(&thread, EVENT_REQUEST, 1, 0);
    fake_plain(&thread, EVENT_ACQUIRE, 1, 0);
    fake_event(&thread, EVENT_FAIL, 1, 0, EBUSY, NULL, 0);
    uint64_t child_pid[2] = { 99, 0 };
    fake_event(&thread, EVENT_FORK, 0, 0, 0, child_pid, 2);
    struct wire_object cond = { .address = 0x2000, .kind = OBJECT_COND };
    fake_object(&thread, 2, &cond);
    uint64_t mutex_timed[2] = { 1, 1 };
    fake_event(&thread, EVENT_COND_WAIT, 2, 0, 0, mutex_timed, 2);
    fake_event(&thread, EVENT_COND_WAKE, 2, 0, ETIMEDOUT, mutex_timed, 2);
    fake_plain(&thread, EVENT_RELEASE, 1, 0);
    drain(fixture);
    close_recording(fixture);

    struct trace_event events[EVENTS_MAX];
    assert_int_equal(read_events(fixture, 1, events), 10);
    const uint8_t kinds[] = { EVENT_THREAD_START, EVENT_OBJECT, EVENT_REQUEST, EVENT_ACQUIRE, EVENT_FAIL,
        EVENT_FORK, EVENT_OBJECT, EVENT_COND_WAIT, EVENT_COND_WAKE, EVENT_RELEASE };
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(events[i].kind, kinds[i]);
        assert_int_equal(events[i].ticks, 10 * (i + 1));
    }
    assert_int_equal(events[0].subject, 1);
    assert_int_equal(events[3].subject, events[1].subject);
    assert_int_equal(events[4].arg, EBUSY);
    assert_int_equal(events[5].arg, 99);
    assert_int_equal(chunk_arg_object(events[7].arg), events[1].subject);
    assert_int_equal(chunk_arg_code(events[7].arg), 1);
    assert_int_equal(chunk_arg_code(events[8].arg), ETIMEDOUT);
}

static void order_of_draining_does_not_matter(void **state)
{
    struct fixture *fixture = *state;
    // Slot 0 is drained before slot 1, which defines the object and creates the thread.
    struct fake_thread maker = fake_thread_start(fixture->segment, NULL, 1, 1, 0);
    struct fake_thread user = fake_thread_start(fixture->segment, NULL, 0, 2, 1);
    fake_plain(&user, EVENT_ACQUIRE, 1, 0);
    fake_plain(&user, EVENT_RELEASE, 1, 0);
    fake_plain(&user, EVENT_OBJECT_ORDERED, 1, 0);
    fake_plain(&maker, EVENT_CREATE, 2, 0);
    uint64_t name[2] = { 0 };
    memcpy(name, "worker", 6);
    fake_event(&maker, EVENT_THREAD_NAME, 2, 0, 0, name, 2);
    fake_mutex(&maker, 1, OBJECT_RECURSIVE);
    drain(fixture);
    close_recording(fixture);

    struct found_threads found = { .n = 0 };
    store_each_thread(fixture->store, keep_thread, &found);
    assert_int_equal(found.n, 2);
    size_t worker = found.rows[0].serial == 2 ? 0 : 1;
    assert_string_equal(found.names[worker], "worker");
    assert_int_equal(found.rows[worker].creator_id, found.rows[1 - worker].id);
    assert_int_equal(found.rows[worker].tid, 1002);
    struct trace_object objects[EVENTS_MAX] = { 0 };
    store_each_object(fixture->store, keep_object, objects);
    struct trace_event events[EVENTS_MAX];
    assert_int_equal(read_events(fixture, found.rows[worker].id, events), 3);
    assert_int_equal(objects[events[1].subject].flags, OBJECT_RECURSIVE | OBJECT_BY_ADDRESS);
}

// Freed by another thread than the one that used it first, whose ring is drained later.
static void ends_are_kept_until_the_object_is_known(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread freer = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    struct fake_thread user = fake_thread_start(fixture->segment, NULL, 1, 2, 1);
    freer.ticks = 5000;
    fake_event(&freer, EVENT_OBJECT_END, 1, 0, WIRE_END_FREED, NULL, 0);
    drain(fixture);
    fake_mutex(&user, 1, 0);
    fake_plain(&user, EVENT_ACQUIRE, 1, 0);
    close_recording(fixture);

    struct trace_object objects[EVENTS_MAX] = { 0 };
    store_each_object(fixture->store, keep_object, objects);
    assert_int_equal(objects[1].id, 1);
    assert_int_equal(objects[1].ended_ticks, 5010);
}

// Named by another thread than the one that used it first, whose ring is drained later.
static void names_are_kept_until_the_object_is_known(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread namer = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    struct fake_thread user = fake_thread_start(fixture->segment, NULL, 1, 2, 1);
    const char *const names[] = { "first", "input queue" };
    for (size_t i = 0; i < 2; i++) {
        uint64_t words[WIRE_OBJECT_NAME_BYTES / 8] = { 0 };
        memcpy(words, names[i], strlen(names[i]));
        fake_event(&namer, EVENT_OBJECT_NAME, 1, 0, 0, words, WIRE_OBJECT_NAME_BYTES / 8);
    }
    drain(fixture);
    fake_mutex(&user, 1, OBJECT_RECURSIVE);
    fake_plain(&user, EVENT_ACQUIRE, 1, 0);
    close_recording(fixture);

    struct found_name found = { .id = 1 };
    store_each_object(fixture->store, keep_name, &found);
    assert_string_equal(found.name, "input queue");
    assert_int_equal(found.flags, OBJECT_RECURSIVE);
}

static int keep_stack(uint32_t id, const uint32_t *frames, size_t depth, bool truncated, void *data)
{
    uint32_t *kept = data;
    assert_true(id < 8 && depth < 8);
    assert_false(truncated);
    kept[id * 8] = (uint32_t)depth;
    memcpy(kept + id * 8 + 1, frames, depth * sizeof *frames);
    return 0;
}

static int keep_frame(const struct trace_frame *row, void *data)
{
    ((struct trace_frame *)data)[row->id] = *row;
    return 0;
}

static void stacks_belong_to_modules(void **state)
{
    struct fixture *fixture = *state;
    fake_module(fixture->segment, "/bin/old", 0x1000, 0x2000, 0x1000, 0);
    // Where an unloaded module was, another one was loaded at tick 35.
    fake_module(fixture->segment, "/lib/one", 0x5000, 0x6000, 0x5000, 5);
    struct fake_thread thread = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    const uint64_t deep[] = { 0x1010, 0x5020, 0x9999 };
    fake_mutex(&thread, 1, 0);
    fake_stack(&thread, 1, deep, 3);
    fake_plain(&thread, EVENT_ACQUIRE, 1, 1);
    drain(fixture);
    atomic_store(&fixture->segment->modules[1].unloaded_ticks, 33);
    atomic_store(&fixture->segment->modules[1].state, 3);
    fake_module(fixture->segment, "/lib/two", 0x5000, 0x6000, 0x5000, 35);
    fake_stack(&thread, 2, deep, 2);
    fake_stack(&thread, 3, deep, 1);
    fake_stack(&thread, 4, deep, 1);
    fake_plain(&thread, EVENT_ACQUIRE_TRY, 1, 2);
    fake_plain(&thread, EVENT_ACQUIRE_TRY, 1, 3);
    fake_plain(&thread, EVENT_ACQUIRE_TRY, 1, 4);
    fake_plain(&thread, EVENT_ACQUIRE_TRY, 1, 5); // defined by nobody
    drain(fixture);
    close_recording(fixture);

    struct trace_event events[EVENTS_MAX];
    assert_int_equal(read_events(fixture, 1, events), 7);
    uint32_t stacks[8 * 8] = { 0 };
    store_each_stack(fixture->store, keep_stack, stacks);
    struct trace_frame frames[EVENTS_MAX] = { 0 };
    store_each_frame(fixture->store, keep_frame, frames);

    const uint32_t *first = stacks + events[2].stack * 8, *second = stacks + events[3].stack * 8;
    assert_int_equal(first[0], 3);
    assert_int_equal(second[0], 2);
    assert_int_equal(first[1], second[1]);
    assert_int_not_equal(first[2], second[2]);
    assert_int_equal(frames[first[1]].offset, 0x10);
    assert_int_equal(frames[first[2]].offset, 0x20);
    assert_int_equal(frames[second[2]].offset, 0x20);
    assert_int_not_equal(frames[first[2]].module_id, frames[second[2]].module_id);
    assert_int_equal(frames[first[3]].module_id, 0);
    assert_int_equal(frames[first[3]].offset, 0x9999);
    assert_int_equal(events[4].stack, events[5].stack);
    assert_int_equal(events[6].stack, 0);
}

static void static_objects_find_their_module_late(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread thread = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    struct wire_object wire = { .address = 0x5040, .kind = OBJECT_MUTEX };
    fake_object(&thread, 1, &wire);
    drain(fixture);
    objects_flush(&fixture->recording);
    fake_module(fixture->segment, "/lib/one", 0x5000, 0x6000, 0x4000, 5);
    close_recording(fixture);
    struct trace_object objects[EVENTS_MAX] = { 0 };
    store_each_object(fixture->store, keep_object, objects);
    assert_int_equal(objects[1].module_id, 1);
    assert_int_equal(objects[1].module_offset, 0x1040);
}

#define GENERATIONS 3000u

static void slots_are_used_again(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t serial = 1; serial <= GENERATIONS; serial++) {
        struct fake_thread thread = fake_thread_start(fixture->segment, NULL, serial % 4, serial, 0);
        const uint64_t frame = 0x1000 + serial % 3;
        if (serial % 2)
            fake_stack(&thread, 1, &frame, 1);
        fake_mutex(&thread, serial, 0);
        fake_plain(&thread, EVENT_ACQUIRE, serial, 1);
        fake_plain(&thread, EVENT_THREAD_END, serial, 0);
        fake_plain(&thread, EVENT_RELEASE, serial, 0); // a late destructor
        if (serial % 100 == 0)
            drain(fixture);
    }
    close_recording(fixture);
    uint64_t counts[2] = { 0 };
    store_each_thread(fixture->store, count_thread, counts);
    assert_int_equal(counts[0], GENERATIONS);
    assert_int_equal(counts[1], 5 * GENERATIONS);
    assert_int_equal(fixture->recording.events, 5 * GENERATIONS);
    for (uint32_t id = 1; id <= GENERATIONS; id++) {
        struct trace_event events[EVENTS_MAX];
        assert_int_equal(read_events(fixture, id, events), 5);
        assert_int_equal(events[4].kind, EVENT_RELEASE);
        // Stacks of the slot's former thread are forgotten.
        if (events[2].stack == 0)
            counts[0]--;
    }
    assert_int_equal(counts[0], GENERATIONS / 2);
}

static void many_events_in_growing_chunks(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread thread = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    fake_mutex(&thread, 1, 0);
    for (int i = 0; i < 100000; i++) {
        fake_plain(&thread, EVENT_ACQUIRE, 1, 0);
        fake_plain(&thread, EVENT_RELEASE, 1, 0);
        if (i % 1000 == 0)
            drain(fixture);
        if (i % 7000 == 0)
            threads_flush(&fixture->recording, fixture->process);
    }
    close_recording(fixture);
    struct store_cursor *cursor;
    struct trace_event event;
    uint64_t n = 0, last = 0;
    assert_int_equal(store_cursor_new(fixture->store, 1, &cursor), 0);
    while (store_cursor_next(cursor, &event) == 1) {
        n++;
        assert_int_equal(event.ticks, last + 10);
        last = event.ticks;
        if (n > 2)
            assert_int_equal(event.kind, n % 2 ? EVENT_ACQUIRE : EVENT_RELEASE);
    }
    store_cursor_free(cursor);
    assert_int_equal(n, 200002);
}

static void losses_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread thread = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    fake_mutex(&thread, 1, 0);
    fake_plain(&thread, EVENT_ACQUIRE, 1, 0);
    uint64_t lost[2] = { 5, 0 };
    fake_event(&thread, EVENT_LOST, 0, 0, 0, lost, 2);
    atomic_store(&thread.control->lost, 8); // three more since
    drain(fixture);
    // Whether it still holds the lock is not known.
    assert_int_equal(thread_find(fixture->process, 1)->held.n, 0);
    close_recording(fixture);
    assert_int_equal(fixture->recording.lost, 8);
    struct found_threads found = { .n = 0 };
    store_each_thread(fixture->store, keep_thread, &found);
    assert_int_equal(found.rows[0].lost, 8);
    struct trace_event events[EVENTS_MAX];
    assert_int_equal(read_events(fixture, 1, events), 4);
    assert_int_equal(events[3].arg, 5);
}

static void nonsense_does_no_harm(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread thread = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    srandom(1);
    for (int i = 0; i < 200000; i++) {
        uint64_t words[4] = { (uint64_t)random() << 32 | (uint64_t)random(), (uint64_t)random(), 0, 0 };
        unsigned kind = (unsigned)random() % 256;
        if (kind == EVENT_THREAD_START || kind == EVENT_STACK)
            continue;
        fake_event(&thread, (enum event_kind)kind, (uint32_t)(random() << (random() % 20)),
            (uint16_t)random(), (uint16_t)random(), words, random() % 2 ? 2 : 0);
        if (i % 2000 == 0)
            drain(fixture);
    }
    drain(fixture);
    // A head that runs ahead of what a ring can hold.
    atomic_store(&thread.control->head, atomic_load(&thread.control->tail) + WIRE_RING_EVENTS + 1);
    assert_int_equal(drain_process(&fixture->recording, fixture->process), 0);
    assert_true(fixture->process->damaged_events > 0);
    close_recording(fixture);
}

// --- holding and waiting ---

static void hold_release_recursion(void **state)
{
    struct fixture *fixture = *state;
    struct fake_thread thread = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    fake_mutex(&thread, 1, 0);
    fake_mutex(&thread, 2, OBJECT_RECURSIVE);
    struct wire_object semaphore = { .address = 0x3000, .kind = OBJECT_SEMAPHORE };
    fake_object(&thread, 3, &semaphore);
    fake_plain(&thread, EVENT_ACQUIRE, 1, 0);
    fake_plain(&thread, EVENT_ACQUIRE, 2, 0);
    fake_plain(&thread, EVENT_ACQUIRE, 2, 0);
    fake_plain(&thread, EVENT_ACQUIRE, 3, 0);
    drain(fixture);
    struct thread *seen = thread_find(fixture->process, 1);
    assert_int_equal(seen->held.n, 2);
    fake_plain(&thread, EVENT_RELEASE, 2, 0);
    drain(fixture);
    assert_int_equal(seen->held.n, 2);
    fake_plain(&thread, EVENT_RELEASE, 2, 0);
    fake_plain(&thread, EVENT_RELEASE, 1, 0);
    fake_event(&thread, EVENT_RELEASE_FAILED, 1, 0, EPERM, NULL, 0);
    drain(fixture);
    assert_int_equal(seen->held.n, 1);
    assert_int_equal(seen->held.items[0].object, 1);
    close_recording(fixture);
}

static int count_incident(uint32_t id, int64_t ticks, const char *what, void *data)
{
    (void)id;
    (void)ticks;
    assert_string_equal(what, "deadlock");
    ++*(int *)data;
    return 0;
}

static int keep_waiter(const struct trace_incident_thread *row, void *data)
{
    ((struct trace_incident_thread *)data)[row->thread_id] = *row;
    return 0;
}

// Times of fake events lie at the recording's start; a look believes that they are long ago.
static bool look_twice(struct fixture *fixture, GPtrArray *processes)
{
    drain(fixture);
    if (incident_look(&fixture->recording, processes))
        return true;
    return incident_look(&fixture->recording, processes);
}

static void deadlock_is_seen_once(void **state)
{
    struct fixture *fixture = *state;
    g_autoptr(GPtrArray) processes = g_ptr_array_new();
    g_ptr_array_add(processes, fixture->process);
    struct fake_thread one = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    struct fake_thread two = fake_thread_start(fixture->segment, NULL, 1, 2, 1);
    struct fake_thread three = fake_thread_start(fixture->segment, NULL, 2, 3, 1);
    fake_mutex(&one, 1, 0);
    fake_mutex(&one, 2, 0);
    fake_plain(&one, EVENT_ACQUIRE, 1, 0);
    fake_plain(&two, EVENT_ACQUIRE, 2, 0);
    fake_plain(&one, EVENT_REQUEST, 2, 0);
    fake_plain(&three, EVENT_REQUEST, 1, 0);
    usleep(250000);
    assert_false(look_twice(fixture, processes));
    fake_plain(&two, EVENT_REQUEST_TIMED, 1, 0);
    assert_false(look_twice(fixture, processes));
    fake_event(&two, EVENT_FAIL, 1, 0, ETIMEDOUT, NULL, 0);
    fake_plain(&two, EVENT_REQUEST, 1, 0);
    assert_true(look_twice(fixture, processes));
    assert_false(look_twice(fixture, processes));
    close_recording(fixture);

    int incidents = 0;
    store_each_incident(fixture->store, count_incident, &incidents);
    assert_int_equal(incidents, 1);
    struct trace_incident_thread waiters[4] = { 0 };
    store_each_incident_thread(fixture->store, 1, keep_waiter, waiters);
    assert_true(waiters[1].in_cycle && waiters[2].in_cycle && !waiters[3].in_cycle);
    assert_int_equal(waiters[1].object_id, 2);
    assert_int_equal(waiters[2].object_id, 1);
    assert_int_equal(waiters[3].object_id, 1);
}

static void given_back_by_another_is_no_deadlock(void **state)
{
    struct fixture *fixture = *state;
    g_autoptr(GPtrArray) processes = g_ptr_array_new();
    g_ptr_array_add(processes, fixture->process);
    struct fake_thread one = fake_thread_start(fixture->segment, NULL, 0, 1, 0);
    struct fake_thread two = fake_thread_start(fixture->segment, NULL, 1, 2, 1);
    fake_mutex(&one, 1, 0);
    fake_plain(&one, EVENT_ACQUIRE, 1, 0);
    two.ticks = one.ticks;
    fake_plain(&two, EVENT_RELEASE, 1, 0);
    one.ticks = two.ticks;
    fake_plain(&one, EVENT_REQUEST, 1, 0);
    usleep(250000);
    assert_false(look_twice(fixture, processes));
    close_recording(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_keep_their_order_and_meaning),
        TEST(order_of_draining_does_not_matter),
        TEST(ends_are_kept_until_the_object_is_known),
        TEST(names_are_kept_until_the_object_is_known),
        TEST(stacks_belong_to_modules),
        TEST(static_objects_find_their_module_late),
        TEST(slots_are_used_again),
        TEST(many_events_in_growing_chunks),
        TEST(losses_are_told),
        TEST(nonsense_does_no_harm),
        TEST(hold_release_recursion),
        TEST(deadlock_is_seen_once),
        TEST(given_back_by_another_is_no_deadlock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
