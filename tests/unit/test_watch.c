// SPDX-License-Identifier: MIT
// Deadlock or not, stuck or not? Small wait-for graphs, and random ones against slow searches.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

#include "watch.h"

#define PERMITS(...)                                                                                         \
    .permits = (const struct watch_hold[]){ __VA_ARGS__ },                                                   \
    .n_permits = sizeof((const struct watch_hold[]){ __VA_ARGS__ }) / sizeof(struct watch_hold)
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
    assert_int_equal(watch_find_cycle(threads, 3, NULL, cycle), 2);
    assert_int_equal(cycle[0], 1);
    assert_int_equal(cycle[1], 2);
    // The owner of what the first waits for runs: it will give it back.
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 0);
}

static void lock_twice(void **state)
{
    (void)state;
    struct watch_thread thread = { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 5, false }) };
    assert_int_equal(watch_find_cycle(&thread, 1, NULL, cycle), 1);
    assert_int_equal(cycle[0], 0);
    thread.recursive = true;
    assert_int_equal(watch_find_cycle(&thread, 1, NULL, cycle), 0);
}

static void reader_becomes_writer(void **state)
{
    (void)state;
    const struct watch_thread one = { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 5, true }) };
    assert_int_equal(watch_find_cycle(&one, 1, NULL, cycle), 1);
    const struct watch_thread two[] = {
        { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 6, true }) },
        { .id = 2, .wait = WATCH_SHARED, .target = 6, HOLDS({ 5, true }) },
    };
    // Readers do not keep readers out.
    assert_int_equal(watch_find_cycle(two, 2, NULL, cycle), 0);
}

static void reader_behind_waiting_writer(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1, .wait = WATCH_SHARED, .target = 5, HOLDS({ 5, true }) },
        { .id = 2, .wait = WATCH_EXCLUSIVE, .target = 5 },
    };
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 0);
    threads[0].after_writers = true;
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 2);
}

static void any_owner_closes_the_cycle(void **state)
{
    (void)state;
    const struct watch_thread threads[] = {
        { .id = 1, .wait = WATCH_EXCLUSIVE, .target = 5, HOLDS({ 9, false }) },
        { .id = 2, .wait = WATCH_RUNS, HOLDS({ 5, true }) },
        { .id = 3, .wait = WATCH_EXCLUSIVE, .target = 9, HOLDS({ 5, true }) },
    };
    assert_int_equal(watch_find_cycle(threads, 3, NULL, cycle), 2);
}

static void join_of_one_that_needs_my_lock(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1, .wait = WATCH_JOIN, .target = 2, HOLDS({ 5, false }) },
        { .id = 2, .wait = WATCH_EXCLUSIVE, .target = 5 },
    };
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 2);
    threads[1].wait = WATCH_RUNS;
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 0);
    threads[0].target = 77; // a thread that is gone
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 0);
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
    assert_int_equal(watch_find_cycle(threads, 3, NULL, cycle), 0);
}

static void semaphores_used_as_locks(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1,
            .wait = WATCH_PERMIT,
            .target = 6,
            .lock_like = true,
            .known = true,
            PERMITS({ 5, false }) },
        { .id = 2,
            .wait = WATCH_PERMIT,
            .target = 5,
            .lock_like = true,
            .known = true,
            PERMITS({ 6, false }) },
    };
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 2);
    threads[1].lock_like = false; // somebody else may post it
    assert_int_equal(watch_find_cycle(threads, 2, NULL, cycle), 0);
    const struct watch_thread twice = {
        .id = 1, .wait = WATCH_PERMIT, .target = 5, .lock_like = true, .known = true, PERMITS({ 5, false })
    };
    assert_int_equal(watch_find_cycle(&twice, 1, NULL, cycle), 0);
    // A permit of several: any of its holders may give one back.
    const struct watch_thread several[] = {
        { .id = 1,
            .wait = WATCH_PERMIT,
            .target = 6,
            .lock_like = true,
            .known = true,
            PERMITS({ 5, false }) },
        { .id = 2,
            .wait = WATCH_PERMIT,
            .target = 5,
            .lock_like = true,
            .known = true,
            PERMITS({ 6, false }) },
        { .id = 3, .wait = WATCH_RUNS, PERMITS({ 6, false }) },
    };
    assert_int_equal(watch_find_cycle(several, 3, NULL, cycle), 0);
}

// --- stuck ---

static bool stuck[64];

static void nobody_left_to_signal(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1, .process = 1, .scope = 1, .wait = WATCH_JOIN, .target = 2 },
        { .id = 2, .process = 1, .scope = 1, .wait = WATCH_EVENT, .target = 9 },
        { .id = 3, .process = 2, .scope = 2, .wait = WATCH_RUNS },
    };
    assert_int_equal(watch_find_stuck(threads, 3, stuck), 2);
    assert_true(stuck[0] && stuck[1] && !stuck[2]);
    assert_int_equal(watch_find_cycle(threads, 3, stuck, cycle), 0);
    // The other process shares the condition.
    threads[1].scope = 0;
    assert_int_equal(watch_find_stuck(threads, 3, stuck), 0);
    // A thread of the same process runs: it may signal, and then the joined thread may end.
    threads[1].scope = 1;
    threads[2].process = 1;
    assert_int_equal(watch_find_stuck(threads, 3, stuck), 0);
}

static void who_runs_may_let_the_signaller_go_on(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1, .process = 1, .scope = 1, .wait = WATCH_EVENT, .target = 9 },
        { .id = 2, .process = 1, .scope = 1, .wait = WATCH_EXCLUSIVE, .target = 5 },
        { .id = 3, .process = 2, .scope = 2, .wait = WATCH_RUNS, HOLDS({ 5, false }) },
    };
    assert_int_equal(watch_find_stuck(threads, 3, stuck), 0);
    // Nested monitor: the waiter itself keeps the lock that the signaller needs.
    threads[2].n_holds = 0;
    threads[0].holds = (const struct watch_hold[]){ { 5, false } };
    threads[0].n_holds = 1;
    assert_int_equal(watch_find_stuck(threads, 3, stuck), 2);
}

static void lock_of_a_thread_that_is_over(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1, .process = 1, .scope = 1, .wait = WATCH_EXCLUSIVE, .target = 9, .owner_gone = true },
        { .id = 2, .process = 1, .scope = 1, .wait = WATCH_RUNS },
    };
    assert_int_equal(watch_find_stuck(threads, 2, stuck), 1);
    assert_true(stuck[0]);
    threads[0].owner_gone = false; // an owner that is not known, not an owner that is gone
    assert_int_equal(watch_find_stuck(threads, 2, stuck), 0);
}

static void any_holder_may_give_a_permit_back(void **state)
{
    (void)state;
    struct watch_thread threads[] = {
        { .id = 1,
            .process = 1,
            .scope = 1,
            .wait = WATCH_PERMIT,
            .target = 9,
            .lock_like = true,
            .known = true },
        { .id = 2, .process = 1, .scope = 1, .wait = WATCH_EXCLUSIVE, .target = 5, PERMITS({ 9, false }) },
        { .id = 3, .process = 1, .scope = 1, .wait = WATCH_RUNS, PERMITS({ 9, false }) },
        { .id = 4, .process = 1, .scope = 1, .wait = WATCH_EXCLUSIVE, .target = 5, .owner_gone = true },
    };
    threads[1].owner_gone = true;
    assert_int_equal(watch_find_stuck(threads, 4, stuck), 2);
    assert_true(!stuck[0]);
    threads[2].n_permits = 0;
    assert_int_equal(watch_find_stuck(threads, 4, stuck), 3);
    threads[0].known = false; // whoever runs may post
    assert_int_equal(watch_find_stuck(threads, 4, stuck), 2);
}

static void deadlock_among_the_stuck(void **state)
{
    (void)state;
    // Two semaphores taken in two orders for the first time: whether they are locks is not known, but nobody is left.
    const struct watch_thread threads[] = {
        { .id = 1, .process = 1, .scope = 1, .wait = WATCH_PERMIT, .target = 6, PERMITS({ 5, false }) },
        { .id = 2, .process = 1, .scope = 1, .wait = WATCH_PERMIT, .target = 5, PERMITS({ 6, false }) },
        { .id = 3, .process = 1, .scope = 1, .wait = WATCH_JOIN, .target = 1 },
    };
    assert_int_equal(watch_find_cycle(threads, 3, NULL, cycle), 0);
    assert_int_equal(watch_find_stuck(threads, 3, stuck), 3);
    assert_int_equal(watch_find_cycle(threads, 3, stuck, cycle), 2);
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
        size_t length = watch_find_cycle(threads, THREADS, NULL, cycle);
        assert_int_equal(length > 0, has_cycle(threads));
        for (size_t i = 0; i < length; i++)
            assert_true(waits_for(&threads[cycle[i]], &threads[cycle[(i + 1) % length]]));
        cycles += length > 0;
    }
    // Both outcomes must be common, or this test says little.
    assert_in_range(cycles, 2000, 18000);
}

// By trying all sets of threads: the union of those no member of which anybody outside could let go on.
static bool set_is_stuck(const struct watch_thread *threads, unsigned set)
{
    for (size_t i = 0; i < THREADS; i++) {
        const struct watch_thread *thread = &threads[i];
        if (!(set >> i & 1))
            continue;
        if (thread->wait == WATCH_RUNS)
            return false;
        bool held_inside = false, somebody_outside = false;
        for (size_t k = 0; k < THREADS; k++) {
            held_inside |= (set >> k & 1) && waits_for(thread, &threads[k]);
            somebody_outside |= !(set >> k & 1) && (!thread->scope || threads[k].process == thread->scope);
        }
        if (thread->wait == WATCH_EVENT ? somebody_outside : !held_inside)
            return false;
    }
    return true;
}

static void random_stuck(void **state)
{
    (void)state;
    srandom(20260728);
    unsigned some = 0;
    for (int round = 0; round < 5000; round++) {
        struct watch_hold holds[THREADS];
        struct watch_thread threads[THREADS];
        for (uint32_t i = 0; i < THREADS; i++) {
            static const enum watch_wait waits[] = { WATCH_RUNS, WATCH_EXCLUSIVE, WATCH_SHARED, WATCH_JOIN,
                WATCH_EVENT, WATCH_EVENT };
            holds[i] = (struct watch_hold){ 1 + (uint32_t)random() % OBJECTS, random() % 2 };
            threads[i] = (struct watch_thread){ .id = 1 + i,
                .wait = waits[(size_t)random() % G_N_ELEMENTS(waits)],
                .target = 1 + (uint32_t)random() % OBJECTS,
                .recursive = random() % 2,
                .after_writers = random() % 2,
                .process = 1 + (uint32_t)random() % 4,
                .holds = &holds[i],
                .n_holds = (size_t)random() % 2 };
            threads[i].scope = random() % 4 ? threads[i].process : 0;
        }
        unsigned expected = 0;
        for (unsigned set = 0; set < 1u << THREADS; set++)
            if (set_is_stuck(threads, set))
                expected |= set;
        watch_find_stuck(threads, THREADS, stuck);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(stuck[i], expected >> i & 1);
        some += expected != 0;
    }
    assert_in_range(some, 500, 4500);
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
        cmocka_unit_test(semaphores_used_as_locks),
        cmocka_unit_test(nobody_left_to_signal),
        cmocka_unit_test(who_runs_may_let_the_signaller_go_on),
        cmocka_unit_test(lock_of_a_thread_that_is_over),
        cmocka_unit_test(any_holder_may_give_a_permit_back),
        cmocka_unit_test(deadlock_among_the_stuck),
        cmocka_unit_test(random_graphs),
        cmocka_unit_test(random_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
