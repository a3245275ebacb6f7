// SPDX-License-Identifier: MIT
// Events become spans on tracks; tracks never overlap; what one thread cannot know is repaired; causes and owners are found;
// nothing is too short to be seen in the pyramid.
#include "cmocka_prelude.h"

#include "navigate.h"
#include "play.h"
#include "story.h"
#include "timeline.h"
#include "trace_builder.h"

struct made {
    struct trace_builder *builder;
    struct model *model;
    struct timeline *timeline;
};

static struct made make(const char *script)
{
    struct made made = { .builder = trace_builder_new() };
    trace_builder_object(made.builder, "a", OBJECT_MUTEX, 0, 0);
    trace_builder_object(made.builder, "b", OBJECT_MUTEX, 0, 0);
    trace_builder_object(made.builder, "c", OBJECT_COND, 0, 0);
    trace_builder_object(made.builder, "s", OBJECT_SEMAPHORE, 0, 0);
    trace_builder_object(made.builder, "r", OBJECT_RWLOCK, 0, 0);
    trace_builder_script(made.builder, script);
    made.model = trace_builder_model(made.builder);
    GError *error = NULL;
    made.timeline = timeline_new(made.model, NULL, NULL, &error);
    assert_null(error);
    return made;
}

static void done(struct made *made)
{
    timeline_free(made->timeline);
    model_free(made->model);
    trace_builder_free(made->builder);
}

static const struct span *span_at(const struct made *made, uint32_t thread, unsigned track, uint32_t index)
{
    const struct lane *lane = timeline_lane(made->timeline, thread);
    assert_non_null(lane);
    assert_true(track < lane->n_tracks && index < lane->tracks[track].count);
    return &lane->tracks[track].spans[index];
}

static void assert_span(
    const struct span *span, enum span_kind kind, uint32_t subject, double begin_ms, double end_ms)
{
    assert_int_equal(span->kind, kind);
    assert_int_equal(span->subject, subject);
    assert_int_equal(span->begin, (uint64_t)(begin_ms * 1e6));
    assert_int_equal(span->end, (uint64_t)(end_ms * 1e6));
}

static void nested_locks_lie_on_tracks(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a; T1 request b; T1 acquire b; T1 release b; T1 release a");
    assert_span(span_at(&made, 1, 0, 0), SPAN_HOLD, trace_builder_id(made.builder, "a"), 1, 5);
    assert_span(span_at(&made, 1, 1, 0), SPAN_WAIT_LOCK, trace_builder_id(made.builder, "b"), 2, 3);
    assert_span(span_at(&made, 1, 1, 1), SPAN_HOLD, trace_builder_id(made.builder, "b"), 3, 4);
    assert_int_equal(made.timeline->edges->len, 1);
    done(&made);
}

static void a_wait_for_a_signal_gives_the_mutex_back(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a; T1 cond-wait c a; T2 acquire a; T2 cond-signal c; T2 release a; "
                            "T1 cond-wake c a; T1 release a");
    uint32_t a = trace_builder_id(made.builder, "a");
    assert_span(span_at(&made, 1, 0, 0), SPAN_HOLD, a, 1, 2);
    assert_span(span_at(&made, 1, 0, 1), SPAN_WAIT_COND, trace_builder_id(made.builder, "c"), 2, 6);
    assert_span(span_at(&made, 1, 0, 2), SPAN_HOLD, a, 6, 7);
    struct span_ref cause;
    assert_true(timeline_find_cause(made.timeline, (struct span_ref){ 0, 1, 0 }, &cause));
    assert_int_equal(cause.track, TRACK_MARKS);
    assert_int_equal(timeline_mark(made.timeline, cause)->kind, EVENT_COND_SIGNAL);
    done(&made);
}

static void a_refused_wait_gives_nothing_back(void **state)
{
    (void)state;
    struct made made =
        make("T1 acquire a; T1 cond-wait c a; T1 cond-wake c a 22; T1 acquire b; T1 release b; "
             "T1 release a");
    assert_span(span_at(&made, 1, 0, 0), SPAN_HOLD, trace_builder_id(made.builder, "a"), 1, 6);
    assert_span(span_at(&made, 1, 1, 0), SPAN_HOLD, trace_builder_id(made.builder, "b"), 4, 5);
    assert_int_equal(timeline_lane(made.timeline, 1)->tracks[0].count, 1);
    assert_int_equal(made.timeline->edges->len, 1);
    done(&made);
}

static void a_refused_release_changes_nothing(void **state)
{
    (void)state;
    struct made made =
        make("T1 acquire a; T1 release a; T1 release-failed a 1; T1 acquire b; T1 release b; T1 release a");
    assert_span(span_at(&made, 1, 0, 0), SPAN_HOLD, trace_builder_id(made.builder, "a"), 1, 6);
    assert_span(span_at(&made, 1, 1, 0), SPAN_HOLD, trace_builder_id(made.builder, "b"), 4, 5);
    done(&made);
}

static void recursion_is_one_hold(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a; T1 acquire a; T1 release a; T1 release a");
    assert_int_equal(timeline_lane(made.timeline, 1)->n_spans, 1);
    assert_span(span_at(&made, 1, 0, 0), SPAN_HOLD, trace_builder_id(made.builder, "a"), 1, 4);
    done(&made);
}

static void a_lock_given_back_by_another_thread_ends(void **state)
{
    (void)state;
    struct made made =
        make("T1 acquire a; T2 release a; T2 acquire a; T2 release a; T1 acquire b; T1 release b");
    const struct span *first = span_at(&made, 1, 0, 0);
    assert_int_equal(first->end, 3000000);
    assert_false(first->flags & SPAN_OPEN);
    done(&made);
}

static void an_early_clock_makes_no_second_owner(void **state)
{
    (void)state;
    struct made made = make("=1000 T1 acquire a; =2000 T2 request a; =9000 T2 acquire a; =10000 T1 release "
                            "a; =20000 T2 release a");
    assert_int_equal(span_at(&made, 2, 0, 0)->end, 10000);
    assert_int_equal(span_at(&made, 2, 0, 1)->begin, 10000);
    done(&made);
}

static void who_lets_whom_go_on(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a; T2 request a; T1 release a; T2 acquire a; T2 release a");
    struct span_ref wait = { 1, 0, 0 };
    struct span_ref found;
    assert_true(timeline_find_cause(made.timeline, wait, &found));
    assert_int_equal(found.lane, 0);
    assert_true(timeline_find_owner(made.timeline, wait, &found));
    assert_int_equal(found.lane, 0);
    done(&made);
}

static void tracks_never_overlap(void **state)
{
    (void)state;
    // Held and given back in all sorts of orders, more locks than there are tracks.
    GString *script = g_string_new(NULL);
    uint32_t random = 7;
    bool held[24] = { false };
    for (int i = 0; i < 2000; i++) {
        random = random * 1664525 + 1013904223;
        unsigned lock = random >> 16 & 31;
        if (lock >= G_N_ELEMENTS(held))
            continue;
        g_string_append_printf(script, "T1 %s l%u;", held[lock] ? "release" : "acquire", lock);
        held[lock] = !held[lock];
    }
    struct made made = make(script->str);
    const struct lane *lane = timeline_lane(made.timeline, 1);
    assert_int_equal(lane->n_tracks, TRACKS_MAX);
    for (unsigned i = 0; i < lane->n_tracks; i++)
        for (uint32_t j = 1; j < lane->tracks[i].count; j++)
            assert_true(lane->tracks[i].spans[j - 1].end <= lane->tracks[i].spans[j].begin);
    g_string_free(script, true);
    done(&made);
}

static bool say_no(double share, void *data)
{
    (void)share;
    (void)data;
    return false;
}

static void building_can_be_cancelled(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a; T1 release a");
    GError *error = NULL;
    assert_null(timeline_new(made.model, say_no, NULL, &error));
    assert_true(g_error_matches(error, MODEL_ERROR, MODEL_ERROR_CANCELLED));
    g_error_free(error);
    done(&made);
}

static void nothing_is_too_short_for_the_pyramid(void **state)
{
    (void)state;
    struct pyramid *pyramid = pyramid_new(0, 1000000000, 100000);
    struct pyramid_span speck = { 123456789, 123456790, PYRAMID_CONTENDED, SPAN_WAIT_LOCK, 2, 5 };
    pyramid_add(pyramid, &speck);
    pyramid_finish(pyramid);
    for (size_t n = 1; n <= 4096; n *= 2) {
        g_autofree struct pyramid_bin *bins = g_new(struct pyramid_bin, n);
        unsigned seen = 0;
        pyramid_sample(pyramid, 0, 1e9 / (double)n, n, bins);
        for (size_t i = 0; i < n; i++)
            seen += bins[i].share[PYRAMID_CONTENDED] > 0 && bins[i].kinds == 1 << SPAN_WAIT_LOCK &&
                    bins[i].colour[PYRAMID_CONTENDED] == 5 && bins[i].depth == 2;
        assert_true(seen >= 1 && seen <= 2);
    }
    pyramid_free(pyramid);
}

static void shares_are_of_time(void **state)
{
    (void)state;
    struct pyramid *pyramid = pyramid_new(0, 1000, 1000);
    struct pyramid_span half = { 250, 750, PYRAMID_HELD, SPAN_HOLD, 1, 0 };
    struct pyramid_bin whole;
    struct pyramid_bin quarters[4];
    pyramid_add(pyramid, &half);
    pyramid_finish(pyramid);
    pyramid_sample(pyramid, 0, 1000, 1, &whole);
    pyramid_sample(pyramid, 0, 250, 4, quarters);
    assert_in_range(whole.share[PYRAMID_HELD], 126, 131);
    assert_true(quarters[0].share[PYRAMID_HELD] == 0 && quarters[3].share[PYRAMID_HELD] == 0);
    assert_true(quarters[1].share[PYRAMID_HELD] == 255 && quarters[2].share[PYRAMID_HELD] == 255);
    // Outside there is nothing.
    pyramid_sample(pyramid, 5000, 250, 4, quarters);
    assert_int_equal(quarters[0].kinds, 0);
    pyramid_free(pyramid);
}

static void keys_walk_through_a_lane_in_order(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a; T1 request b; T1 acquire b; T1 release b; T1 release a; T2 "
                            "acquire a; T2 release a; T1 acquire a; T1 release a");
    struct span_ref ref;
    uint64_t last = 0;
    unsigned steps = 1;
    assert_true(navigate_first(made.timeline, 0, &ref));
    while (navigate_event(made.timeline, &ref, true)) {
        assert_true(timeline_span(made.timeline, ref)->begin >= last);
        last = timeline_span(made.timeline, ref)->begin;
        steps++;
    }
    assert_int_equal(steps, timeline_lane(made.timeline, 1)->n_spans);
    while (navigate_event(made.timeline, &ref, false))
        steps--;
    assert_int_equal(steps, 1);
    assert_true(navigate_lane(made.timeline, &ref, 1));
    assert_int_equal(ref.lane, 1);
    assert_false(navigate_lane(made.timeline, &ref, 1));
    done(&made);
}

static void following_owners_closes_a_circle(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a; T2 acquire b; T1 request b; T2 request a");
    struct span_ref ref = { 0, 0, 1 };
    uint32_t lanes[4];
    for (int i = 0; i < 4; i++) {
        assert_true(navigate_owner(made.timeline, &ref));
        lanes[i] = ref.lane;
    }
    assert_true(lanes[0] == 1 && lanes[1] == 1 && lanes[2] == 0 && lanes[3] == 0);
    done(&made);
}

static void a_play_ends_with_nobody_going_on(void **state)
{
    (void)state;
    static const struct rule rule = { .id = "lock-order-cycle" };
    struct made made = make("T1 acquire a; T1 acquire b; T2 acquire b; T2 acquire a");
    const struct model_object *a = model_object(made.model, trace_builder_id(made.builder, "a"));
    const struct model_object *b = model_object(made.model, trace_builder_id(made.builder, "b"));
    struct finding *finding = finding_new(made.model, &rule, LEVEL_ERROR);
    struct hold holds[] = { { .object = a }, { .object = b } };
    finding_add_step(finding, 1, "acquire", a, 0, NULL, 0);
    finding_add_step(finding, 2, "acquire", b, 0, NULL, 0);
    finding_add_step(finding, 1, "request", b, 0, &holds[0], 1);
    finding_add_step(finding, 2, "request", a, 0, &holds[1], 1);
    finding->verdict = "observed";
    GArray *places = story_locate(made.timeline, NULL, finding);
    struct play *play = play_new(finding, places);
    assert_non_null(play);
    assert_int_equal(play->steps->len, 4);
    g_autofree char *nothing = play_state_text(play, 0);
    g_autofree char *all = play_state_text(play, 4);
    assert_string_equal(nothing, "Nobody holds or waits for a lock.");
    assert_non_null(strstr(all, "holds 'a', waits for 'b'"));
    assert_non_null(strstr(all, "holds 'b', waits for 'a'"));
    assert_non_null(strstr(all, "Nobody can go on."));
    assert_false(play_is_stuck(play, 3));
    play_free(play);
    g_array_unref(places);
    finding_free(finding);
    done(&made);
}

// Both locks often enough for pyramids of their own.
static struct made make_long(void)
{
    GString *script = g_string_new(NULL);
    for (int i = 0; i < 600; i++)
        g_string_append(script, "T1 acquire a; T2 acquire b; T1 release a; T2 release b;");
    struct made made = make(script->str);
    g_string_free(script, true);
    return made;
}

static void long_histories_are_summed_up(void **state)
{
    (void)state;
    struct made made = make_long();
    for (uint32_t id = 1; id <= 2; id++) {
        const struct object_history *history = &made.timeline->histories[id];
        assert_int_equal(history->holds, 600);
        assert_int_equal(history->hold_ticks, (uint64_t)600 * 2000000);
        assert_non_null(history->pyramid);
        struct pyramid_bin all;
        double length = (double)(made.timeline->end - made.timeline->begin);
        pyramid_sample(history->pyramid, (double)made.timeline->begin, length, 1, &all);
        assert_in_range(all.share[PYRAMID_HELD], 120, 136); // half of the time
        assert_int_equal(all.share[PYRAMID_CONTENDED], 0);
    }
    done(&made);
}

struct stopping {
    double at;
    double last;
    unsigned after; // calls after it said no
};

static bool stop_there(double share, void *data)
{
    struct stopping *stopping = data;
    assert_true(share >= stopping->last);
    stopping->after += stopping->last >= stopping->at;
    stopping->last = share;
    return share < stopping->at;
}

static void progress_goes_up_and_may_stop_it(void **state)
{
    (void)state;
    struct made made = make_long();
    const double places[] = { 0.1, 0.75, 0.85, 0.95 };
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        struct stopping stopping = { .at = places[i] };
        GError *error = NULL;
        struct timeline *timeline = timeline_new(made.model, stop_there, &stopping, &error);
        assert_int_equal(stopping.after, 0);
        assert_null(timeline);
        assert_true(g_error_matches(error, MODEL_ERROR, MODEL_ERROR_CANCELLED));
        g_clear_error(&error);
    }
    done(&made);
}

static void a_lock_is_followed_from_thread_to_thread(void **state)
{
    (void)state;
    struct made made = make(
        "T1 acquire a; T2 request a; T1 acquire b; T1 release b; T1 release a; T2 acquire a; T2 release a");
    struct span_ref ref;
    assert_true(navigate_first(made.timeline, 0, &ref));
    const uint32_t threads[] = { 1, 2, 2 };
    const enum span_kind kinds[] = { SPAN_HOLD, SPAN_WAIT_LOCK, SPAN_HOLD };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(made.timeline->lanes[ref.lane].thread->row.id, threads[i]);
        assert_int_equal(timeline_span(made.timeline, ref)->kind, kinds[i]);
        assert_int_equal(navigate_lock(made.timeline, &ref, true), i < 2);
    }
    assert_true(navigate_lock(made.timeline, &ref, false));
    assert_true(navigate_lock(made.timeline, &ref, false));
    assert_false(navigate_lock(made.timeline, &ref, false));
    assert_int_equal(made.timeline->lanes[ref.lane].thread->row.id, 1);
    done(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_locks_lie_on_tracks),
        cmocka_unit_test(a_wait_for_a_signal_gives_the_mutex_back),
        cmocka_unit_test(a_refused_wait_gives_nothing_back),
        cmocka_unit_test(a_refused_release_changes_nothing),
        cmocka_unit_test(recursion_is_one_hold),
        cmocka_unit_test(a_lock_given_back_by_another_thread_ends),
        cmocka_unit_test(an_early_clock_makes_no_second_owner),
        cmocka_unit_test(who_lets_whom_go_on),
        cmocka_unit_test(tracks_never_overlap),
        cmocka_unit_test(building_can_be_cancelled),
        cmocka_unit_test(nothing_is_too_short_for_the_pyramid),
        cmocka_unit_test(shares_are_of_time),
        cmocka_unit_test(keys_walk_through_a_lane_in_order),
        cmocka_unit_test(following_owners_closes_a_circle),
        cmocka_unit_test(a_play_ends_with_nobody_going_on),
        cmocka_unit_test(long_histories_are_summed_up),
        cmocka_unit_test(progress_goes_up_and_may_stop_it),
        cmocka_unit_test(a_lock_is_followed_from_thread_to_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
