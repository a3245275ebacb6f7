// SPDX-License-Identifier: MIT
// The merged order: by time, corrected so that no lock has two owners, and never stuck.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "merge.h"
#include "trace_builder.h"

struct merged {
    char *text; // "T1 acquire a; T1 release a; ..." without thread ends
    struct merge_counts counts;
};

static void append_event(GString *text, const struct model *model, const struct ordered_event *event)
{
    const struct model_object *object = model_object(model, event->event.subject);
    if (event->event.kind == EVENT_NONE)
        return;
    g_string_append_printf(
        text, "%sT%u %s", text->len ? "; " : "", event->thread_id, event_name(event->event.kind));
    if (model_subject_is_object(event->event.kind) && object)
        g_string_append_printf(text, " %s", object->label);
}

// Merges what the script says.
static struct merged merged_of(struct trace_builder *builder, const char *script)
{
    trace_builder_script(builder, script);
    struct model *model = trace_builder_model(builder);
    struct merge *merge = merge_new(model);
    GString *text = g_string_new(NULL);
    struct event_batch batch;
    struct event_reader reader;
    int r;
    do {
        r = merge_read(merge, &batch);
        event_reader_begin(&reader, &batch);
        while (event_reader_next(&reader))
            append_event(text, model, &reader.event);
    } while (r == 1);
    assert_int_equal(r, 0);
    struct merged merged;
    merge_get_counts(merge, &merged.counts);
    merged.text = g_string_free(text, false);
    merge_free(merge);
    model_free(model);
    return merged;
}

static void expect(const char *script, const char *order, uint64_t repaired, uint64_t unresolved)
{
    struct trace_builder *builder = trace_builder_new();
    struct merged merged = merged_of(builder, script);
    assert_string_equal(merged.text, order);
    assert_int_equal(merged.counts.repaired, repaired);
    assert_int_equal(merged.counts.unresolved, unresolved);
    g_free(merged.text);
    trace_builder_free(builder);
}

static void test_orders_by_time(void **state)
{
    (void)state;
    expect("=30 T1 acquire a; =10 T2 post s; =40 T1 release a; =20 T2 post s",
        "T2 post s; T2 post s; T1 acquire a; T1 release a", 0, 0);
}

static void test_early_acquire_comes_after_the_release(void **state)
{
    (void)state;
    // T2's clock was read before the lock was its own.
    expect("=1000 T1 acquire a; =3000 T1 release a; =2500 T2 acquire a; =90000 T2 release a",
        "T1 acquire a; T1 release a; T2 acquire a; T2 release a", 0, 0);
}

static void test_early_acquire_of_a_long_section_lets_the_short_one_go_first(void **state)
{
    (void)state;
    // By the clock alone T1 is first, and T2 would have to wait out T1's 100 ms.
    expect("=1000 T1 acquire a; =100001000 T1 release a; =1500 T2 acquire a; =1800 T2 release a; =1900 T2 "
           "post s",
        "T2 acquire a; T2 release a; T2 post s; T1 acquire a; T1 release a", 0, 0);
}

static void test_holds_an_acquire_back_until_the_owner_has_released(void **state)
{
    (void)state;
    // 20 us too early is more than a cache miss: the rule decides.
    expect("=1000 T1 acquire a; =40000 T1 post s; =60000 T1 release a; =20000 T2 acquire a; =30000 T2 post s;"
           "=99000 T2 release a",
        "T1 acquire a; T1 post s; T1 release a; T2 acquire a; T2 post s; T2 release a", 1, 0);
}

static void test_condition_wake_waits_for_the_mutex(void **state)
{
    (void)state;
    expect("=1000 T1 acquire a; =2000 T1 cond-wait c a; =10000 T2 acquire a; =20000 T2 cond-signal c;"
           "=90000 T2 release a; =50000 T1 cond-wake c a; =95000 T1 release a",
        "T1 acquire a; T1 cond-wait c; T2 acquire a; T2 cond-signal c; T2 release a; T1 cond-wake c; T1 "
        "release a",
        1, 0);
}

static void test_reader_waits_for_the_writer_and_writer_for_all_readers(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "rw", OBJECT_RWLOCK, 0, 0);
    struct merged merged = merged_of(builder,
        "=1000 T1 acquire-shared rw; =2000 T2 acquire-shared rw; =20000 T3 acquire rw; =40000 T1 release rw;"
        "=60000 T2 release rw; =70000 T3 release rw");
    assert_string_equal(merged.text,
        "T1 acquire-shared rw; T2 acquire-shared rw; T1 release rw; T2 release rw;"
        " T3 acquire rw; T3 release rw");
    g_free(merged.text);
    trace_builder_free(builder);
}

static void test_semaphore_waits_for_the_post(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 0);
    struct merged merged = merged_of(builder, "=1000 T1 acquire s; =50000 T2 post s; =60000 T1 post s");
    assert_string_equal(merged.text, "T2 post s; T1 acquire s; T1 post s");
    assert_int_equal(merged.counts.repaired, 1);
    g_free(merged.text);
    trace_builder_free(builder);
}

static void test_barrier_lets_nobody_leave_before_all_have_come(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "b", OBJECT_BARRIER, OBJECT_BY_INIT, 2);
    struct merged merged = merged_of(builder, "=1000 T1 barrier-arrive b; =20000 T1 barrier-leave b; =50000 "
                                              "T2 barrier-arrive b; =60000 T2 barrier-leave b");
    assert_string_equal(
        merged.text, "T1 barrier-arrive b; T2 barrier-arrive b; T1 barrier-leave b; T2 barrier-leave b");
    g_free(merged.text);
    trace_builder_free(builder);
}

static void test_threads_start_after_create_and_end_before_join(void **state)
{
    (void)state;
    expect("=50000 T1 create T2; =20000 T2 thread-start T2; =200000 T2 thread-end T2; =100000 T1 join T2",
        "T1 create; T2 thread-start; T2 thread-end; T1 join", 2, 0);
}

static void test_lost_release_is_given_up_and_counted(void **state)
{
    (void)state;
    expect("T1 acquire a; T2 acquire a; T2 release a; =500000000 T1 post s; =600000000 T1 post s",
        "T1 acquire a; T2 acquire a; T2 release a; T1 post s; T1 post s", 0, 1);
}

static void test_owner_whose_events_are_over_holds_nobody_back(void **state)
{
    (void)state;
    expect("T1 acquire a; T2 acquire a; T2 post s", "T1 acquire a; T2 acquire a; T2 post s", 0, 1);
}

static void test_circle_of_waits_is_broken(void **state)
{
    (void)state;
    // Nonsense that only a damaged recording can hold: each waits for what the other has still to give back.
    expect("T1 acquire a; T2 acquire b; T1 acquire b; T2 acquire a; T1 release a; T2 release b",
        "T1 acquire a; T2 acquire b; T1 acquire b; T1 release a; T2 acquire a; T2 release b", 1, 1);
}

static void test_owner_death_passes_the_lock_on(void **state)
{
    (void)state;
    expect("T1 acquire a; T2 acquire a; T2 owner-died a; T2 consistent a; T2 release a; T1 post s",
        "T1 acquire a; T2 acquire a; T2 owner-died a; T2 consistent a; T2 release a; T1 post s", 0, 0);
}

static void test_refused_release_releases_nothing(void **state)
{
    (void)state;
    expect("=1000 T1 acquire a; =12000 T2 release a; =13000 T2 release-failed a 1; =20000 T2 acquire a;"
           "=90000 T1 release a; =95000 T2 release a",
        "T1 acquire a; T2 release a; T2 release-failed a; T1 release a; T2 acquire a; T2 release a", 1, 0);
}

static void test_release_by_another_thread_frees_the_lock(void **state)
{
    (void)state;
    expect("T1 acquire a; T2 release a; T3 acquire a; T1 post s",
        "T1 acquire a; T2 release a; T3 acquire a; T1 post s", 0, 0);
}

static void test_recursive_lock_is_free_after_its_last_release(void **state)
{
    (void)state;
    expect("=1000 T1 acquire a; =2000 T1 acquire a; =3000 T1 release a; =90000 T1 release a; =40000 T2 "
           "acquire a;"
           "=95000 T2 release a",
        "T1 acquire a; T1 acquire a; T1 release a; T1 release a; T2 acquire a; T2 release a", 1, 0);
}

// What goes into a batch comes out of it, packed or whole.
static void test_batches_keep_everything(void **state)
{
    (void)state;
    srand(11);
    static struct event_batch batch;
    struct ordered_event events[EVENT_BATCH_PLACES];
    uint64_t sequence = 0, ticks = 0;
    for (unsigned round = 0; round < 50; round++) {
        unsigned n = 0;
        event_batch_begin(&batch, sequence + 1, ticks);
        for (; event_batch_has_room(&batch); n++) {
            const bool odd = rand() % 8 == 0;
            ticks += odd ? (uint64_t)rand() << 20 : (uint64_t)(rand() % 1000) - 100;
            events[n] = (struct ordered_event){
                .event = { .ticks = ticks,
                    .subject = (uint32_t)rand(),
                    .stack = (uint32_t)rand() * 2,
                    .kind = (uint8_t)(rand() % EVENT_KINDS) },
                .thread_id =
                    odd && rand() % 2 ? UINT32_MAX - (uint32_t)(rand() % 9) : 1 + (uint32_t)(rand() % 9),
                .sequence = ++sequence,
            };
            events[n].event.arg = odd && rand() % 2 ? rand() - rand() : 0;
            events[n].refused = odd && rand() % 2 ? rand() : 0;
            events[n].owner_died = odd && rand() % 2;
            events[n].owner = rand() % 3 ? events[n].thread_id : odd ? 77 : 0;
            event_batch_put(&batch, &events[n]);
        }
        struct event_reader reader = { 0 };
        event_reader_begin(&reader, &batch);
        for (unsigned i = 0; i < n; i++) {
            assert_true(event_reader_next(&reader));
            const struct ordered_event *a = &events[i], *b = &reader.event;
            assert_int_equal(a->event.ticks, b->event.ticks);
            assert_int_equal(a->event.subject, b->event.subject);
            assert_int_equal(a->event.stack, b->event.stack);
            assert_int_equal(a->event.arg, b->event.arg);
            assert_int_equal(a->event.kind, b->event.kind);
            assert_int_equal(a->thread_id, b->thread_id);
            assert_int_equal(a->sequence, b->sequence);
            assert_int_equal(a->refused, b->refused);
            assert_int_equal(a->owner_died, b->owner_died);
            assert_int_equal(a->owner, b->owner);
        }
        assert_false(event_reader_next(&reader));
    }
}

// A thread's events are read in blocks: what an event says of the one in front of it counts wherever a block ends.
static void test_refusals_are_seen_across_blocks(void **state)
{
    (void)state;
    for (unsigned before = 120; before < 280; before++) {
        struct trace_builder *builder = trace_builder_new();
        GString *script = g_string_new(NULL);
        for (unsigned i = 0; i < before; i++)
            g_string_append(script, i % 2 ? "T1 release b;" : "T1 acquire b;");
        g_string_append(script,
            "T1 acquire a; T1 release a; T1 release-failed a 1; T1 release a; T1 acquire a;"
            "T1 owner-died a;");
        for (unsigned i = 0; i < 300; i++)
            g_string_append(script, "T1 request c;");
        trace_builder_script(builder, script->str);
        struct model *model = trace_builder_model(builder);
        struct merge *merge = merge_new(model);
        struct event_batch batch;
        struct event_reader reader;
        unsigned at = 0;
        assert_int_equal(merge_read(merge, &batch), 0);
        event_reader_begin(&reader, &batch);
        while (event_reader_next(&reader)) {
            assert_int_equal(reader.event.sequence, ++at);
            assert_int_equal(reader.event.refused, at == before + 2 ? 1 : 0);
            assert_int_equal(reader.event.owner_died, at == before + 5);
        }
        assert_int_equal(at, before + 6 + 300 + 1);
        merge_free(merge);
        model_free(model);
        g_string_free(script, true);
        trace_builder_free(builder);
    }
}

// Many threads that take a lock in turns, with clocks that read acquisitions early and by chance: the order must come out right.
static void test_random_sections_never_overlap(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 50; round++) {
        struct trace_builder *builder = trace_builder_new();
        GString *script = g_string_new(NULL);
        uint64_t now = 100000;
        for (int i = 0; i < 200; i++) {
            unsigned thread = 1 + (unsigned)rand() % 5;
            unsigned lock = (unsigned)rand() % 2;
            uint64_t early = (uint64_t)rand() % 2000;
            uint64_t length = (uint64_t)rand() % 3000;
            // Within a thread time never goes back: the next of its events is at least now.
            g_string_append_printf(script,
                "=%" G_GUINT64_FORMAT " T%u acquire %c; =%" G_GUINT64_FORMAT " T%u release %c\n",
                now + 3000 - early, thread, 'a' + lock, now + 3000 + length, thread, 'a' + lock);
            now += 3000 + length;
        }
        struct merged merged = merged_of(builder, script->str);
        assert_int_equal(merged.counts.unresolved, 0);
        unsigned owner[2] = { 0, 0 };
        g_auto(GStrv) lines = g_strsplit(merged.text, "; ", -1);
        for (char **line = lines; *line; line++) {
            unsigned thread = (unsigned)atoi(*line + 1);
            unsigned lock = (unsigned)((*line)[strlen(*line) - 1] - 'a');
            bool acquires = strstr(*line, "acquire") != NULL;
            assert_int_equal(owner[lock], acquires ? 0 : thread);
            owner[lock] = acquires ? thread : 0;
        }
        g_string_free(script, true);
        g_free(merged.text);
        trace_builder_free(builder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_by_time),
        cmocka_unit_test(test_early_acquire_comes_after_the_release),
        cmocka_unit_test(test_early_acquire_of_a_long_section_lets_the_short_one_go_first),
        cmocka_unit_test(test_holds_an_acquire_back_until_the_owner_has_released),
        cmocka_unit_test(test_condition_wake_waits_for_the_mutex),
        cmocka_unit_test(test_reader_waits_for_the_writer_and_writer_for_all_readers),
        cmocka_unit_test(test_semaphore_waits_for_the_post),
        cmocka_unit_test(test_barrier_lets_nobody_leave_before_all_have_come),
        cmocka_unit_test(test_threads_start_after_create_and_end_before_join),
        cmocka_unit_test(test_lost_release_is_given_up_and_counted),
        cmocka_unit_test(test_owner_whose_events_are_over_holds_nobody_back),
        cmocka_unit_test(test_circle_of_waits_is_broken),
        cmocka_unit_test(test_owner_death_passes_the_lock_on),
        cmocka_unit_test(test_refused_release_releases_nothing),
        cmocka_unit_test(test_release_by_another_thread_frees_the_lock),
        cmocka_unit_test(test_recursive_lock_is_free_after_its_last_release),
        cmocka_unit_test(test_batches_keep_everything),
        cmocka_unit_test(test_refusals_are_seen_across_blocks),
        cmocka_unit_test(test_random_sections_never_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
