// SPDX-License-Identifier: MIT
// Files that appear whole: written beside their place and renamed. What is there and is no regular file (a device, a pipe, a
// symbolic link) is written to as it is: renaming would put a file in its place.
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "leftovers.h"

static void output_done(struct output *output)
{
    if (output->temporary)
        leftovers_forget(output->temporary);
    g_free(output->path);
    g_free(output->temporary);
    *output = (struct output){ 0 };
}

static bool must_stay(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

// What the program wrote there stays, and what it yet writes comes behind the report: a descriptor that is open is not opened
// anew. -1: path names none.
static int own_descriptor(const char *path)
{
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        guint64 fd;
        if (g_str_has_prefix(path, folders[i]) &&
            g_ascii_string_to_unsigned(path + strlen(folders[i]), 10, 0, INT_MAX, &fd, NULL))
            return (int)fd;
    }
    return -1;
}

bool output_open(struct output *output, const char *path)
{
    *output = (struct output){ .stream = stdout };
    if (!path)
        return true;
    output->path = g_strdup(path);
    int fd = own_descriptor(path);
    if (fd >= 0) {
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    } else if (must_stay(path)) {
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    } else {
        output->temporary = g_strdup_printf("%s.XXXXXX", path);
        fd = g_mkstemp_full(output->temporary, O_RDWR | O_CLOEXEC, 0666);
        if (fd >= 0)
            leftovers_add(output->temporary);
    }
    output->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (output->stream)
        return true;
    command_fail("cannot write '%s': %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && output->temporary)
        g_unlink(output->temporary);
    output_done(output);
    return false;
}

bool output_close(struct output *output, bool keep)
{
    bool good = fflush(output->stream) == 0 && !ferror(output->stream);
    int error = errno;
    if (output->path) {
        if (fclose(output->stream) != 0 && good) {
            good = false;
            error = errno;
        }
        if (good && keep && output->temporary && g_rename(output->temporary, output->path) < 0) {
            good = false;
            error = errno;
        }
        if (output->temporary && (!good || !keep))
            g_unlink(output->temporary);
    }
    if (!good)
        command_fail("cannot write %s%s%s: %s", output->path ? "'" : "",
            output->path ? output->path : "the output", output->path ? "'" : "", strerror(error));
    output_done(output);
    return good;
}

char *output_name(const char *pattern)
{
    GString *name = g_string_new(NULL);
    for (const char *at = pattern; *at; at++) {
        if (at[0] == '%' && at[1] == 'p')
            g_string_append_printf(name, "%d", (int)getpid());
        else
            g_string_append_c(name, *at);
        if (at[0] == '%' && (at[1] == 'p' || at[1] == '%'))
            at++;
    }
    return g_string_free(name, false);
}

bool output_wants_colour(FILE *stream)
{
    const char *none = g_getenv("NO_COLOR");
    const char *terminal = g_getenv("TERM");
    return isatty(fileno(stream)) && !(none && *none) && terminal && strcmp(terminal, "dumb") != 0;
}
