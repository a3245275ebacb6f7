// SPDX-License-Identifier: MIT
// Held sets, and the order of threads by create and join.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <string.h>

#include "held_set.h"
#include "thread_order.h"

#define MANY 1000u

static struct model_object objects[MANY + 1];

static void add(struct held_set *set, unsigned id, bool shared, uint32_t stack)
{
    objects[id].row.id = id;
    struct hold hold = { .object = &objects[id], .shared = shared, .stack = stack };
    held_set_add(set, &hold);
}

static void test_keeps_the_order_of_acquisition(void **state)
{
    (void)state;
    struct held_set set = { 0 };
    for (unsigned id = 1; id <= 9; id++)
        add(&set, id, false, id);
    assert_true(held_set_release(&set, 3));
    assert_true(held_set_release(&set, 9));
    const unsigned left[] = { 1, 2, 4, 5, 6, 7, 8 };
    assert_int_equal(set.count, 7);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(set.holds[i].object->row.id, left[i]);
    held_set_done(&set);
}

// The order of the ids in an array that is always moved is what any set must have, of few or not.
static void test_sets_of_every_size_keep_their_order(void **state)
{
    (void)state;
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    for (unsigned most = 1; most <= 40; most++) {
        struct held_set set = { 0 };
        unsigned ids[40];
        unsigned n = 0;
        for (unsigned round = 0; round < 500; round++) {
            const unsigned id = (unsigned)g_rand_int_range(random, 1, 60);
            unsigned at = 0;
            while (at < n && ids[at] != id)
                at++;
            const struct hold *hold = held_set_find(&set, id);
            assert_ptr_equal(hold, at < n ? &set.holds[at] : NULL);
            if (at < n) {
                assert_true(held_set_release(&set, id));
                memmove(ids + at, ids + at + 1, (--n - at) * sizeof *ids);
            } else if (n < most) {
                add(&set, id, false, id);
                ids[n++] = id;
            }
            assert_int_equal(set.count, n);
            for (unsigned i = 0; i < n; i++)
                assert_int_equal(set.holds[i].object->row.id, ids[i]);
        }
        held_set_done(&set);
    }
}

static void test_a_large_set_answers_like_a_small_one(void **state)
{
    (void)state;
    struct held_set set = { 0 };
    for (unsigned id = 1; id <= MANY; id++) {
        assert_null(held_set_find(&set, id));
        add(&set, id, false, id);
    }
    add(&set, 7, false, 0); // again
    for (unsigned id = 1; id <= MANY; id += 2)
        assert_int_equal(held_set_release(&set, id), id != 7);
    for (unsigned id = 1; id <= MANY; id++) {
        const struct hold *hold = held_set_find(&set, id);
        assert_int_equal(hold != NULL, id % 2 == 0 || id == 7);
        assert_true(!hold || hold->stack == id);
    }
    held_set_clear(&set);
    for (unsigned id = 1; id <= MANY; id++)
        assert_null(held_set_find(&set, id));
    add(&set, MANY, false, 5);
    assert_true(held_set_drop(&set, MANY));
    assert_null(held_set_find(&set, MANY));
    held_set_done(&set);
}

static void test_recursion_keeps_the_outermost_acquisition(void **state)
{
    (void)state;
    struct held_set set = { 0 };
    add(&set, 1, false, 100);
    add(&set, 1, false, 200);
    assert_int_equal(set.count, 1);
    assert_int_equal(held_set_find(&set, 1)->stack, 100);
    assert_false(held_set_release(&set, 1));
    assert_non_null(held_set_find(&set, 1));
    assert_true(held_set_release(&set, 1));
    assert_null(held_set_find(&set, 1));
    held_set_done(&set);
}

static void test_what_is_not_held_cannot_be_released(void **state)
{
    (void)state;
    struct held_set set = { 0 };
    add(&set, 1, false, 0);
    assert_false(held_set_release(&set, 2));
    assert_false(held_set_drop(&set, 2));
    assert_int_equal(set.count, 1);
    held_set_done(&set);
}

static void test_reader_that_writes_is_a_writer(void **state)
{
    (void)state;
    struct held_set set = { 0 };
    add(&set, 1, true, 0);
    add(&set, 1, true, 0);
    assert_true(held_set_find(&set, 1)->shared);
    add(&set, 1, false, 0);
    assert_false(held_set_find(&set, 1)->shared);
    held_set_done(&set);
}

static void test_create_and_join_order_threads(void **state)
{
    (void)state;
    struct thread_order *order = thread_order_new(5);
    thread_order_create(order, 1, 2); // T1: 0 | 1
    thread_order_create(order, 1, 3); // T1: 1 | 2
    thread_order_join(order, 1, 2);   // T1: 2 | 3
    thread_order_create(order, 1, 4); // T1: 3 | 4
    assert_int_equal(thread_order_segment(order, 1), 4);
    assert_true(thread_order_before(order, 1, 0, 2, 0));
    assert_false(thread_order_before(order, 1, 1, 2, 0));
    assert_true(thread_order_before(order, 2, 0, 1, 3));
    assert_false(thread_order_before(order, 2, 0, 1, 2));
    assert_true(thread_order_before(order, 2, 0, 4, 0)); // joined before the other was created
    assert_false(thread_order_before(order, 4, 0, 2, 0));
    assert_true(thread_order_concurrent(order, 3, 0, 4, 0));
    assert_true(thread_order_concurrent(order, 2, 0, 3, 0));
    assert_false(thread_order_concurrent(order, 2, 0, 4, 0));
    assert_false(thread_order_concurrent(order, 2, 0, 2, 0));
    thread_order_free(order);
}

static void test_order_goes_through_several_threads(void **state)
{
    (void)state;
    struct thread_order *order = thread_order_new(6);
    thread_order_create(order, 1, 2);
    thread_order_create(order, 2, 3); // T3 is a grandchild
    thread_order_join(order, 4, 3);   // somebody else joins it
    thread_order_create(order, 4, 5);
    assert_true(thread_order_before(order, 1, 0, 5, 0));
    assert_true(thread_order_before(order, 2, 0, 5, 0));
    assert_false(thread_order_before(order, 2, 1, 5, 0));
    assert_true(thread_order_before(order, 3, 0, 5, 0));
    assert_false(thread_order_before(order, 5, 0, 3, 0));
    thread_order_free(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_order_of_acquisition),
        cmocka_unit_test(test_sets_of_every_size_keep_their_order),
        cmocka_unit_test(test_a_large_set_answers_like_a_small_one),
        cmocka_unit_test(test_recursion_keeps_the_outermost_acquisition),
        cmocka_unit_test(test_what_is_not_held_cannot_be_released),
        cmocka_unit_test(test_reader_that_writes_is_a_writer),
        cmocka_unit_test(test_create_and_join_order_threads),
        cmocka_unit_test(test_order_goes_through_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
