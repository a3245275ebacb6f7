// SPDX-License-Identifier: MIT
// Every piece is done once; the one who shares it out is the only one that is asked, hears of steady progress, and is obeyed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <string.h>

#include "work.h"

enum { PIECES = 500, UNITS = 1000 }; // enough for several workers

struct seen {
    GThread *asker;
    uint32_t done[PIECES];      // atomic: times
    uint32_t busy[WORKERS_MAX]; // atomic: pieces of this worker right now
    uint32_t pieces;            // atomic
    uint32_t stop_after;        // pieces, then the piece itself stops it; 0: never
    double last;
    double no_from; // progress says no from this share on
    unsigned asked;
    unsigned asked_after_no;
};

static void do_piece(struct work *work, unsigned worker, uint32_t number)
{
    struct seen *seen = work->data;
    // Checks are left to the end: a failing assertion must not jump out of another thread.
    if (worker >= WORKERS_MAX || __atomic_fetch_add(&seen->busy[worker], 1, __ATOMIC_SEQ_CST) != 0)
        g_error("two pieces of one worker at once");
    __atomic_fetch_add(&seen->done[number], 1, __ATOMIC_SEQ_CST);
    uint32_t pieces = __atomic_add_fetch(&seen->pieces, 1, __ATOMIC_SEQ_CST);
    if (seen->stop_after && pieces >= seen->stop_after)
        work_stop(work);
    for (unsigned i = 0; i < UNITS / 100; i++)
        work_done(work, worker, 100);
    __atomic_fetch_sub(&seen->busy[worker], 1, __ATOMIC_SEQ_CST);
}

static bool ask(double share, void *data)
{
    struct seen *seen = data;
    assert_ptr_equal(g_thread_self(), seen->asker);
    assert_true(share >= seen->last && share >= 0.25 && share <= 0.75);
    seen->asked_after_no += seen->last >= seen->no_from;
    seen->last = share;
    seen->asked++;
    return share < seen->no_from;
}

static struct work make_work(struct seen *seen)
{
    seen->asker = g_thread_self();
    return (struct work){
        .piece = do_piece,
        .data = seen,
        .n_pieces = PIECES,
        .units = (uint64_t)PIECES * UNITS,
        .progress = ask,
        .progress_data = seen,
        .from = 0.25,
        .to = 0.75,
    };
}

static void test_each_piece_once(void **state)
{
    (void)state;
    struct seen seen = { .no_from = 2 };
    struct work work = make_work(&seen);
    assert_true(work_share(&work));
    for (unsigned i = 0; i < PIECES; i++)
        assert_int_equal(seen.done[i], 1);
    assert_true(seen.asked > 0);
    assert_true(seen.last == 0.75);
}

static void test_no_is_obeyed(void **state)
{
    (void)state;
    struct seen seen = { .no_from = 0.4 };
    struct work work = make_work(&seen);
    assert_false(work_share(&work));
    assert_int_equal(seen.asked_after_no, 0);
    assert_true(seen.pieces < PIECES);
}

static void test_a_piece_may_stop_it(void **state)
{
    (void)state;
    struct seen seen = { .no_from = 2, .stop_after = 10 };
    struct work work = make_work(&seen);
    assert_false(work_share(&work));
    assert_in_range(seen.pieces, 10, 10 + WORKERS_MAX);
}

static void test_little_work_is_done_alone(void **state)
{
    (void)state;
    assert_int_equal(work_workers(PIECES, 1000), 1);
    assert_int_equal(work_workers(1, UINT64_MAX), 1);
    assert_in_range(work_workers(3, UINT64_MAX), 1, 3);
    assert_in_range(work_workers(PIECES, UINT64_MAX), 1, WORKERS_MAX);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    struct work work = { .piece = do_piece, .to = 1 };
    assert_true(work_share(&work));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_piece_once),
        cmocka_unit_test(test_no_is_obeyed),
        cmocka_unit_test(test_a_piece_may_stop_it),
        cmocka_unit_test(test_little_work_is_done_alone),
        cmocka_unit_test(test_nothing_to_do),
    };
    return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
