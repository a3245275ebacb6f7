// SPDX-License-Identifier: MIT
// A trace long enough to be built by several workers at once: its histories, sums and edges are those that a plain look at the lanes, and
// whoever made up the trace, count.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <string.h>

#include "timeline.h"
#include "trace_builder.h"

enum { THREADS = 6, LOCKS = 12, EVENTS = 130000, DEPTH = 3 };

struct thread {
    unsigned held[DEPTH]; // in order
    unsigned n_held;
    unsigned wanted; // asked for already; 0: nothing
};

struct made {
    struct trace_builder *builder;
    struct model *model;
    struct timeline *timeline;
    struct thread threads[THREADS];
    unsigned owner[LOCKS + 1]; // 0: none
    unsigned edges[LOCKS + 1][LOCKS + 1];
    unsigned acquired[LOCKS + 1];
    unsigned asked[LOCKS + 1];
};

static void tell(GString *script, unsigned thread, const char *what, unsigned lock)
{
    g_string_append_printf(script, "T%u %s l%u;", thread + 1, what, lock);
}

static void acquire(struct made *made, GString *script, unsigned number, unsigned lock)
{
    struct thread *thread = &made->threads[number];
    for (unsigned i = 0; i < thread->n_held; i++)
        made->edges[thread->held[i]][lock]++;
    thread->held[thread->n_held++] = lock;
    thread->wanted = 0;
    made->owner[lock] = number + 1;
    made->acquired[lock]++;
    tell(script, number, "acquire", lock);
}

static void release(struct made *made, GString *script, unsigned number)
{
    struct thread *thread = &made->threads[number];
    unsigned lock = thread->held[--thread->n_held];
    made->owner[lock] = 0;
    tell(script, number, "release", lock);
}

// One event of a thread, or none.
static bool step(struct made *made, GString *script, GRand *random, unsigned number)
{
    struct thread *thread = &made->threads[number];
    if (thread->wanted) {
        if (made->owner[thread->wanted])
            return false;
        acquire(made, script, number, thread->wanted);
        return true;
    }
    if (thread->n_held == DEPTH || (thread->n_held && g_rand_boolean(random))) {
        release(made, script, number);
        return true;
    }
    // In one order, so that nobody waits for ever.
    unsigned above = thread->n_held ? thread->held[thread->n_held - 1] : 0;
    if (above == LOCKS)
        return false;
    unsigned lock = (unsigned)g_rand_int_range(random, (int)above + 1, LOCKS + 1);
    if (made->owner[lock] || g_rand_int_range(random, 0, 8) == 0) {
        thread->wanted = lock;
        made->asked[lock]++;
        tell(script, number, "request", lock);
    } else {
        acquire(made, script, number, lock);
    }
    return true;
}

static int make(void **state)
{
    struct made *made = g_new0(struct made, 1);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    GString *script = g_string_new(NULL);
    made->builder = trace_builder_new();
    for (unsigned i = 1; i <= LOCKS; i++) {
        char name[8];
        g_snprintf(name, sizeof name, "l%u", i);
        trace_builder_object(made->builder, name, OBJECT_MUTEX, 0, 0);
    }
    for (unsigned n = 0; n < EVENTS;)
        n += step(made, script, random, (unsigned)g_rand_int_range(random, 0, THREADS));
    // Whoever still waits at the end wants it in this order, too.
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned j = 0; j < made->threads[i].n_held && made->threads[i].wanted; j++)
            made->edges[made->threads[i].held[j]][made->threads[i].wanted]++;
    trace_builder_script(made->builder, script->str);
    g_string_free(script, true);
    made->model = trace_builder_model(made->builder);
    GError *error = NULL;
    made->timeline = timeline_new(made->model, NULL, NULL, &error);
    assert_null(error);
    *state = made;
    return 0;
}

static int unmake(void **state)
{
    struct made *made = *state;
    timeline_free(made->timeline);
    model_free(made->model);
    trace_builder_free(made->builder);
    g_free(made);
    return 0;
}

struct entry {
    uint64_t begin;
    struct span_ref ref;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->ref.lane != y->ref.lane)
        return x->ref.lane < y->ref.lane ? -1 : 1;
    return x->ref.track < y->ref.track ? -1 : x->ref.track > y->ref.track;
}

static GArray *find_entries(const struct timeline *timeline, uint32_t object_id)
{
    GArray *entries = g_array_new(false, false, sizeof(struct entry));
    for (uint32_t i = 0; i < timeline->n_lanes; i++)
        for (unsigned j = 0; j < timeline->lanes[i].n_tracks; j++)
            for (uint32_t k = 0; k < timeline->lanes[i].tracks[j].count; k++) {
                const struct span *span = &timeline->lanes[i].tracks[j].spans[k];
                struct entry entry = { span->begin, { .lane = i, .index = k, .track = (uint8_t)j } };
                if (span->subject == object_id)
                    g_array_append_val(entries, entry);
            }
    g_array_sort(entries, compare_entries);
    return entries;
}

static void test_histories_are_complete_and_in_order(void **state)
{
    const struct made *made = *state;
    const struct timeline *timeline = made->timeline;
    for (uint32_t id = 1; id <= LOCKS; id++) {
        const struct object_history *history = &timeline->histories[id];
        g_autoptr(GArray) entries = find_entries(timeline, id);
        assert_int_equal(history->count, entries->len);
        for (uint32_t i = 0; i < entries->len; i++) {
            const struct span_ref *expected = &g_array_index(entries, struct entry, i).ref;
            assert_int_equal(history->refs[i].lane, expected->lane);
            assert_int_equal(history->refs[i].track, expected->track);
            assert_int_equal(history->refs[i].index, expected->index);
        }
    }
}

static void test_histories_are_summed_up(void **state)
{
    const struct made *made = *state;
    for (uint32_t id = 1; id <= LOCKS; id++) {
        const struct object_history *history = &made->timeline->histories[id];
        uint64_t hold_ticks = 0;
        uint64_t wait_ticks = 0;
        uint64_t owned_until = 0;
        for (uint32_t i = 0; i < history->count; i++) {
            const struct span *span = timeline_span(made->timeline, history->refs[i]);
            *(span->kind == SPAN_HOLD ? &hold_ticks : &wait_ticks) += span->end - span->begin;
            if (span->kind != SPAN_HOLD)
                continue;
            assert_true(span->begin >= owned_until);
            owned_until = span->end;
        }
        assert_int_equal(history->holds, made->acquired[id]);
        assert_int_equal(history->waits, made->asked[id]);
        assert_true(history->hold_ticks == hold_ticks && history->wait_ticks == wait_ticks);

        struct pyramid_bin all;
        double length = (double)(made->timeline->end - made->timeline->begin);
        assert_non_null(history->pyramid);
        pyramid_sample(history->pyramid, (double)made->timeline->begin, length, 1, &all);
        double share = 255 * (double)hold_ticks / length;
        assert_in_range(all.share[PYRAMID_HELD], (unsigned)share - (share >= 1), (unsigned)share + 20);
    }
}

static void test_edges_are_counted(void **state)
{
    const struct made *made = *state;
    unsigned at = 0;
    for (uint32_t held = 1; held <= LOCKS; held++)
        for (uint32_t taken = 1; taken <= LOCKS; taken++) {
            if (!made->edges[held][taken])
                continue;
            assert_true(at < made->timeline->edges->len);
            const struct lock_edge *edge = &g_array_index(made->timeline->edges, struct lock_edge, at++);
            assert_int_equal(edge->held, held);
            assert_int_equal(edge->taken, taken);
            assert_int_equal(edge->count, made->edges[held][taken]);
        }
    assert_int_equal(at, made->timeline->edges->len);
}

static void test_the_same_again(void **state)
{
    const struct made *made = *state;
    GError *error = NULL;
    struct timeline *again = timeline_new(made->model, NULL, NULL, &error);
    assert_null(error);
    assert_int_equal(again->n_spans, made->timeline->n_spans);
    assert_int_equal(again->edges->len, made->timeline->edges->len);
    assert_memory_equal(
        again->edges->data, made->timeline->edges->data, again->edges->len * sizeof(struct lock_edge));
    assert_memory_equal(again->overview, made->timeline->overview, sizeof *again->overview);
    timeline_free(again);
}

static void test_memory_is_bounded(void **state)
{
    const struct made *made = *state;
    GError *error = NULL;
    const uint64_t enough = 100 * (made->timeline->n_spans + made->timeline->n_marks);
    struct timeline *within = timeline_new_within(made->model, enough, NULL, NULL, &error);
    assert_null(error);
    assert_non_null(within);
    timeline_free(within);
    assert_null(timeline_new_within(made->model, enough / 4, NULL, NULL, &error));
    assert_true(g_error_matches(error, MODEL_ERROR, MODEL_ERROR_MEMORY));
    assert_non_null(strstr(error->message, "too long to be shown on this machine"));
    assert_null(strchr(error->message, '\n'));
    g_clear_error(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories_are_complete_and_in_order),
        cmocka_unit_test(test_histories_are_summed_up),
        cmocka_unit_test(test_edges_are_counted),
        cmocka_unit_test(test_the_same_again),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests_name("timeline_build", tests, make, unmake);
}
