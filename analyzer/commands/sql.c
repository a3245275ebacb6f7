// SPDX-License-Identifier: MIT
// `trenza sql`: queries on a trace, with the table `event`. Aligned columns on a terminal, tab-separated values elsewhere.
//
// Rows are held back only to align columns on a terminal, and only so many that the first of them appear at once.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "finish.h"
#include "store.h"

#define ALIGN_ROWS 200u // these decide the widths
#define WIDTH_MAX 60

struct table {
    bool aligned;
    bool header_done;
    int columns;
    GPtrArray *rows; // of char **: kept until the widths are known, the header first
    GArray *widths;  // of int, once known
};

static int cell_width(const char *text)
{
    return g_utf8_validate(text, -1, NULL) ? (int)g_utf8_strlen(text, -1) : (int)strlen(text);
}

static void print_tsv(char **cells)
{
    for (char **cell = cells; *cell; cell++) {
        if (cell != cells)
            putchar('\t');
        for (const char *at = *cell; *at; at++)
            fputs(*at == '\t' ? "\\t" : *at == '\n' ? "\\n" : (char[]){ *at, 0 }, stdout);
    }
    putchar('\n');
}

static void print_aligned(const struct table *table, char **cells)
{
    for (int i = 0; cells[i]; i++) {
        int width = g_array_index(table->widths, int, i);
        fputs(cells[i], stdout);
        if (cells[i + 1])
            printf("%*s", MAX(width - cell_width(cells[i]), 0) + 2, "");
    }
    putchar('\n');
}

static void flush_rows(struct table *table)
{
    if (!table->rows->len)
        return;
    if (!table->widths) {
        table->widths = g_array_new(false, true, sizeof(int));
        g_array_set_size(table->widths, (unsigned)table->columns);
        for (unsigned i = 0; i < table->rows->len; i++)
            for (int j = 0; j < table->columns; j++) {
                int *width = &g_array_index(table->widths, int, j);
                *width = MIN(MAX(*width, cell_width(((char **)table->rows->pdata[i])[j])), WIDTH_MAX);
            }
    }
    for (unsigned i = 0; i < table->rows->len; i++)
        print_aligned(table, table->rows->pdata[i]);
    g_ptr_array_set_size(table->rows, 0);
}

static void add_row(struct table *table, int columns, const char *const *values)
{
    char **cells = g_new0(char *, columns + 1);
    for (int i = 0; i < columns; i++)
        cells[i] = g_strdup(values[i] ? values[i] : "");
    table->columns = columns;
    if (!table->aligned) {
        print_tsv(cells);
        g_strfreev(cells);
        return;
    }
    g_ptr_array_add(table->rows, cells);
    if (table->rows->len >= ALIGN_ROWS || table->widths)
        flush_rows(table);
}

static int each_row(int columns, const char *const *names, const char *const *values, void *data)
{
    struct table *table = data;
    if (!table->header_done)
        add_row(table, columns, names);
    table->header_done = true;
    add_row(table, columns, values);
    return ferror(stdout) ? 1 : 0;
}

static void free_cells(void *cells)
{
    g_strfreev(cells);
}

static int query(struct store *store, const char *sql)
{
    struct table table = {
        .aligned = isatty(STDOUT_FILENO),
        .rows = g_ptr_array_new_with_free_func(free_cells),
    };
    int r = store_query(store, sql, each_row, &table);
    flush_rows(&table);
    g_ptr_array_unref(table.rows);
    if (table.widths)
        g_array_unref(table.widths);
    fflush(stdout);
    return r < 0 ? command_fail("sql: %s", store_message(store)) : COMMAND_OK;
}

// Reads queries, each up to a line that ends in a semicolon, until the end of the input.
static int prompt(struct store *store)
{
    bool asks = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    g_autoptr(GString) sql = g_string_new(NULL);
    char *line = NULL;
    size_t capacity = 0;
    int code = COMMAND_OK;
    if (asks)
        printf("Queries end in a semicolon; the tables are those of the trace, and `event`. Ctrl-D ends.\n");
    for (;;) {
        if (asks) {
            fputs(sql->len ? "   ...> " : "trenza> ", stdout);
            fflush(stdout);
        }
        if (getline(&line, &capacity, stdin) < 0)
            break;
        g_string_append(sql, line);
        g_autofree char *trimmed = g_strstrip(g_strdup(sql->str));
        if (!g_str_has_suffix(trimmed, ";"))
            continue;
        code = query(store, trimmed);
        g_string_truncate(sql, 0);
    }
    g_autofree char *rest = g_strstrip(g_strdup(sql->str));
    if (*rest)
        code = query(store, rest);
    if (asks)
        putchar('\n');
    free(line);
    return code;
}

static int run(char **operands, char **program)
{
    if (program || !*operands || (operands[1] && operands[2]))
        return command_fail("sql: a trace and perhaps one query are needed; see `trenza help sql`");
    struct store *store = NULL;
    if (store_open(*operands, true, &store) < 0) {
        const char *message = store ? store_message(store) : NULL;
        command_fail("%s", message && *message ? message : "out of memory");
        store_close(store);
        return COMMAND_FAILED;
    }
    int code = operands[1] ? query(store, operands[1]) : prompt(store);
    store_close(store);
    return code;
}

const struct command command_sql = {
    .name = "sql",
    .usage = "TRACE [QUERY]",
    .summary = "Query a trace as SQL, with its events as the table `event`",
    .details = "Without QUERY, queries are read from standard input. Try:\n"
               "  trenza sql trenza.db 'SELECT kind, count(*) FROM event GROUP BY kind ORDER BY 2 DESC'\n"
               "The trace is opened for reading only.",
    .run = run,
};
