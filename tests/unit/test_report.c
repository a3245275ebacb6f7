// SPDX-License-Identifier: MIT
// Reports: what people and machines read, and ids that stay the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "detect.h"
#include "report.h"
#include "trace_builder.h"

struct fixture {
    struct trace_builder *builder;
    struct model *model;
    struct detect_result *result;
    struct report report;
};

static void set_up(struct fixture *fixture, struct trace_builder *builder, const char *script)
{
    trace_builder_script(builder, script);
    fixture->builder = builder;
    fixture->model = trace_builder_model(builder);
    fixture->result = detect_run(fixture->model, NULL, NULL);
    assert_non_null(fixture->result);
    struct report_run run = { .trace = "t.db", .model = fixture->model, .counts = fixture->result->counts };
    fixture->report.runs = g_array_new(false, false, sizeof run);
    g_array_append_val(fixture->report.runs, run);
    fixture->report.list = fixture->result->findings;
}

static void tear_down(struct fixture *fixture)
{
    g_array_unref(fixture->report.runs);
    detect_result_free(fixture->result);
    model_free(fixture->model);
    trace_builder_free(fixture->builder);
}

static const char *const inversion =
    "T1 create T2 @main:40;"
    "T1 acquire a @first:1; T1 acquire b @first:2; T1 release b; T1 release a;"
    "T2 acquire b @second:11; T2 acquire a @second:12; T2 release a; T2 release b";

static void test_text_tells_the_story(void **state)
{
    (void)state;
    struct fixture fixture = { 0 };
    set_up(&fixture, trace_builder_new(), inversion);
    const char *id = ((struct finding *)fixture.report.list->all->pdata[0])->id;
    g_autofree char *text = report_text.render(&fixture.report, NULL);
    g_autofree char *wanted = g_strdup_printf(
        "program.c:2: error: lock-order-cycle: 'a' and 'b' are taken in opposite orders by 'main' and "
        "'thread-2'\n"
        "    thread 'main'\n"
        "      takes 'a'\n"
        "        first (program.c:1)\n"
        "      wants 'b', holding 'a'\n"
        "        first (program.c:2)\n"
        "    thread 'thread-2'\n"
        "      takes 'b'\n"
        "        second (program.c:11)\n"
        "      wants 'a', holding 'b'\n"
        "        second (program.c:12)\n"
        "    'a' is a mutex\n"
        "    'b' is a mutex\n"
        "    verdict: predicted (a reordering of this very run reaches it; data flow not recorded)\n"
        "    how it comes about:\n"
        "       1. 'main' creates 'thread-2'                         main (program.c:40)\n"
        "       2. 'main' takes 'a'                                  first (program.c:1)\n"
        "       3. 'thread-2' takes 'b'                              second (program.c:11)\n"
        "       4. 'main' wants 'b', holding 'a'                     first (program.c:2)\n"
        "       5. 'thread-2' wants 'a', holding 'b'                 second (program.c:12)\n"
        "    what to do: Take the locks in the same order everywhere, or take an outer lock around both, or "
        "back off with trylock.\n"
        "    finding %s\n\n"
        "trenza: 1 error, 0 warnings, 0 notes in 9 events of 2 threads in 1 process on 2 objects\n",
        id);
    assert_string_equal(text, wanted);
    tear_down(&fixture);
}

static void test_a_finding_in_full_has_threads_in_columns(void **state)
{
    (void)state;
    struct fixture fixture = { 0 };
    set_up(&fixture, trace_builder_new(), inversion);
    struct report_style style = { .explain = true };
    g_autofree char *text = report_text_finding(fixture.report.list->all->pdata[0], &style);
    assert_non_null(strstr(text, "    how it comes about:\n"
                                 "          'main'                                'thread-2'\n"
                                 "       1. creates 'thread-2'\n"
                                 "          main:40\n"
                                 "       2. takes 'a'\n"
                                 "          first:1\n"
                                 "       3.                                       takes 'b'\n"
                                 "                                                second:11\n"
                                 "       4. WAITS for 'b'\n"
                                 "          first:2\n"
                                 "       5. :                                     WAITS for 'a'\n"
                                 "          :                                     second:12\n"
                                 "    after these steps:\n"
                                 "      'main' holds 'a' and waits for 'b', which 'thread-2' holds\n"
                                 "      'thread-2' holds 'b' and waits for 'a', which 'main' holds\n"));
    assert_non_null(strstr(text, "one order: 'a' before 'b'; that changes second (program.c:12)\n"));
    tear_down(&fixture);
}

static void test_too_many_threads_for_columns_are_a_list(void **state)
{
    (void)state;
    struct fixture fixture = { 0 };
    set_up(&fixture, trace_builder_new(),
        "T1 create T2; T1 create T3; T1 create T4; T1 create T5;"
        "T2 acquire a @f:1; T2 acquire b @f:2; T2 release b; T2 release a;"
        "T3 acquire b @g:1; T3 acquire c @g:2; T3 release c; T3 release b;"
        "T4 acquire c @h:1; T4 acquire d @h:2; T4 release d; T4 release c;"
        "T5 acquire d @i:1; T5 acquire a @i:2; T5 release a; T5 release d");
    struct report_style style = { .explain = true };
    g_autofree char *text = report_text_finding(fixture.report.list->all->pdata[0], &style);
    assert_non_null(strstr(text, "'thread-2' takes 'a'  "));
    assert_null(strstr(text, "WAITS"));
    assert_non_null(strstr(text, "'thread-5' holds 'd' and waits for 'a', which 'thread-2' holds\n"));
    tear_down(&fixture);
}

static void test_colour_is_added_only_when_wanted(void **state)
{
    (void)state;
    struct fixture fixture = { 0 };
    set_up(&fixture, trace_builder_new(), inversion);
    struct report_style vivid = { .colour = true };
    g_autofree char *with = report_text.render(&fixture.report, &vivid);
    g_autofree char *without = report_text.render(&fixture.report, NULL);
    assert_non_null(strchr(with, '\033'));
    assert_null(strchr(without, '\033'));
    tear_down(&fixture);
}

static void test_names_cannot_drive_the_terminal(void **state)
{
    (void)state;
    struct fixture fixture = { 0 };
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "a\033]0,x", OBJECT_MUTEX, 0, 0);
    set_up(&fixture, builder, "T1 acquire a\033]0,x @f:1; T1 thread-end T1");
    g_autofree char *text = report_text.render(&fixture.report, NULL);
    assert_non_null(strstr(text, "unreleased-lock"));
    assert_null(strchr(text, '\033'));
    tear_down(&fixture);
}

static void test_json_has_the_fields_of_the_interface(void **state)
{
    (void)state;
    struct fixture fixture = { 0 };
    set_up(&fixture, trace_builder_new(), inversion);
    g_autofree char *text = report_json.render(&fixture.report, NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    assert_true(json_parser_load_from_data(parser, text, -1, NULL));
    JsonObject *root = json_node_get_object(json_parser_get_root(parser));
    assert_string_equal(json_object_get_string_member(root, "schema"), "trenza-report/1");

    JsonObject *run = json_array_get_object_element(json_object_get_array_member(root, "runs"), 0);
    assert_string_equal(
        json_array_get_string_element(json_object_get_array_member(run, "program"), 0), "./program");
    assert_int_equal(json_object_get_int_member(run, "events"), 9);
    assert_int_equal(json_object_get_int_member(run, "lost"), 0);
    assert_int_equal(json_object_get_int_member(run, "threads"), 2);
    assert_int_equal(json_object_get_int_member(run, "processes"), 1);
    assert_int_equal(json_object_get_int_member(run, "exit_status"), 0);

    JsonObject *finding = json_array_get_object_element(json_object_get_array_member(root, "findings"), 0);
    assert_string_equal(json_object_get_string_member(finding, "rule"), "lock-order-cycle");
    assert_string_equal(json_object_get_string_member(finding, "verdict"), "predicted");
    assert_string_equal(json_object_get_string_member(finding, "level"), "error");
    assert_true(json_object_get_null_member(finding, "reason"));
    assert_false(json_object_get_boolean_member(finding, "suppressed"));
    assert_false(json_object_get_boolean_member(finding, "baseline"));
    assert_int_equal(json_array_get_length(json_object_get_array_member(finding, "locks")), 2);
    assert_int_equal(json_array_get_length(json_object_get_array_member(finding, "threads")), 2);

    JsonArray *steps = json_object_get_array_member(finding, "steps");
    assert_int_equal(json_array_get_length(steps), 4);
    JsonObject *step = json_array_get_object_element(steps, 1);
    assert_int_equal(json_object_get_int_member(step, "thread"), 1);
    assert_string_equal(json_object_get_string_member(step, "action"), "request");
    assert_string_equal(json_object_get_string_member(step, "lock"), "b");
    assert_string_equal(json_array_get_string_element(json_object_get_array_member(step, "holding"), 0), "a");
    JsonObject *frame = json_array_get_object_element(json_object_get_array_member(step, "stack"), 0);
    assert_string_equal(json_object_get_string_member(frame, "function"), "first");
    assert_string_equal(json_object_get_string_member(frame, "file"), "program.c");
    assert_int_equal(json_object_get_int_member(frame, "line"), 2);
    assert_string_equal(json_object_get_string_member(frame, "module"), "program");
    assert_false(json_object_get_boolean_member(frame, "inlined"));
    tear_down(&fixture);
}

static char *id_of(const char *script)
{
    struct fixture fixture = { 0 };
    set_up(&fixture, trace_builder_new(), script);
    assert_int_equal(fixture.report.list->all->len, 1);
    char *id = g_strdup(((struct finding *)fixture.report.list->all->pdata[0])->id);
    tear_down(&fixture);
    return id;
}

static void test_ids_stay_when_lines_and_threads_move(void **state)
{
    (void)state;
    g_autofree char *id = id_of(inversion);
    // Other lines, the other side first, other thread numbers, more of the same.
    g_autofree char *moved =
        id_of("T1 create T2 @main:90; T1 create T3 @main:91;"
              "T3 acquire b @second:61; T3 acquire a @second:62; T3 release a; T3 release b;"
              "T2 acquire a @first:71; T2 acquire b @first:72; T2 release b; T2 release a;"
              "T2 acquire a @first:71; T2 acquire b @first:72; T2 release b; T2 release a");
    g_autofree char *elsewhere =
        id_of("T1 create T2 @main:40;"
              "T1 acquire a @third:1; T1 acquire b @third:2; T1 release b; T1 release a;"
              "T2 acquire b @second:11; T2 acquire a @second:12; T2 release a; T2 release b");
    assert_string_equal(id, moved);
    assert_string_not_equal(id, elsewhere);
}

static struct finding *finding_of(enum finding_level level, const char *verdict, const char *message)
{
    static const struct rule rule = { .id = "some-rule", .level = LEVEL_ERROR };
    struct finding *finding = finding_new(NULL, &rule, level);
    finding->verdict = verdict;
    finding->instances = 1;
    finding_set_message(finding, g_strdup(message));
    finding_set_id(finding, "the same");
    return finding;
}

// Whichever comes first: what is told is the gravest story, not a grave level over a harmless one.
static void test_one_id_tells_the_gravest(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct finding_list *list = finding_list_new();
        struct finding *harmless = finding_of(LEVEL_NOTE, "impossible", "harmless");
        struct finding *grave = finding_of(LEVEL_ERROR, "predicted", "grave");
        finding_list_add(list, order ? harmless : grave);
        finding_list_add(list, order ? grave : harmless);
        finding_list_add(list, finding_of(LEVEL_WARNING, "potential", "likely"));
        assert_int_equal(list->all->len, 1);
        const struct finding *told = list->all->pdata[0];
        assert_int_equal(told->level, LEVEL_ERROR);
        assert_string_equal(told->verdict, "predicted");
        assert_string_equal(told->message, "grave");
        assert_int_equal(told->instances, 3);
        finding_list_free(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_tells_the_story),
        cmocka_unit_test(test_a_finding_in_full_has_threads_in_columns),
        cmocka_unit_test(test_too_many_threads_for_columns_are_a_list),
        cmocka_unit_test(test_colour_is_added_only_when_wanted),
        cmocka_unit_test(test_names_cannot_drive_the_terminal),
        cmocka_unit_test(test_json_has_the_fields_of_the_interface),
        cmocka_unit_test(test_ids_stay_when_lines_and_threads_move),
        cmocka_unit_test(test_one_id_tells_the_gravest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
