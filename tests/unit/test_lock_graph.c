// SPDX-License-Identifier: MIT
// The detectors over traces written by hand: what is found, and what must stay silent.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <string.h>

#include "detect.h"
#include "trace_builder.h"

// "rule verdict reason; ..." of everything found.
static char *found_in(struct trace_builder *builder, const char *script, bool all)
{
    trace_builder_script(builder, script);
    struct model *model = trace_builder_model(builder);
    struct detect_options options = { .all = all };
    g_autoptr(GError) error = NULL;
    struct detect_result *result = detect_run(model, &options, &error);
    g_assert_no_error(error);
    assert_int_equal(result->left_out, 0);
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < result->findings->all->len; i++) {
        const struct finding *finding = result->findings->all->pdata[i];
        g_string_append_printf(text, "%s%s", text->len ? "; " : "", finding->rule->id);
        if (finding->verdict)
            g_string_append_printf(text, " %s", finding->verdict);
        if (finding->reason)
            g_string_append_printf(text, " (%s)", finding->reason);
    }
    detect_result_free(result);
    model_free(model);
    return g_string_free(text, false);
}

static void expect_of(struct trace_builder *builder, const char *script, const char *usual, const char *all)
{
    g_autofree char *found = found_in(builder, script, all != NULL);
    assert_string_equal(found, all ? all : usual);
    trace_builder_free(builder);
}

// usual: what is found; all: with the impossible ones, where that differs.
static void expect(const char *script, const char *usual, const char *all)
{
    expect_of(trace_builder_new(), script, usual, NULL);
    if (all)
        expect_of(trace_builder_new(), script, usual, all);
}

#define A_THEN_B(t) t " acquire a @f:1;" t " acquire b @f:2;" t " release b;" t " release a;"
#define B_THEN_A(t) t " acquire b @g:1;" t " acquire a @g:2;" t " release a;" t " release b;"

static void test_two_locks_in_opposite_orders(void **state)
{
    (void)state;
    expect("T1 create T2;" A_THEN_B("T1") B_THEN_A("T2"), "lock-order-cycle predicted", NULL);
}

static void test_one_order_is_silent(void **state)
{
    (void)state;
    expect("T1 create T2;" A_THEN_B("T1") A_THEN_B("T2"), "", "");
}

static void test_one_thread_alone(void **state)
{
    (void)state;
    expect(A_THEN_B("T1") B_THEN_A("T1"), "", "lock-order-cycle impossible (same thread)");
}

static void test_gate_lock(void **state)
{
    (void)state;
    expect("T1 create T2; T1 acquire g;" A_THEN_B("T1") "T1 release g; T2 acquire g;" B_THEN_A(
               "T2") "T2 release g",
        "", "lock-order-cycle impossible (gate lock)");
}

static void test_gate_on_one_side_only(void **state)
{
    (void)state;
    expect("T1 create T2; T1 acquire g;" A_THEN_B("T1") "T1 release g;" B_THEN_A("T2"),
        "lock-order-cycle predicted", NULL);
}

static void test_ordered_by_join(void **state)
{
    (void)state;
    expect("T1 create T2;" A_THEN_B("T2") "T2 thread-end T2; T1 join T2; T1 create T3;" B_THEN_A("T3"), "",
        "lock-order-cycle impossible (ordered)");
}

static void test_ordered_by_create(void **state)
{
    (void)state;
    expect(A_THEN_B("T1") "T1 create T2;" B_THEN_A("T2"), "", "lock-order-cycle impossible (ordered)");
}

static void test_ordered_once_but_not_always(void **state)
{
    (void)state;
    // T1 does it before it creates T2 and again afterwards.
    expect(A_THEN_B("T1") "T1 create T2;" B_THEN_A("T2") A_THEN_B("T1"), "lock-order-cycle predicted", NULL);
}

static void test_trylock_does_not_block_but_holds(void **state)
{
    (void)state;
    expect("T1 create T2;" A_THEN_B("T1") "T2 acquire b; T2 acquire-try a; T2 release a; T2 release b", "",
        "lock-order-cycle impossible (trylock)");
    expect("T1 create T2;" A_THEN_B("T1") "T2 acquire-try b; T2 acquire a; T2 release a; T2 release b",
        "lock-order-cycle predicted", NULL);
}

static void test_timed_lock_does_not_block(void **state)
{
    (void)state;
    expect("T1 create T2;" A_THEN_B("T1") "T2 acquire b; T2 acquire-timed a; T2 release a; T2 release b", "",
        NULL);
}

static struct trace_builder *with_rwlock(void)
{
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "a", OBJECT_RWLOCK, 0, 0);
    return builder;
}

static void test_readers_exclude_writers_only(void **state)
{
    (void)state;
    const char *readers = "T1 create T2; T1 acquire-shared a; T1 acquire b; T1 release b; T1 release a;"
                          "T2 acquire b; T2 acquire-shared a; T2 release a; T2 release b";
    expect_of(with_rwlock(), readers, "", NULL);
    expect_of(with_rwlock(), readers, NULL, "lock-order-cycle impossible (read-read)");
    expect_of(with_rwlock(),
        "T1 create T2; T1 acquire-shared a; T1 acquire b; T1 release b; T1 release a;"
        "T2 acquire b; T2 acquire a; T2 release a; T2 release b",
        "lock-order-cycle predicted", NULL);
}

static void test_a_gate_held_by_readers_is_open(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "g", OBJECT_RWLOCK, 0, 0);
    expect_of(builder,
        "T1 create T2; T1 acquire-shared g;" A_THEN_B("T1") "T1 release g; T2 acquire-shared g;" B_THEN_A(
            "T2") "T2 release g",
        "lock-order-cycle predicted", NULL);
}

static void test_three_threads_three_locks(void **state)
{
    (void)state;
    const char *ring = "T1 create T2; T1 create T3;"
                       "T1 acquire a; T1 acquire b; T1 release b; T1 release a;"
                       "T2 acquire b; T2 acquire c; T2 release c; T2 release b;"
                       "T3 acquire c; T3 acquire a; T3 release a; T3 release c";
    expect(ring, "lock-order-cycle predicted", NULL);
    // The same with two threads cannot come to a deadlock: one of them would have to be in two places.
    expect("T1 create T2;"
           "T1 acquire a; T1 acquire b; T1 release b; T1 release a;"
           "T2 acquire b; T2 acquire c; T2 release c; T2 release b;"
           "T2 acquire c; T2 acquire a; T2 release a; T2 release c",
        "", "lock-order-cycle impossible (same thread)");
}

static void test_forty_philosophers(void **state)
{
    (void)state;
    GString *script = g_string_new(NULL);
    for (int i = 2; i <= 41; i++)
        g_string_append_printf(script, "T1 create T%d;", i);
    for (int i = 2; i <= 41; i++)
        g_string_append_printf(script, "T%d acquire f%d; T%d acquire f%d; T%d release f%d; T%d release f%d;",
            i, i, i, i == 41 ? 2 : i + 1, i, i == 41 ? 2 : i + 1, i, i);
    expect(script->str, "lock-order-cycle predicted", NULL);
    g_string_free(script, true);
}

static void test_first_lock_released_before_the_second(void **state)
{
    (void)state;
    expect("T1 create T2; T1 acquire a; T1 release a; T1 acquire b; T1 release b;" B_THEN_A("T2"), "", "");
}

static void test_condition_wait_takes_its_mutex_back(void **state)
{
    (void)state;
    // T1 holds b while the wait gives a back and takes it again: a second order, b before a.
    expect("T1 create T2; T1 acquire a; T1 acquire b; T1 cond-wait c a; T1 cond-wake c a; T1 release b; T1 "
           "release a;"
           "T2 acquire a; T2 acquire b; T2 release b; T2 release a",
        "lock-order-cycle predicted", NULL);
}

static void test_refused_condition_wait_keeps_its_mutex(void **state)
{
    (void)state;
    expect(
        "T1 create T2; T1 acquire a; T1 cond-wait c a; T1 cond-wake c a 22; T1 acquire b; T1 release b; T1 "
        "release a;"
        "T2 acquire b; T2 acquire a; T2 release a; T2 release b",
        "lock-order-cycle predicted", NULL);
    // It takes nothing either: no order of b before a.
    expect(
        "T1 create T2; T1 acquire a; T1 acquire b; T1 cond-wait c a; T1 cond-wake c a 22; T1 release b; T1 "
        "release a;"
        "T2 acquire a; T2 acquire b; T2 release b; T2 release a",
        "", "");
}

static void test_classes_report_once(void **state)
{
    (void)state;
    // Two pairs out of one array, the same places in the code: one finding.
    expect("T1 create T2;"
           "T1 acquire x[0] @f:1; T1 acquire y[0] @f:2; T1 release y[0]; T1 release x[0];"
           "T2 acquire y[0] @g:1; T2 acquire x[0] @g:2; T2 release x[0]; T2 release y[0];"
           "T1 acquire x[1] @f:1; T1 acquire y[1] @f:2; T1 release y[1]; T1 release x[1];"
           "T2 acquire y[1] @g:1; T2 acquire x[1] @g:2; T2 release x[1]; T2 release y[1];",
        "lock-order-cycle predicted", NULL);
}

static void test_another_place_is_another_finding(void **state)
{
    (void)state;
    expect("T1 create T2;" A_THEN_B("T1")
               B_THEN_A("T2") "T1 acquire a @h:1; T1 acquire b @h:2; T1 release b; T1 release a",
        "lock-order-cycle predicted; lock-order-cycle predicted", NULL);
}

static void test_observed_deadlock_is_told_once(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_deadlock(builder, "T1 a @f:1 b @f:2; T2 b @g:1 a @g:2");
    expect_of(builder,
        "T1 create T2; T1 acquire a @f:1; T2 acquire b @g:1; T1 request b @f:2; T2 request a @g:2",
        "deadlock observed", NULL);
}

static void test_deadlock_of_one_thread_is_a_double_lock(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_deadlock(builder, "T1 a @f:1 a @f:2");
    expect_of(builder, "T1 acquire a @f:1; T1 request a @f:2", "double-lock", NULL);
}

// --- double-lock ---

static void test_double_lock_kinds(void **state)
{
    (void)state;
    expect("T1 acquire a @f:1; T1 request a @f:2", "double-lock", NULL);
    expect("T1 acquire a @f:1; T1 fail a 35; T1 release a", "double-lock", NULL);
    expect("T1 acquire a @f:1; T1 fail a 16; T1 release a", "", NULL);
    expect_of(with_rwlock(), "T1 acquire-shared a; T1 request a", "double-lock", NULL);
    expect_of(with_rwlock(), "T1 acquire a; T1 request-shared a", "double-lock", NULL);
    expect_of(with_rwlock(), "T1 acquire-shared a; T1 request-shared a", "", NULL);
}

static void test_recursive_mutex_may_be_locked_twice(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "a", OBJECT_MUTEX, OBJECT_RECURSIVE, 0);
    expect_of(builder, "T1 acquire a; T1 acquire a; T1 release a; T1 release a; T1 thread-end T1", "", NULL);
}

// --- unreleased-lock ---

static void test_thread_ends_with_a_lock(void **state)
{
    (void)state;
    expect("T1 acquire a; T1 thread-end T1", "unreleased-lock", NULL);
    expect("T1 acquire a; T1 thread-end T1; T1 release a", "", NULL);
    expect("T1 acquire a; T1 exit 0", "unreleased-lock", NULL);
    expect("T1 acquire a", "", NULL);
    expect("T1 create T2; T2 acquire a; T1 exit 0", "", NULL);
    expect("T1 acquire a; T1 acquire a; T1 lost 5; T1 thread-end T1", "", NULL);
}

static void test_owner_death_that_is_recovered_is_silent(void **state)
{
    (void)state;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "a", OBJECT_MUTEX, OBJECT_ROBUST, 0);
    expect_of(builder,
        "T1 create T2; T2 acquire a; T2 thread-end T2; T1 acquire a; T1 owner-died a; T1 consistent a; T1 "
        "release a",
        "", NULL);
    builder = trace_builder_new();
    trace_builder_object(builder, "a", OBJECT_MUTEX, OBJECT_ROBUST, 0);
    expect_of(builder,
        "T1 create T2; T1 acquire a; T1 cond-wait c a; T2 acquire a; T2 thread-end T2; T1 cond-wake c a 130;"
        "T1 consistent a; T1 release a",
        "", NULL);
    builder = trace_builder_new();
    trace_builder_object(builder, "a", OBJECT_MUTEX, OBJECT_ROBUST, 0);
    expect_of(builder, "T1 create T2; T2 acquire a; T2 thread-end T2", "unreleased-lock", NULL);
}

static void test_lock_ends_while_held(void **state)
{
    (void)state;
    expect("T1 acquire a; T1 destroy a", "unreleased-lock", NULL);
    expect("T1 acquire a; T1 destroy a; T1 destroy-failed a 16; T1 release a", "unreleased-lock", NULL);
    expect("T1 acquire a; T1 release a; T1 destroy a", "", NULL);
    expect("T1 create T2; T2 acquire a; T1 object-end a 1; T2 post s", "unreleased-lock", NULL);
    expect("T1 acquire a; T1 object-end a 5", "", NULL); // initialised again: another rule's matter
}

static void test_unlocked_by_another_thread_is_not_held_any_more(void **state)
{
    (void)state;
    expect("T1 create T2; T2 acquire a; T1 release a; T2 thread-end T2", "foreign-unlock", NULL);
}

static void expect_once(const char *script, const char *usual)
{
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "o", OBJECT_ONCE, 0, 0);
    expect_of(builder, script, usual, NULL);
}

static void test_once_routine_counts_as_a_lock(void **state)
{
    (void)state;
    // T2 holds a and waits for a routine that takes a.
    expect_once("T1 create T2; T1 once-request o; T1 once-begin o; T1 acquire a; T1 release a; T2 acquire a;"
                "T2 once-request o; T1 once-end o; T1 once-done o; T2 once-done o; T2 release a",
        "lock-order-cycle predicted");
    // It takes a after the routine only; or the routine takes none.
    expect_once(
        "T1 create T2; T1 once-request o; T1 once-begin o; T1 acquire a; T1 release a;"
        "T2 once-request o; T1 once-end o; T1 once-done o; T2 once-done o; T2 acquire a; T2 release a",
        "");
    expect_once(
        "T1 create T2; T1 once-request o; T1 once-begin o; T2 acquire a; T2 once-request o; T1 once-end o;"
        "T1 once-done o; T2 once-done o; T2 release a; T1 acquire a; T1 release a",
        "");
    // A routine that was left by an exception is over.
    expect_once("T1 create T2; T1 once-request o; T1 once-begin o; T1 acquire a; T1 release a; T2 acquire a;"
                "T2 once-request o; T2 once-begin o; T2 once-end o; T2 once-done o; T2 release a",
        "");
}

static void test_prediction_goes_on_after_a_loss(void **state)
{
    (void)state;
    expect(
        "T1 create T2; T1 create T3;" A_THEN_B("T1") "T3 acquire c; T3 lost 5; T3 release c;" B_THEN_A("T2"),
        "lock-order-cycle predicted", NULL);
    // Not where the loss is between the sides and the way to them: in the thread itself, or in one that may have let it go on.
    expect("T1 create T2;" A_THEN_B("T1") "T2 acquire c; T2 lost 5; T2 release c;" B_THEN_A("T2"),
        "lock-order-cycle potential", NULL);
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "s", OBJECT_SEMAPHORE, OBJECT_BY_INIT, 0);
    expect_of(builder,
        "T1 create T2; T1 create T3;" A_THEN_B("T1") "T3 post s; T3 lost 5; T2 acquire s;" B_THEN_A("T2"),
        "lock-order-cycle potential", NULL);
    // A lock whose release was lost is in the way of those only who come after its owner.
    expect("T1 create T2; T1 create T3; T3 acquire g; T3 lost 5; T1 acquire g; T1 release g;" A_THEN_B("T1")
               B_THEN_A("T2"),
        "lock-order-cycle predicted", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_locks_in_opposite_orders),
        cmocka_unit_test(test_one_order_is_silent),
        cmocka_unit_test(test_one_thread_alone),
        cmocka_unit_test(test_gate_lock),
        cmocka_unit_test(test_gate_on_one_side_only),
        cmocka_unit_test(test_ordered_by_join),
        cmocka_unit_test(test_ordered_by_create),
        cmocka_unit_test(test_ordered_once_but_not_always),
        cmocka_unit_test(test_trylock_does_not_block_but_holds),
        cmocka_unit_test(test_timed_lock_does_not_block),
        cmocka_unit_test(test_readers_exclude_writers_only),
        cmocka_unit_test(test_a_gate_held_by_readers_is_open),
        cmocka_unit_test(test_three_threads_three_locks),
        cmocka_unit_test(test_forty_philosophers),
        cmocka_unit_test(test_first_lock_released_before_the_second),
        cmocka_unit_test(test_condition_wait_takes_its_mutex_back),
        cmocka_unit_test(test_prediction_goes_on_after_a_loss),
        cmocka_unit_test(test_once_routine_counts_as_a_lock),
        cmocka_unit_test(test_refused_condition_wait_keeps_its_mutex),
        cmocka_unit_test(test_classes_report_once),
        cmocka_unit_test(test_another_place_is_another_finding),
        cmocka_unit_test(test_observed_deadlock_is_told_once),
        cmocka_unit_test(test_deadlock_of_one_thread_is_a_double_lock),
        cmocka_unit_test(test_double_lock_kinds),
        cmocka_unit_test(test_recursive_mutex_may_be_locked_twice),
        cmocka_unit_test(test_thread_ends_with_a_lock),
        cmocka_unit_test(test_owner_death_that_is_recovered_is_silent),
        cmocka_unit_test(test_lock_ends_while_held),
        cmocka_unit_test(test_unlocked_by_another_thread_is_not_held_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
