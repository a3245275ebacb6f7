// SPDX-License-Identifier: MIT
// `trenza gui`: becomes trenza-gui, the one that lies beside this program, else the one in the path.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

static char *find_window(void)
{
    static const char *const places[] = { "trenza-gui", "../gui/trenza-gui" }; // installed; in a build folder
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
    for (size_t i = 0; folder && i < G_N_ELEMENTS(places); i++) {
        char *path = g_build_filename(folder, places[i], NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test(path, G_FILE_TEST_IS_DIR))
            return path;
        g_free(path);
    }
    return g_find_program_in_path("trenza-gui");
}

static int run(char **operands, char **program)
{
    if (program)
        return command_fail("gui: takes traces only; see `trenza help gui`");
    g_autofree char *window = find_window();
    if (!window)
        return command_fail("gui: there is no trenza-gui here: Trenza was built without GTK 4");
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    g_ptr_array_add(arguments, window);
    for (char **operand = operands; *operand; operand++)
        g_ptr_array_add(arguments, *operand);
    g_ptr_array_add(arguments, NULL);
    execv(window, (char **)arguments->pdata);
    return command_fail("gui: cannot run '%s': %s", window, strerror(errno));
}

const struct command command_gui = {
    .name = "gui",
    .usage = "[TRACE...]",
    .summary = "Open the window",
    .details =
        "`trenza-gui --render=FILE TRACE` draws the same pictures without one; see `trenza-gui --help`.",
    .run = run,
};
