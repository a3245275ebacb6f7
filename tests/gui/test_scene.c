// SPDX-License-Identifier: MIT
// Where things lie in the picture: the lanes of locks, the steps of findings, the stacks behind an edge of the graph.
#include "cmocka_prelude.h"

#include "graph.h"
#include "lock_lane.h"
#include "navigate.h"
#include "story.h"
#include "trace_builder.h"

struct made {
    struct trace_builder *builder;
    struct loaded *loaded;
    struct scene scene;
};

static struct made make(const char *script, bool by_lock)
{
    struct made made = { .builder = trace_builder_new() };
    trace_builder_object(made.builder, "s", OBJECT_SEMAPHORE, 0, 1);
    trace_builder_object(made.builder, "r", OBJECT_RWLOCK, 0, 0);
    trace_builder_script(made.builder, script);
    model_free(trace_builder_model(made.builder));
    GError *error = NULL;
    made.loaded = loaded_new(trace_builder_path(made.builder), NULL, NULL, &error);
    assert_null(error);
    assert_true(loaded_analyse(made.loaded, &error));
    scene_init(&made.scene, made.loaded->timeline, &theme_light);
    made.scene.by_lock = by_lock;
    scene_layout(&made.scene, 1000, 600);
    axis_fit(&made.scene.axis);
    return made;
}

static void done(struct made *made)
{
    scene_done(&made->scene);
    loaded_unref(made->loaded);
    trace_builder_free(made->builder);
}

static const struct scene_row *row_of(struct made *made, const char *name)
{
    return scene_row_of_object(&made->scene, trace_builder_id(made->builder, name));
}

static void waiters_stand_below_each_other(void **state)
{
    (void)state;
    struct made made =
        make("T1 acquire a; T2 request a; T3 request a; T4 request a; T1 release a; T2 acquire a; T2 "
             "release a; T3 acquire a; T3 release a; T4 acquire a; T4 release a",
            true);
    const struct scene_row *row = row_of(&made, "a");
    assert_non_null(row);
    assert_int_equal(row->n_owners, 1);
    assert_int_equal(row->n_tracks, 4);
    g_autoptr(GArray) entries = lock_lane_entries(&made.scene, row);
    unsigned waiters = 0;
    for (unsigned i = 0; i < entries->len; i++) {
        const struct lock_entry *entry = &g_array_index(entries, struct lock_entry, i);
        bool holds = timeline_span(made.loaded->timeline, entry->ref)->kind == SPAN_HOLD;
        assert_int_equal(holds ? 0 : 1 + waiters, entry->track);
        assert_false(entry->crowded);
        waiters += !holds;
        unsigned track;
        assert_true(lock_lane_find(&made.scene, row, entry->ref, &track));
        assert_int_equal(track, entry->track);
    }
    assert_int_equal(waiters, 3);
    done(&made);
}

static void readers_stand_below_each_other(void **state)
{
    (void)state;
    struct made made = make(
        "T1 acquire-shared r; T2 acquire-shared r; T2 release r; T1 release r; T3 acquire a; T3 release a",
        true);
    assert_int_equal(row_of(&made, "r")->n_owners, 2);
    assert_int_equal(row_of(&made, "r")->n_tracks, 2);
    assert_int_equal(row_of(&made, "a")->n_tracks, 1);
    done(&made);
}

static void more_than_fit_are_crowded(void **state)
{
    (void)state;
    GString *script = g_string_new("T1 acquire a;");
    for (int i = 2; i < 12; i++)
        g_string_append_printf(script, "T%d request a;", i);
    g_string_append(script, "T1 release a");
    struct made made = make(script->str, true);
    g_string_free(script, true);
    const struct scene_row *row = row_of(&made, "a");
    g_autoptr(GArray) entries = lock_lane_entries(&made.scene, row);
    assert_int_equal(entries->len, 11);
    unsigned crowded = 0;
    for (unsigned i = 0; i < entries->len; i++) {
        crowded += g_array_index(entries, struct lock_entry, i).crowded;
        assert_true(g_array_index(entries, struct lock_entry, i).track < row->n_tracks);
    }
    assert_int_equal(crowded, 4);
    done(&made);
}

static void a_point_of_the_picture_is_the_span_drawn_there(void **state)
{
    (void)state;
    static const char script[] =
        "T1 acquire a; T2 request a; T3 acquire b; T1 release a; T2 acquire a; T3 release b";
    for (int by_lock = 0; by_lock < 2; by_lock++) {
        struct made made = make(script, by_lock);
        const struct timeline *timeline = made.loaded->timeline;
        double width = scene_lanes_width(&made.scene);
        for (uint32_t i = 0; i < timeline->n_lanes; i++) {
            struct span_ref ref = { i, 0, 0 };
            const struct span *span = timeline_span(timeline, ref);
            const struct scene_row *row;
            unsigned track;
            assert_true(scene_place_of(&made.scene, ref, &row, &track));
            double middle = ((double)span->begin + (double)span->end) / 2;
            double x = made.scene.gutter + axis_x(&made.scene.axis, middle, width);
            double y = scene_track_y(&made.scene, row, track) + made.scene.track_height / 2;
            struct span_ref found;
            assert_true(scene_span_at(&made.scene, x, y, &found));
            assert_int_equal(found.lane, ref.lane);
            assert_int_equal(found.index, ref.index);
        }
        done(&made);
    }
}

static void threads_of_one_name_are_told_apart(void **state)
{
    (void)state;
    struct made made = make("T1 create T2; T2 acquire a; T2 release a", false);
    char text[64];
    scene_thread_name(&made.scene, 1, text, sizeof text);
    assert_string_equal(text, "thread-2");
    made.scene.namesakes[1] = true;
    scene_thread_name(&made.scene, 1, text, sizeof text);
    assert_string_equal(text, "thread-2 (2)");
    done(&made);
}

static const struct finding *find_rule(const struct made *made, const char *id)
{
    const GPtrArray *all = made->loaded->result->findings->all;
    for (unsigned i = 0; i < all->len; i++)
        if (strcmp(((const struct finding *)all->pdata[i])->rule->id, id) == 0)
            return all->pdata[i];
    return NULL;
}

static void an_event_without_length_has_a_place(void **state)
{
    (void)state;
    struct made made = make("T1 create T2; T2 acquire a; T2 release a; T1 release a @main:9", false);
    const struct finding *finding = find_rule(&made, "unlock-unheld");
    assert_non_null(finding);
    g_autoptr(GArray) places = story_locate(made.loaded->timeline, NULL, finding);
    const struct story_place *last = &g_array_index(places, struct story_place, places->len - 1);
    assert_true(last->found);
    assert_int_equal(last->ref.track, TRACK_MARKS);
    assert_int_equal(timeline_mark(made.loaded->timeline, last->ref)->kind, EVENT_RELEASE);
    assert_int_equal(last->ticks, 4000000);
    done(&made);
}

static void an_edge_knows_each_way_its_locks_were_taken(void **state)
{
    (void)state;
    struct made made = make("T1 acquire a @f:1; T1 acquire b @f:2; T1 release b; T1 release a;"
                            "T1 acquire a @f:1; T1 acquire b @f:2; T1 release b; T1 release a;"
                            "T2 acquire a @g:5; T2 acquire b @g:6; T2 release b; T2 release a;"
                            "T2 acquire b @h:7; T2 release b",
        false);
    struct graph *graph = graph_new_order(made.loaded);
    assert_int_equal(graph->edges->len, 1);
    const struct graph_edge *edge = &g_array_index(graph->edges, struct graph_edge, 0);
    assert_int_equal(edge->count, 3);
    bool more;
    g_autoptr(GArray) sites = graph_edge_sites(graph, made.loaded->timeline, edge, &more);
    assert_false(more);
    assert_int_equal(sites->len, 2);
    assert_int_equal(g_array_index(sites, struct graph_site, 0).count, 2);
    assert_int_equal(g_array_index(sites, struct graph_site, 0).thread_id, 1);
    assert_int_equal(g_array_index(sites, struct graph_site, 1).count, 1);
    assert_int_equal(g_array_index(sites, struct graph_site, 1).thread_id, 2);
    graph_free(graph);
    done(&made);
}

static void all_events_are_walked_in_order_of_time(void **state)
{
    (void)state;
    struct made made =
        make("T1 acquire a; T2 acquire b; T1 request b; T3 acquire c; T2 release b; T1 acquire b; T3 "
             "request a; T1 release b; T1 release a; T3 acquire a",
            false);
    const struct timeline *timeline = made.loaded->timeline;
    struct span_ref ref = { 0, 0, 0 };
    struct span_ref walked[32] = { ref };
    unsigned n = 1;
    while (navigate_any(timeline, &ref, true)) {
        assert_true(timeline_span(timeline, walked[n - 1])->begin <= timeline_span(timeline, ref)->begin);
        walked[n++] = ref;
    }
    assert_int_equal(n, timeline->n_spans);
    for (unsigned i = n - 1; i-- > 0;) {
        assert_true(navigate_any(timeline, &ref, false));
        assert_int_equal(ref.lane, walked[i].lane);
        assert_int_equal(ref.track, walked[i].track);
        assert_int_equal(ref.index, walked[i].index);
    }
    assert_false(navigate_any(timeline, &ref, false));
    done(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiters_stand_below_each_other),
        cmocka_unit_test(readers_stand_below_each_other),
        cmocka_unit_test(more_than_fit_are_crowded),
        cmocka_unit_test(a_point_of_the_picture_is_the_span_drawn_there),
        cmocka_unit_test(threads_of_one_name_are_told_apart),
        cmocka_unit_test(an_event_without_length_has_a_place),
        cmocka_unit_test(an_edge_knows_each_way_its_locks_were_taken),
        cmocka_unit_test(all_events_are_walked_in_order_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
