// SPDX-License-Identifier: MIT
// Suppressions: what their patterns match, what is wrong with a file and in which line, and which entries served for nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "detect.h"
#include "suppressions.h"
#include "trace_builder.h"

static const char *const inversion =
    "T1 create T2 @main:40;"
    "T1 acquire a @first:1; T1 acquire b[7] @first:2; T1 release b[7]; T1 release a;"
    "T2 acquire b[7] @second:11; T2 acquire a @second:12; T2 release a; T2 release b[7]";

struct fixture {
    struct trace_builder *builder;
    struct model *model;
    struct detect_result *result;
    char *path;
};

static int set_up(void **state)
{
    struct fixture *fixture = g_new0(struct fixture, 1);
    fixture->builder = trace_builder_new();
    trace_builder_script(fixture->builder, inversion);
    fixture->model = trace_builder_model(fixture->builder);
    fixture->result = detect_run(fixture->model, NULL, NULL);
    assert_non_null(fixture->result);
    assert_int_equal(fixture->result->findings->all->len, 1);
    int file = g_file_open_tmp("suppressions-XXXXXX", &fixture->path, NULL);
    assert_true(file >= 0);
    close(file);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    detect_result_free(fixture->result);
    model_free(fixture->model);
    trace_builder_free(fixture->builder);
    g_unlink(fixture->path);
    g_free(fixture->path);
    g_free(fixture);
    return 0;
}

// NULL, and *ret_error is "LINE: what is wrong".
static GPtrArray *read_text(const struct fixture *fixture, const char *text, size_t length, char **ret_error)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *entries = g_ptr_array_new_with_free_func(suppression_free);
    assert_true(g_file_set_contents(fixture->path, text, (gssize)length, NULL));
    if (suppressions_read(fixture->path, entries, &error))
        return entries;
    assert_true(g_str_has_prefix(error->message, fixture->path));
    *ret_error = g_strdup(error->message + strlen(fixture->path) + 1);
    g_ptr_array_unref(entries);
    return NULL;
}

static bool suppresses(const struct fixture *fixture, const char *body)
{
    g_autofree char *error = NULL;
    g_autofree char *text = g_strdup_printf("{\nname\n%s\n}\n", body);
    g_autoptr(GPtrArray) entries = read_text(fixture, text, strlen(text), &error);
    assert_non_null(entries);
    struct finding *finding = fixture->result->findings->all->pdata[0];
    finding->suppressed = false;
    suppressions_apply(entries, fixture->result->findings);
    assert_int_equal(((const struct suppression *)entries->pdata[0])->used, finding->suppressed);
    return finding->suppressed;
}

#define RULE "Trenza:lock-order-cycle\n"

static void what_patterns_match(void **state)
{
    static const char *const bodies[] = { "Trenza:*", "trenza:lock-?rder-cycle", "Trenza:*-*-*",
        RULE "lock:a", RULE "lock:?", RULE "lock:*\nlock:*", RULE "lock:b[*]\nlock:a", RULE "lock:b[7]",
        RULE "fun:first", RULE "fun:f*t", RULE "fun:*", RULE "...", RULE "...\nfun:second",
        RULE "...\n...\nfun:first", RULE "stack:\nfun:first\nstack:\nfun:second",
        RULE "stack:", RULE "src:program.c", RULE "src:*.c", RULE "src:program.c:12", RULE "fun:first\n...",
        RULE "  fun:first\t\n\n# a comment\n" };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        if (!suppresses(*state, bodies[i]))
            fail_msg("does not match: %s", bodies[i]);
}

static void what_patterns_do_not_match(void **state)
{
    static const char *const bodies[] = { "Trenza:deadlock", "Trenza:lock-order", "Trenza:?",
        RULE "lock:a\nlock:c", RULE "lock:b[?]x", RULE "fun:firs", RULE "fun:?", RULE "fun:first\nfun:first",
        RULE "...\nfun:third", RULE "fun:first\n...\nfun:first", RULE "stack:\nfun:first\nstack:\nfun:third",
        RULE "src:rogram.c", RULE "src:program.c:3", RULE "src:other/program.c", RULE "obj:libother.so" };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        if (suppresses(*state, bodies[i]))
            fail_msg("matches: %s", bodies[i]);
}

static void mistakes_are_told_with_their_line(void **state)
{
    static const struct {
        const char *text;
        const char *told;
    } files[] = {
        { "fun:f\n", "1: expected {" },
        { "\n# x\n}\n", "3: expected {" },
        { "{\n}\n", "2: this entry lacks" },
        { "{\n name\n}\n", "3: this entry lacks" },
        { "{\n Trenza:deadlock\n}\n", "3: this entry lacks" },
        { "{\n name\n deadlock\n}\n", "3: here stands" },
        { "{\n name\n Trenza:\n}\n", "3: here stands" },
        { "{\n name\n Trenza:*\n fan:f\n}\n", "4: expected lock:" },
        { "{\n name\n Trenza:*\n fun:\n}\n", "4: expected lock:" },
        { "{\n name\n Trenza:*\n lock:\n}\n", "4: expected lock:" },
        { "{\n name\n Trenza:*\n {\n}\n", "4: expected lock:" },
        { "{\n name\n Trenza:*\n}\n{\n other\n", "7: the last entry does not end" },
        { "{\n name\n Memcheck:Leak\n fun:f\n", "5: the last entry does not end" },
        { "{\n name\n Trenza:*\n fun:\xf0\n}\n", "4: not UTF-8" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *error = NULL;
        g_autoptr(GPtrArray) entries = read_text(*state, files[i].text, strlen(files[i].text), &error);
        if (entries || !g_str_has_prefix(error, files[i].told))
            fail_msg("'%s': '%s' instead of '%s'", files[i].text, entries ? "nothing" : error, files[i].told);
    }
    g_autofree char *error = NULL;
    assert_null(read_text(*state, "{\n na\0me\n", 9, &error));
    assert_true(g_str_has_prefix(error, "2: "));
}

static void a_file_that_is_not_there_is_told(void **state)
{
    struct fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(suppression_free);
    g_unlink(fixture->path);
    assert_false(suppressions_read(fixture->path, entries, &error));
    assert_non_null(strstr(error->message, fixture->path));
}

static void entries_of_other_tools_and_line_ends_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "{\r\n   theirs\r\n   Helgrind:Race\r\n   what:ever\r\n}\r\n"
                               "{\r\n   ours\r\n   Trenza:*\r\n   fun:first\r\n}\r\n";
    g_autofree char *error = NULL;
    g_autoptr(GPtrArray) entries = read_text(fixture, text, strlen(text), &error);
    assert_non_null(entries);
    assert_int_equal(entries->len, 1);
    const struct suppression *entry = entries->pdata[0];
    assert_string_equal(entry->name, "ours");
    assert_int_equal(entry->line, 6);
    suppressions_apply(entries, fixture->result->findings);
    assert_int_equal(entry->used, 1);
}

static void every_entry_counts_what_it_matched(void **state)
{
    struct fixture *fixture = *state;
    static const char text[] = "{\nwide\nTrenza:*\n}\n{\nunused\nTrenza:deadlock\n}\n"
                               "{\nnarrow\nTrenza:lock-order-cycle\nfun:first\n}\n";
    g_autofree char *error = NULL;
    g_autoptr(GPtrArray) entries = read_text(fixture, text, strlen(text), &error);
    assert_non_null(entries);
    suppressions_apply(entries, fixture->result->findings);
    static const unsigned used[] = { 1, 0, 1 };
    assert_int_equal(entries->len, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(((const struct suppression *)entries->pdata[i])->used, used[i]);
}

// Another element of the same array is the same mistake.
static void what_is_generated_matches_and_names_no_index(void **state)
{
    struct fixture *fixture = *state;
    struct finding *finding = fixture->result->findings->all->pdata[0];
    g_autofree char *text = suppression_text(finding);
    assert_non_null(strstr(text, "   lock:a\n"));
    assert_non_null(strstr(text, "   lock:b[*]\n"));
    assert_null(strstr(text, "b[7]"));
    g_autofree char *error = NULL;
    g_autoptr(GPtrArray) entries = read_text(fixture, text, strlen(text), &error);
    assert_non_null(entries);
    suppressions_apply(entries, fixture->result->findings);
    assert_true(finding->suppressed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_patterns_match),
        TEST(what_patterns_do_not_match),
        TEST(mistakes_are_told_with_their_line),
        TEST(a_file_that_is_not_there_is_told),
        TEST(entries_of_other_tools_and_line_ends_are_passed_over),
        TEST(every_entry_counts_what_it_matched),
        TEST(what_is_generated_matches_and_names_no_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
