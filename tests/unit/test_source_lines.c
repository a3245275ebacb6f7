// SPDX-License-Identifier: MIT
// What of a source file goes into a trace: which lines, in which encoding, and of which files.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_lines.h"

struct place {
    char *folder;
    char *file;
    struct store *store;
    GString *found; // "LINE:TEXT\n" for each line of `file`
};

static int set_up(void **state)
{
    struct place *place = g_new0(struct place, 1);
    place->folder = g_dir_make_tmp("test-source-lines-XXXXXX", NULL);
    place->file = g_build_filename(place->folder, "a.c", NULL);
    place->found = g_string_new(NULL);
    char *path = g_build_filename(place->folder, "trace.db", NULL);
    int error = store_create(path, &place->store);
    g_free(path);
    *state = place;
    return error;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char *path = g_build_filename(place->folder, "trace.db", NULL);
    store_close(place->store);
    g_unlink(path);
    g_unlink(place->file);
    int error = g_rmdir(place->folder);
    g_free(path);
    g_string_free(place->found, TRUE);
    g_free(place->file);
    g_free(place->folder);
    g_free(place);
    return error;
}

static int read_line(const char *file, int64_t line, const char *text, void *data)
{
    struct place *place = data;
    assert_string_equal(file, place->file);
    g_string_append_printf(place->found, "%d:%s\n", (int)line, text);
    return 0;
}

static const char *copied(struct place *place, const int *lines, size_t count)
{
    struct source_lines *wanted = source_lines_new();
    for (size_t i = 0; i < count; i++)
        source_lines_want(wanted, place->file, lines[i]);
    assert_int_equal(source_lines_write(wanted, place->store), 0);
    source_lines_free(wanted);
    assert_int_equal(store_each_source(place->store, read_line, place), 0);
    return place->found->str;
}

static void write_file(struct place *place, const char *text, gssize size)
{
    assert_true(g_file_set_contents(place->file, text, size, NULL));
}

static void test_three_around(void **state)
{
    write_file(*state, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn", -1);
    const int lines[] = { 2, 9 };
    assert_string_equal(
        copied(*state, lines, 2), "1:a\n2:b\n3:c\n4:d\n5:e\n6:f\n7:g\n8:h\n9:i\n10:j\n11:k\n12:l\n");
}

static void test_beyond_the_end(void **state)
{
    write_file(*state, "a\nb\n\nlast without newline", -1);
    const int lines[] = { 6, 1000000 };
    assert_string_equal(copied(*state, lines, 2), "3:\n4:last without newline\n");
}

static void test_encoding(void **state)
{
    static const char text[] = "caf\xc3\xa9\r\n\xe9t\xe9\n\x1b[31m\0red\n\xc3";
    write_file(*state, text, sizeof(text) - 1);
    const int lines[] = { 1 };
    assert_string_equal(
        copied(*state, lines, 1), "1:caf\xc3\xa9\n2:\\xe9t\\xe9\n3:\\x1b[31m\\x00red\n4:\\xc3\n");
}

static void test_long_line_is_cut_between_characters(void **state)
{
    GString *text = g_string_new("x");
    for (unsigned i = 0; i < 100000; i++)
        g_string_append(text, "\xc3\xa9");
    write_file(*state, text->str, -1);
    const int lines[] = { 1 };
    const char *found = copied(*state, lines, 1);
    assert_in_range(strlen(found), 400, 600);
    assert_null(strchr(found, '\\'));
    g_string_free(text, TRUE);
}

static void test_no_regular_file(void **state)
{
    struct place *place = *state;
    assert_int_equal(mkfifo(place->file, 0600), 0);
    const int lines[] = { 1 };
    assert_string_equal(copied(place, lines, 1), "");
}

static void test_huge_file(void **state)
{
    struct place *place = *state;
    write_file(place, "a\n", -1);
    assert_int_equal(truncate(place->file, 1L << 30), 0);
    const int lines[] = { 1 };
    assert_string_equal(copied(place, lines, 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_around, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_beyond_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encoding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_line_is_cut_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_regular_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_huge_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
