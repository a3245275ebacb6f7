// SPDX-License-Identifier: MIT
// A key file, read whole and written whole.
#include "settings.h"

#define GROUP "window"

static char *settings_path(void)
{
    return g_build_filename(g_get_user_config_dir(), "trenza", "window.ini", NULL);
}

static int get_number(GKeyFile *file, const char *key, int fallback, int least, int most)
{
    GError *error = NULL;
    int value = g_key_file_get_integer(file, GROUP, key, &error);
    bool bad = error || value < least || value > most;
    g_clear_error(&error);
    return bad ? fallback : value;
}

void settings_load(struct settings *settings)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = settings_path();
    g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
    *settings = (struct settings){
        .width = get_number(file, "width", 1400, 400, 20000),
        .height = get_number(file, "height", 860, 300, 20000),
        .maximized = get_number(file, "maximized", 0, 0, 1),
        .findings = get_number(file, "findings", 1, 0, 1),
        .sidebar = get_number(file, "sidebar", 340, 120, 5000),
        .story = get_number(file, "story", 240, 60, 5000),
        .dark = get_number(file, "dark", 0, 0, 1),
        .dark_chosen = g_key_file_has_key(file, GROUP, "dark", NULL),
        .view = g_key_file_get_string(file, GROUP, "view", NULL),
    };
}

void settings_save(const struct settings *settings)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = settings_path();
    g_autofree char *folder = g_path_get_dirname(path);
    g_key_file_set_integer(file, GROUP, "width", settings->width);
    g_key_file_set_integer(file, GROUP, "height", settings->height);
    g_key_file_set_integer(file, GROUP, "maximized", settings->maximized);
    g_key_file_set_integer(file, GROUP, "findings", settings->findings);
    g_key_file_set_integer(file, GROUP, "sidebar", settings->sidebar);
    g_key_file_set_integer(file, GROUP, "story", settings->story);
    if (settings->dark_chosen)
        g_key_file_set_integer(file, GROUP, "dark", settings->dark);
    if (settings->view)
        g_key_file_set_string(file, GROUP, "view", settings->view);
    g_mkdir_with_parents(folder, 0700);
    g_key_file_save_to_file(file, path, NULL);
}

void settings_done(struct settings *settings)
{
    g_clear_pointer(&settings->view, g_free);
}
