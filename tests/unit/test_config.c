// SPDX-License-Identifier: MIT
// Options from the file, the environment and the command line: which of them wins, where the file is looked for, and what a
// mistake in it is told as.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the ones above first
#include <cmocka.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

static struct {
    char *level;
    int seconds;
    gboolean all;
    char **formats;
    char **suppressions;
} found;

static const GOptionEntry options[] = {
    { "level", 'l', 0, G_OPTION_ARG_STRING, &found.level, NULL, NULL },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &found.seconds, NULL, NULL },
    { "all", 0, 0, G_OPTION_ARG_NONE, &found.all, NULL, NULL },
    { "format", 0, 0, G_OPTION_ARG_STRING_ARRAY, &found.formats, NULL, NULL },
    { "suppressions", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &found.suppressions, NULL, NULL },
    { 0 },
};
static const struct command command = { .name = "probe", .options = options };

struct fixture {
    char *root; // with a .git
    char *below;
    char *config;
};

static int set_up(void **state)
{
    struct fixture *fixture = g_new0(struct fixture, 1);
    g_autofree char *made = g_dir_make_tmp("config-XXXXXX", NULL);
    fixture->root = realpath(made, NULL);
    fixture->below = g_build_filename(fixture->root, "src", "deep", NULL);
    fixture->config = g_build_filename(fixture->root, ".trenza", NULL);
    g_autofree char *marker = g_build_filename(fixture->root, ".git", NULL);
    assert_int_equal(g_mkdir_with_parents(fixture->below, 0755), 0);
    assert_int_equal(g_mkdir(marker, 0755), 0);
    assert_int_equal(g_chdir(fixture->below), 0);
    g_unsetenv("TRENZA_CONFIG");
    g_unsetenv("TRENZA_PROBE_OPTIONS");
    memset(&found, 0, sizeof found);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(g_chdir("/"), 0);
    g_autofree char *remove = g_strdup_printf("rm -rf '%s'", fixture->root);
    assert_int_equal(system(remove), 0);
    free(fixture->root);
    g_free(fixture->below);
    g_free(fixture->config);
    g_free(fixture);
    return 0;
}

// As main.c does it. NULL: all is well; else the error, which the caller frees.
static char *apply(const char *file, const char *folder, const char *environment, const char *command_line)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(folder, ".trenza", NULL);
    if (file)
        assert_true(g_file_set_contents(path, file, -1, NULL));
    if (environment)
        g_setenv("TRENZA_PROBE_OPTIONS", environment, true);
    if (!config_apply_file(&command, &error) || !config_apply_environment(&command, &error))
        return g_strdup(error->message);
    g_autofree char *line = g_strdup_printf("probe %s", command_line ? command_line : "");
    int count;
    char **words;
    assert_true(g_shell_parse_argv(line, &count, &words, NULL));
    GOptionContext *context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, options, NULL);
    assert_true(g_option_context_parse(context, &count, &words, NULL));
    g_option_context_free(context);
    return NULL;
}

static void assert_list(char **list, const char *expected)
{
    g_autofree char *joined = list ? g_strjoinv(" ", list) : g_strdup("");
    assert_string_equal(joined, expected);
}

static void the_command_line_wins_over_the_environment_and_that_over_the_file(void **state)
{
    const struct fixture *fixture = *state;
    static const char file[] = "[probe]\nlevel=file\nseconds=1\nformat=f1;f2\n[other]\nunknown=1\n";
    static const struct {
        const char *environment;
        const char *line;
        const char *level;
        const char *formats;
        int seconds;
    } cases[] = {
        { NULL, NULL, "file", "f1 f2", 1 },
        { "", NULL, "file", "f1 f2", 1 },
        { "  ", NULL, "file", "f1 f2", 1 },
        { "--level=env", NULL, "env", "f1 f2", 1 },
        { "-l 'e n v' --format=e1", NULL, "e n v", "e1", 1 },
        { "--level=env --seconds=2", "--level=line", "line", "f1 f2", 2 },
        { "--format=e1 --format=e2", "--format=l1", "file", "l1", 1 },
        { NULL, "--seconds=3 --format=l1 --format=l2", "file", "l1 l2", 3 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        memset(&found, 0, sizeof found);
        g_unsetenv("TRENZA_PROBE_OPTIONS");
        assert_null(apply(file, fixture->root, cases[i].environment, cases[i].line));
        assert_string_equal(found.level, cases[i].level);
        assert_list(found.formats, cases[i].formats);
        assert_int_equal(found.seconds, cases[i].seconds);
    }
}

static void options_without_a_value_are_true_or_false(void **state)
{
    const struct fixture *fixture = *state;
    assert_null(apply("[probe]\nall=false\n", fixture->root, NULL, NULL));
    assert_false(found.all);
    assert_null(apply("[probe]\nall=true\n", fixture->root, NULL, NULL));
    assert_true(found.all);
}

static void the_nearest_file_counts_up_to_the_repository(void **state)
{
    const struct fixture *fixture = *state;
    g_autofree char *middle = g_path_get_dirname(fixture->below);
    assert_null(apply("[probe]\nlevel=top\n", fixture->root, NULL, NULL));
    assert_string_equal(found.level, "top");
    assert_null(apply("[probe]\nlevel=middle\n", middle, NULL, NULL));
    assert_string_equal(found.level, "middle");
    g_autofree char *marker = g_build_filename(fixture->below, ".git", NULL);
    assert_int_equal(g_mkdir(marker, 0755), 0);
    memset(&found, 0, sizeof found);
    assert_null(apply(NULL, fixture->below, NULL, NULL));
    assert_null(found.level);
}

static void the_environment_can_name_the_file_or_none(void **state)
{
    const struct fixture *fixture = *state;
    g_autofree char *other = g_build_filename(fixture->root, "other", NULL);
    assert_true(g_file_set_contents(other, "[probe]\nlevel=other\n", -1, NULL));
    g_setenv("TRENZA_CONFIG", other, true);
    assert_null(apply("[probe]\nlevel=file\n", fixture->root, NULL, NULL));
    assert_string_equal(found.level, "other");
    memset(&found, 0, sizeof found);
    g_setenv("TRENZA_CONFIG", "", true);
    assert_null(apply(NULL, fixture->root, NULL, NULL));
    assert_null(found.level);
    g_setenv("TRENZA_CONFIG", "/nonexistent/file", true);
    g_autofree char *error = apply(NULL, fixture->root, NULL, NULL);
    assert_non_null(error);
    assert_non_null(strstr(error, "/nonexistent/file"));
}

static void files_are_named_from_the_folder_of_the_file(void **state)
{
    const struct fixture *fixture = *state;
    g_autofree char *expected = g_strdup_printf("%s/ci/a.supp /etc/b.supp", fixture->root);
    assert_null(apply("[probe]\nsuppressions=ci/a.supp;/etc/b.supp\n", fixture->root, NULL, NULL));
    assert_list(found.suppressions, expected);
    assert_null(apply(NULL, fixture->root, "--suppressions=here.supp", NULL));
    assert_list(found.suppressions, "here.supp");
}

static void mistakes_name_where_they_are(void **state)
{
    const struct fixture *fixture = *state;
    static const struct {
        const char *file;
        const char *environment;
        const char *told;
    } cases[] = {
        { "[probe]\ncolour=blue\n", NULL, "probe has no option 'colour'" },
        { "[probe]\nseconds=many\n", NULL, "many" },
        { "[probe]\nall=perhaps\n", NULL, "all is true or false" },
        { "nonsense\n", NULL, "" },
        { "", "--colour=blue", "TRENZA_PROBE_OPTIONS" },
        { "", "\"", "TRENZA_PROBE_OPTIONS" },
        { "", "word", "TRENZA_PROBE_OPTIONS: 'word' is no option" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_unsetenv("TRENZA_PROBE_OPTIONS");
        g_autofree char *error = apply(cases[i].file, fixture->root, cases[i].environment, NULL);
        assert_non_null(error);
        assert_non_null(strstr(error, cases[i].told));
        if (!cases[i].environment)
            assert_non_null(strstr(error, fixture->config));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_command_line_wins_over_the_environment_and_that_over_the_file),
        TEST(options_without_a_value_are_true_or_false),
        TEST(the_nearest_file_counts_up_to_the_repository),
        TEST(the_environment_can_name_the_file_or_none),
        TEST(files_are_named_from_the_folder_of_the_file),
        TEST(mistakes_name_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
