// SPDX-License-Identifier: MIT
// Deadlock or not? Small wait-for graphs, and large random ones against a slow search.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch.h"

#define HOLDS(...)                                                                                           \
    .holds = (const struct watch_hold[]){ __VA_ARGS__ },                                                     \
    .n_holds = sizeof((const struct watch_hold[]){ __VA_ARGS__ }) / sizeof(struct watch_hold)

static size_t cycle[64];

static void two_locks_two_orders(void **state)
{
    (void)state;
    const struct watch_thread threads[] = {
        { .id = 7, .wait = WATCH_RUNS },
        { .id = 8, .wait = WATCH_EXCLUSIVE, .target = 2, HOLDS({ 1, false }) },
        { .id = 9, .wait = WATCH_EXCLUSIVE, .target = 1, HOLDS({ 2, false }) },
    };
    assert_int_equal(watch_find_cycle(threads, 3, cycle), 2);
    assert_int_equal(cycle[0], 1);
    assert_int_equal(cycle[1], 2);
    // The owner of what the first waits for runs: it will give it back.
    assert_int_equal(watch_find_cycle(threads, 2, cycle), 0);
}

static void lock_twice(void **state)
{
    (void)state;
    struct watch_thread thread = { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 5, false }) };
    assert_int_equal(watch_find_cycle(&thread, 1, cycle), 1);
    assert_int_equal(cycle[0], 0);
    thread.recursive = true;
    assert_int_equal(watch_find_cycle(&thread, 1, cycle), 0);
}

static void reader_becomes_writer(void **state)
{
    (void)state;
    const struct watch_thread one = { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 5, true }) };
    assert_int_equal(watch_find_cycle(&one, 1, cycle), 1);
    const struct watch_thread two[] = {
        { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 6, true }) },
        { .id = 2, .wait = WATCH_SHARED, .target = 6, HOLDS({ 5, true }) },
    };
    // Readers do not keep readers out.
    assert_int_equal(watch_find_cycle(two, 2, cycle), 0);
}

static void reader_behind_waiting_writer(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1, .wait = WATCH_SHARED, .target = 5, HOLDS({ 5, true }) },
        { .id = 2, .wait = WATCH_EXCLUSIVE, .target = 5 },
    };
    assert_int_equal(watch_find_cycle(threads, 2, cycle), 0);
    threads[0].after_writers = true;
    assert_int_equal(watch_find_cycle(threads, 2, cycle), 2);
}

static void any_owner_closes_the_cycle(void **state)
{
    (void)state;
    const struct watch_thread threads[] = {
        { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 9, false }) },
        { .id = 2, .wait = WATCH_RUNS, HOLDS({ 5, true }) },
        { .id = 3, .wait = WATCH_EXCLUSIVE, .target = 9, HOLDS({ 5, true }) },
    };
    assert_int_equal(watch_find_cycle(threads, 3, cycle), 2);
}

static void join_of_one_that_needs_my_lock(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1, .wait = WATCH_JOIN, .target = 2, HOLDS({ 5, false }) },
        { .id = 2, .wait = WATCH_EXCLUSIVE, .target = 5 },
    };
    assert_int_equal(watch_find_cycle(threads, 2, cycle), 2);
    threads[1].wait = WATCH_RUNS;
    assert_int_equal(watch_find_cycle(threads, 2, cycle), 0);
    threads[0].target = 77; // a thread that is gone
    assert_int_equal(watch_find_cycle(threads, 2, cycle), 0);
}

static void objects_and_threads_are_not_mixed_up(void **state)
{
    (void)state;
    // Thread 2 is joined; object 2 is held: the same number, and no cycle.
    const struct watch_thread threads[] = {
        { .id = 1, .wait = WATCH_JOIN, .target = 2, HOLDS({ 2, false }) },
        { .id = 2, .wait = WATCH_EXCLUSIVE, .target = 3 },
        { .id = 3, .wait = WATCH_RUNS, HOLDS({ 3, false }) },
    };
    assert_int_equal(watch_find_cycle(threads, 3, cycle), 0);
}

// --- random graphs ---

#define THREADS 8
#define OBJECTS 6

static bool waits_for(const struct watch_thread *a, const struct watch_thread *b)
{
    if (a->wait == WATCH_JOIN)
        return b->id == a->target;
    if (a->wait == WATCH_SHARED && a->after_writers && b != a && b->wait == WATCH_EXCLUSIVE &&
        b->target == a->target)
        return true;
    for (size_t i = 0; i < b->n_holds; i++)
        if (a->wait != WATCH_RUNS && b->holds[i].object == a->target &&
            (a->wait == WATCH_EXCLUSIVE || !b->holds[i].shared) && !(a == b && a->recursive))
            return true;
    return false;
}

// Transitive closure over all pairs.
static bool has_cycle(const struct watch_thread *threads)
{
    bool reaches[THREADS][THREADS];
    for (size_t i = 0; i < THREADS; i++)
        for (size_t k = 0; k < THREADS; k++)
            reaches[i][k] = waits_for(&threads[i], &threads[k]);
    for (size_t middle = 0; middle < THREADS; middle++)
        for (size_t i = 0; i < THREADS; i++)
            for (size_t k = 0; k < THREADS; k++)
                reaches[i][k] |= reaches[i][middle] && reaches[middle][k];
    for (size_t i = 0; i < THREADS; i++)
        if (reaches[i][i])
            return true;
    return false;
}

static void random_graphs(void **state)
{
    (void)state;
    srandom(20260727);
    unsigned cycles = 0;
    for (int round = 0; round < 20000; round++) {
        struct watch_hold holds[THREADS][2];
        struct watch_thread threads[THREADS];
        for (uint32_t i = 0; i < THREADS; i++) {
            size_t n = (size_t)random() % 3;
            for (size_t k = 0; k < n; k++)
                holds[i][k] = (struct watch_hold){ 1 + (uint32_t)random() % OBJECTS, random() % 2 };
            threads[i] = (struct watch_thread){ .id = 1 + i,
                .wait = (enum watch_wait)(random() % 4),
                .target = 1 + (uint32_t)random() % OBJECTS,
                .recursive = random() % 2,
                .after_writers = random() % 2,
                .holds = holds[i],
                .n_holds = n };
        }
        size_t length = watch_find_cycle(threads, THREADS, cycle);
        assert_int_equal(length > 0, has_cycle(threads));
        for (size_t i = 0; i < length; i++)
            assert_true(waits_for(&threads[cycle[i]], &threads[cycle[(i + 1) % length]]));
        cycles += length > 0;
    }
    // Both outcomes must be common, or this test says little.
    assert_in_range(cycles, 2000, 18000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_locks_two_orders),
        cmocka_unit_test(lock_twice),
        cmocka_unit_test(reader_becomes_writer),
        cmocka_unit_test(reader_behind_waiting_writer),
        cmocka_unit_test(any_owner_closes_the_cycle),
        cmocka_unit_test(join_of_one_that_needs_my_lock),
        cmocka_unit_test(objects_and_threads_are_not_mixed_up),
        cmocka_unit_test(random_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
