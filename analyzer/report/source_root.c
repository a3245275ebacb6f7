// SPDX-License-Identifier: MIT
// Files as a repository names them. By names alone: sources that were built under another path are not recognised.
#include "source_root.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

char *source_root_find(const char *folder)
{
    g_autofree char *at = g_canonicalize_filename(folder, NULL);
    for (;;) {
        g_autofree char *marker = g_build_filename(at, ".git", NULL);
        if (g_file_test(marker, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&at);
        char *parent = g_path_get_dirname(at);
        bool top = strcmp(parent, at) == 0;
        g_free(at);
        at = parent;
        if (top)
            return g_canonicalize_filename(folder, NULL);
    }
}

char *source_root_relative(const char *root, const char *file)
{
    // A name that is not absolute is all the debug information says: it is taken to be the repository's own.
    if (!g_path_is_absolute(file))
        return g_strdup(file);
    g_autofree char *plain = g_canonicalize_filename(file, "/");
    size_t length = strlen(root);
    while (length > 0 && root[length - 1] == '/')
        length--;
    if (strncmp(plain, root, length) != 0 || plain[length] != '/')
        return NULL;
    return g_strdup(plain + length + 1);
}
