// SPDX-License-Identifier: MIT
// Choices are decided alike by one thread and by several, whatever the bound.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "judges.h"

enum { THREADS = 6, LOCKS = 8, EVENTS = 6000, CASES = 120, HELD_MAX = 4 };

struct worker {
    uint32_t held[HELD_MAX];
    uint32_t positions[HELD_MAX]; // of their acquisitions
    unsigned n_held;
    GArray *wants; // of uint32_t: before which events it wanted a lock while it held one
};

struct world {
    struct prediction_trace *trace;
    struct thread_order *order;
    struct worker workers[THREADS + 1];
    bool taken[LOCKS + 1];
};

static void take(struct world *world, uint32_t thread_id, uint32_t lock)
{
    struct worker *worker = &world->workers[thread_id];
    const uint32_t position = prediction_trace_length(world->trace, thread_id);
    if (worker->n_held)
        g_array_append_val(worker->wants, position);
    struct prediction_event event = {
        .subject = lock, .link = PREDICTION_NEVER, .kind = EVENT_ACQUIRE, .role = PREDICTION_ACQUIRE
    };
    worker->held[worker->n_held] = lock;
    worker->positions[worker->n_held++] = prediction_trace_append(world->trace, thread_id, &event);
    world->taken[lock] = true;
}

static void give(struct world *world, uint32_t thread_id)
{
    struct worker *worker = &world->workers[thread_id];
    const uint32_t lock = worker->held[--worker->n_held];
    struct prediction_event event = {
        .subject = lock, .link = PREDICTION_NEVER, .kind = EVENT_RELEASE, .role = PREDICTION_RELEASE
    };
    const uint32_t position = prediction_trace_append(world->trace, thread_id, &event);
    prediction_trace_event(world->trace, thread_id, worker->positions[worker->n_held])->link = position;
    world->taken[lock] = false;
}

static void make_world(struct world *world, GRand *random)
{
    memset(world, 0, sizeof *world);
    world->trace = prediction_trace_new(THREADS + 1, LOCKS + 1);
    world->order = thread_order_new(THREADS + 1);
    for (unsigned i = 0; i <= THREADS; i++)
        world->workers[i].wants = g_array_new(false, false, sizeof(uint32_t));
    while (world->trace->n_events < EVENTS) {
        const uint32_t thread_id = (uint32_t)g_rand_int_range(random, 1, THREADS + 1);
        const uint32_t lock = (uint32_t)g_rand_int_range(random, 1, LOCKS + 1);
        const struct worker *worker = &world->workers[thread_id];
        if (worker->n_held && (worker->n_held == HELD_MAX || g_rand_boolean(random)))
            give(world, thread_id);
        else if (!world->taken[lock])
            take(world, thread_id, lock);
    }
}

static void free_world(struct world *world)
{
    for (unsigned i = 0; i <= THREADS; i++)
        g_array_unref(world->workers[i].wants);
    prediction_trace_free(world->trace);
    thread_order_free(world->order);
}

// One of its wants in a few dozen; none at all is a choice that lies behind the end of the trace.
static struct graph_instance make_instance(const struct world *world, uint32_t thread_id, GRand *random)
{
    struct graph_instance instance = {
        .thread_id = thread_id,
        .segments = g_array_new(false, true, sizeof(uint32_t)),
        .positions = g_array_new(false, false, sizeof(uint32_t)),
    };
    const int share = g_rand_int_range(random, 0, 60);
    const GArray *wants = world->workers[thread_id].wants;
    g_array_set_size(instance.segments, 1);
    for (unsigned i = 0; i < wants->len && share; i++)
        if (g_rand_int_range(random, 0, share) == 0)
            g_array_append_val(instance.positions, g_array_index(wants, uint32_t, i));
    return instance;
}

static unsigned decide(const struct world *world, const struct pattern_side *sides, const uint8_t *known,
    unsigned threads, uint64_t visits_max, struct judges_case *cases)
{
    const struct judges_options options = { world->trace, world->order, threads, visits_max };
    struct judges *judges = judges_new(&options);
    for (unsigned i = 0; i < CASES; i++)
        cases[i] = (struct judges_case){
            .sides = g_memdup2(&sides[2 * i], 2 * sizeof *sides), .n = 2, .known = known[i]
        };
    // Two rounds: the second one goes on with what the first one has used up.
    unsigned left_out = judges_decide(judges, cases, CASES / 2);
    left_out += judges_decide(judges, cases + CASES / 2, CASES - CASES / 2);
    judges_free(judges);
    return left_out;
}

static void assert_same(const struct judges_case *a, const struct judges_case *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->reached != NULL, b->reached != NULL);
    if (!a->reached)
        return;
    assert_int_equal(a->reached->len, b->reached->len);
    assert_memory_equal(
        a->reached->data, b->reached->data, a->reached->len * sizeof(struct prediction_point));
    for (unsigned i = 0; i < a->n; i++)
        assert_int_equal(a->sides[i].position, b->sides[i].position);
}

static void cases_clear(struct judges_case *cases)
{
    for (unsigned i = 0; i < CASES; i++) {
        g_free(cases[i].sides);
        g_clear_pointer(&cases[i].reached, g_array_unref);
    }
}

static void test_many_decide_like_one(void **state)
{
    (void)state;
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    struct world world;
    make_world(&world, random);
    struct graph_instance instances[2 * CASES];
    struct pattern_side sides[2 * CASES] = { 0 };
    uint8_t known[CASES];
    for (unsigned i = 0; i < 2 * CASES; i++) {
        const uint32_t thread_id =
            1 + (i % 2) * (THREADS / 2) + (uint32_t)g_rand_int_range(random, 0, THREADS / 2);
        instances[i] = make_instance(&world, thread_id, random);
        sides[i].instance = &instances[i];
        known[i / 2] = g_rand_boolean(random) ? PATTERN_IMPOSSIBLE : PATTERN_POTENTIAL;
    }
    static const uint64_t bounds[] = { 0, 20000, 60000, 100000, UINT64_MAX };
    unsigned verdicts[PATTERN_PREDICTED + 1] = { 0 };
    unsigned before = UINT_MAX;
    for (size_t k = 0; k < G_N_ELEMENTS(bounds); k++) {
        struct judges_case one[CASES], many[CASES];
        const unsigned left_out = decide(&world, sides, known, 1, bounds[k], one);
        assert_int_equal(decide(&world, sides, known, 3, bounds[k], many), left_out);
        assert_true(left_out < before); // each bound leaves fewer out than the smaller one
        before = left_out;
        for (unsigned i = 0; i < CASES; i++) {
            assert_same(&one[i], &many[i]);
            verdicts[one[i].verdict]++;
        }
        cases_clear(one);
        cases_clear(many);
    }
    assert_int_equal(before, 0);
    assert_true(verdicts[PATTERN_POTENTIAL] && verdicts[PATTERN_PREDICTED]);
    for (unsigned i = 0; i < 2 * CASES; i++) {
        g_array_unref(instances[i].segments);
        g_array_unref(instances[i].positions);
    }
    free_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_decide_like_one),
    };
    return cmocka_run_group_tests_name("judges", tests, NULL, NULL);
}
