// SPDX-License-Identifier: MIT
// Remembers wanted lines per file; reads each file once. Blind to sources that were edited after compiling: what the
// file says now is stored.
#include "source_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AROUND 3 // lines before and after
#define FILE_BYTES_MAX (16u << 20)
#define LINE_BYTES_MAX 500u // machine-made sources have lines of a megabyte

struct source_lines {
    GHashTable *files; // name -> GHashTable, a set of line numbers
};

struct source_lines *source_lines_new(void)
{
    struct source_lines *lines = g_new0(struct source_lines, 1);
    lines->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    return lines;
}

void source_lines_free(struct source_lines *lines)
{
    if (!lines)
        return;
    g_hash_table_unref(lines->files);
    g_free(lines);
}

void source_lines_want(struct source_lines *lines, const char *file, int line)
{
    GHashTable *wanted = g_hash_table_lookup(lines->files, file);
    if (!wanted) {
        wanted = g_hash_table_new(NULL, NULL);
        g_hash_table_insert(lines->files, g_strdup(file), wanted);
    }
    for (int i = MAX(1, line - AROUND); i <= line + AROUND; i++)
        g_hash_table_add(wanted, GINT_TO_POINTER(i));
}

char *source_lines_escape(const char *text, size_t length)
{
    GString *escaped = g_string_sized_new(length);
    const char *end = text + length;
    while (text < end) {
        gunichar character = g_utf8_get_char_validated(text, end - text);
        bool is_valid = character != (gunichar)-1 && character != (gunichar)-2;
        if (is_valid && (!g_unichar_iscntrl(character) || character == '\t')) {
            const char *next = g_utf8_next_char(text);
            g_string_append_len(escaped, text, next - text);
            text = next;
        } else {
            g_string_append_printf(escaped, "\\x%02x", (unsigned char)*text++);
        }
    }
    return g_string_free(escaped, FALSE);
}

static char *read_file(const char *file, size_t *ret_size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    struct stat status;
    char *text = NULL;
    size_t size = 0;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        status.st_size <= FILE_BYTES_MAX) {
        text = g_malloc((size_t)status.st_size);
        ssize_t got;
        while (
            size < (size_t)status.st_size && (got = read(fd, text + size, (size_t)status.st_size - size)) > 0)
            size += (size_t)got;
    }
    close(fd);
    *ret_size = size;
    return text;
}

static int write_line(struct store *store, const char *file, int line, const char *text, size_t length)
{
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (length > LINE_BYTES_MAX) {
        const char *cut = text + LINE_BYTES_MAX;
        for (int i = 0; i < 3 && (*cut & 0xC0) == 0x80; i++) // not inside a character
            cut--;
        length = (size_t)(cut - text);
    }
    char *escaped = source_lines_escape(text, length);
    int error = store_put_source(store, file, line, escaped);
    g_free(escaped);
    return error;
}

static int write_file(struct store *store, const char *file, GHashTable *wanted)
{
    size_t size = 0;
    char *text = read_file(file, &size);
    char *stored_name = source_lines_escape(file, strlen(file));
    int error = 0, line = 1;
    for (size_t start = 0; error >= 0 && start < size; line++) {
        const char *newline = memchr(text + start, '\n', size - start);
        size_t end = newline ? (size_t)(newline - text) : size;
        if (g_hash_table_contains(wanted, GINT_TO_POINTER(line)))
            error = write_line(store, stored_name, line, text + start, end - start);
        start = end + 1;
    }
    g_free(stored_name);
    g_free(text);
    return error;
}

int source_lines_write(struct source_lines *lines, struct store *store)
{
    GHashTableIter each;
    gpointer file, wanted;
    g_hash_table_iter_init(&each, lines->files);
    while (g_hash_table_iter_next(&each, &file, &wanted)) {
        int error = g_path_is_absolute(file) ? write_file(store, file, wanted) : 0;
        if (error < 0)
            return error;
    }
    return 0;
}
