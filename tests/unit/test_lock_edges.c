// SPDX-License-Identifier: MIT
// Counts and first places of edges, compared with a plain matrix, when they come in several tables and in any order of ranks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <stdbool.h>

#include "lock_edges.h"

enum { LOCKS = 60, TABLES = 3, ADDED = 20000 };

struct expected {
    uint32_t count;
    uint32_t rank;
    uint32_t thread_id;
};

static void test_all_tables_together(void **state)
{
    (void)state;
    static struct expected expected[LOCKS + 1][LOCKS + 1];
    struct lock_edges *tables[TABLES];
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    for (unsigned i = 0; i < TABLES; i++)
        tables[i] = lock_edges_new();
    for (unsigned i = 0; i < ADDED; i++) {
        // A rank belongs to one table, as a lane to one worker.
        const uint32_t rank = (uint32_t)g_rand_int_range(random, 0, 12);
        const uint32_t held = (uint32_t)g_rand_int_range(random, 1, LOCKS);
        const uint32_t taken = (uint32_t)g_rand_int_range(random, 1, LOCKS);
        const struct lock_edge edge = { .held = held,
            .taken = taken,
            .count = 1,
            .thread_id = i,
            .held_stack = i + 1,
            .taken_stack = i + 2 };
        struct expected *one = &expected[held][taken];
        if (!one->count || rank < one->rank) {
            one->rank = rank;
            one->thread_id = i;
        }
        one->count++;
        lock_edges_add(tables[rank % TABLES], &edge, rank);
    }
    for (unsigned i = 1; i < TABLES; i++)
        lock_edges_add_all(tables[0], tables[i]);
    g_autoptr(GArray) all = lock_edges_sorted(tables[0]);
    unsigned at = 0;
    for (uint32_t held = 1; held < LOCKS; held++)
        for (uint32_t taken = 1; taken < LOCKS; taken++) {
            const struct expected *one = &expected[held][taken];
            if (!one->count)
                continue;
            assert_true(at < all->len);
            const struct lock_edge *edge = &g_array_index(all, struct lock_edge, at++);
            assert_int_equal(edge->held, held);
            assert_int_equal(edge->taken, taken);
            assert_int_equal(edge->count, one->count);
            assert_int_equal(edge->thread_id, one->thread_id);
            assert_int_equal(edge->held_stack, one->thread_id + 1);
            assert_int_equal(edge->taken_stack, one->thread_id + 2);
        }
    assert_int_equal(at, all->len);
    for (unsigned i = 0; i < TABLES; i++)
        lock_edges_free(tables[i]);
}

static void test_none(void **state)
{
    (void)state;
    struct lock_edges *edges = lock_edges_new();
    g_autoptr(GArray) all = lock_edges_sorted(edges);
    assert_int_equal(all->len, 0);
    lock_edges_free(edges);
    lock_edges_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_tables_together),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests_name("lock_edges", tests, NULL, NULL);
}
