// SPDX-License-Identifier: MIT
// Both sources become words that the command's own options parse, so a key exists exactly when the option does.
#include "config.h"

#include <string.h>

#include "source_root.h"

#define CONFIG_NAME ".trenza"

// Files a command reads: in a configuration file they are told as seen from its folder.
static const char *const input_files[] = { "suppressions", "baseline", "source-root", NULL };

static bool parse(const struct command *command, GPtrArray *words, const char *where, GError **error)
{
    g_ptr_array_insert(words, 0, g_strdup(command->name));
    g_ptr_array_add(words, NULL);
    // GOption moves pointers about, and what it takes out is nobody's.
    g_autofree char **vector = g_memdup2(words->pdata, words->len * sizeof(char *));
    int count = (int)words->len - 1;
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, command->options, NULL);
    g_option_context_set_help_enabled(context, false);
    if (!g_option_context_parse(context, &count, &vector, error)) {
        g_prefix_error(error, "%s: ", where);
        return false;
    }
    if (count > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s: '%s' is no option", where, vector[1]);
        return false;
    }
    return true;
}

// --- the file ---

static const GOptionEntry *find_option(const struct command *command, const char *key)
{
    for (const GOptionEntry *option = command->options; option && option->long_name; option++)
        if (strcmp(option->long_name, key) == 0 && !(option->flags & G_OPTION_FLAG_HIDDEN))
            return option;
    return NULL;
}

static char *config_path(void)
{
    const char *chosen = g_getenv("TRENZA_CONFIG");
    if (chosen)
        return *chosen ? g_strdup(chosen) : NULL;
    g_autofree char *at = g_get_current_dir();
    g_autofree char *root = source_root_find(at);
    for (;;) {
        g_autofree char *path = g_build_filename(at, CONFIG_NAME, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return g_steal_pointer(&path);
        if (strcmp(at, root) == 0 || strcmp(at, "/") == 0)
            return NULL;
        char *parent = g_path_get_dirname(at);
        g_free(at);
        at = parent;
    }
}

static char *word_of(const GOptionEntry *option, const char *value, const char *path)
{
    if (!g_strv_contains(input_files, option->long_name) || g_path_is_absolute(value))
        return g_strdup_printf("--%s=%s", option->long_name, value);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *file = g_build_filename(folder, value, NULL);
    return g_strdup_printf("--%s=%s", option->long_name, file);
}

static bool add_key(GKeyFile *file, const GOptionEntry *option, const char *group, const char *path,
    GPtrArray *words, GError **error)
{
    if (option->arg == G_OPTION_ARG_NONE) {
        g_autoptr(GError) wrong = NULL;
        bool wanted = g_key_file_get_boolean(file, group, option->long_name, &wrong);
        if (wrong) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s is true or false", path,
                option->long_name);
            return false;
        }
        if (wanted)
            g_ptr_array_add(words, g_strdup_printf("--%s", option->long_name));
        return true;
    }
    bool is_list = option->arg == G_OPTION_ARG_FILENAME_ARRAY || option->arg == G_OPTION_ARG_STRING_ARRAY;
    g_auto(GStrv) values =
        is_list ? g_key_file_get_string_list(file, group, option->long_name, NULL, error) : NULL;
    g_autofree char *value = is_list ? NULL : g_key_file_get_string(file, group, option->long_name, error);
    if (!values && !value) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    if (value)
        g_ptr_array_add(words, word_of(option, value, path));
    for (char **at = values; at && *at; at++)
        g_ptr_array_add(words, word_of(option, *at, path));
    return true;
}

static bool add_group(
    GKeyFile *file, const struct command *command, const char *path, GPtrArray *words, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(file, command->name, NULL, NULL);
    for (char **key = keys; key && *key; key++) {
        const GOptionEntry *option = find_option(command, *key);
        if (!option) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "%s: %s has no option '%s'",
                path, command->name, *key);
            return false;
        }
        if (!add_key(file, option, command->name, path, words, error))
            return false;
    }
    return true;
}

bool config_apply_file(const struct command *command, GError **error)
{
    g_autofree char *path = command->options ? config_path() : NULL;
    if (!path)
        return true;
    g_autoptr(GKeyFile) file = g_key_file_new();
    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error)) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    return add_group(file, command, path, words, error) && parse(command, words, path, error);
}

// --- the environment ---

bool config_apply_environment(const struct command *command, GError **error)
{
    g_autofree char *upper = g_ascii_strup(command->name, -1);
    g_autofree char *name = g_strdup_printf("TRENZA_%s_OPTIONS", upper);
    const char *value = g_getenv(name);
    if (!value || !*value || !command->options)
        return true;
    g_auto(GStrv) split = NULL;
    g_autoptr(GError) wrong = NULL;
    if (!g_shell_parse_argv(value, NULL, &split, &wrong)) {
        if (g_error_matches(wrong, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
            return true;
        g_propagate_prefixed_error(error, g_steal_pointer(&wrong), "%s: ", name);
        return false;
    }
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    for (char **word = split; *word; word++)
        g_ptr_array_add(words, g_strdup(*word));
    return parse(command, words, name, error);
}
