// SPDX-License-Identifier: MIT
// An interleaving as text, at most 100 columns wide:
//
//          book_payment          print_statement
//      1.  takes 'accounts'
//          book_payment:16
//      2.                        takes 'journal'
//                                print_statement:31
//      3.  WAITS for 'journal'
//          book_payment:18
//      4.  :                     WAITS for 'accounts'
//
// Texts wrap within their column; names and places are cut. Blind to how wide a character is on the screen.
#include "columns.h"

#include <string.h>

#include "call_stack.h"
#include "report.h"

#define THREADS_MAX 4u
#define PAGE_WIDTH 100u
#define MARGIN 10u // before the first column: the number of the row
#define GAP 2u
#define COLUMN_MAX 36u

struct page {
    const struct finding *finding;
    GPtrArray *rows; // of const struct finding_step *
    uint32_t threads[THREADS_MAX];
    bool waiting[THREADS_MAX];
    unsigned n_threads;
    unsigned width; // of a column
    const char *colour;
    const char *off;
};

static bool is_refused(const struct finding_step *step)
{
    for (unsigned i = 0; i < step->n_holding; i++)
        if (step->holding[i] == step->object && step->object->row.flags & OBJECT_ERRORCHECK)
            return true;
    return false;
}

static bool is_wait(const struct finding_step *step)
{
    static const char *const waits[] = { "request", "request-shared", "join-request", "cond-wait",
        "barrier-arrive", "once-request" };
    for (size_t i = 0; i < G_N_ELEMENTS(waits); i++)
        if (strcmp(step->action, waits[i]) == 0)
            return !is_refused(step);
    return false;
}

bool columns_waits(const GPtrArray *rows, unsigned row)
{
    const struct finding_step *step = rows->pdata[row];
    if (!is_wait(step))
        return false;
    for (unsigned i = row + 1; i < rows->len; i++)
        if (((const struct finding_step *)rows->pdata[i])->thread_id == step->thread_id)
            return false;
    return true;
}

GPtrArray *columns_rows(const struct finding *finding)
{
    bool has_witness = finding->witness->len > 0;
    const GArray *steps = has_witness ? finding->witness : finding->steps;
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    for (unsigned i = 0; i < steps->len; i++)
        g_ptr_array_add(all, &g_array_index(steps, struct finding_step, i));
    if (has_witness)
        return g_steal_pointer(&all);
    // The story goes thread by thread: all take their locks before the first of them waits for ever.
    GPtrArray *rows = g_ptr_array_new();
    for (unsigned last = 0; last < 2; last++)
        for (unsigned i = 0; i < all->len; i++)
            if (columns_waits(all, i) == (last == 1))
                g_ptr_array_add(rows, all->pdata[i]);
    return rows;
}

static unsigned lane(const struct page *page, uint32_t thread_id)
{
    unsigned at = 0;
    while (at < page->n_threads && page->threads[at] != thread_id)
        at++;
    return at;
}

static bool find_threads(struct page *page)
{
    for (unsigned i = 0; i < page->rows->len; i++) {
        uint32_t thread_id = ((const struct finding_step *)page->rows->pdata[i])->thread_id;
        if (lane(page, thread_id) < page->n_threads)
            continue;
        if (page->n_threads == THREADS_MAX)
            return false;
        page->threads[page->n_threads++] = thread_id;
    }
    // One thread's story is told already.
    return page->n_threads > (page->finding->witness->len ? 0 : 1);
}

// The text's first `width` characters; what is cut is shown by dots.
static char *cut(const char *value, unsigned width)
{
    GString *clean = g_string_new(NULL);
    report_append_clean(clean, value);
    g_autofree char *whole = g_utf8_make_valid(clean->str, -1);
    g_string_free(clean, true);
    if (g_utf8_strlen(whole, -1) <= width)
        return g_steal_pointer(&whole);
    g_autofree char *head = g_utf8_substring(whole, 0, width - 2);
    return g_strconcat(head, "..", NULL);
}

// Breaks a text at its spaces into lines of the column.
static void wrap(const struct page *page, const char *value, GPtrArray *ret_lines)
{
    g_auto(GStrv) words = g_strsplit(value, " ", -1);
    g_autoptr(GString) line = g_string_new(NULL);
    for (char **word = words; *word; word++) {
        glong length = g_utf8_strlen(line->str, -1) + g_utf8_strlen(*word, -1) + 1;
        if (line->len && length > (glong)page->width) {
            g_ptr_array_add(ret_lines, cut(line->str, page->width));
            g_string_truncate(line, 0);
        }
        g_string_append_printf(line, "%s%s", line->len ? " " : "", *word);
    }
    g_ptr_array_add(ret_lines, cut(line->str, page->width));
}

static char *deed(const struct page *page, unsigned row, bool waits)
{
    g_autofree char *raw = report_step_deed(page->finding, page->rows->pdata[row]);
    g_autofree char *plain = g_utf8_make_valid(raw, -1);
    if (waits && g_str_has_prefix(plain, "wants "))
        return g_strconcat("WAITS for ", plain + strlen("wants "), NULL);
    if (waits && g_str_has_prefix(plain, "waits "))
        return g_strconcat("WAITS ", plain + strlen("waits "), NULL);
    return g_steal_pointer(&plain);
}

static char *place(const struct page *page, uint32_t stack)
{
    struct call_frame site;
    if (!call_stack_site(page->finding->model, stack, &site))
        return NULL;
    const char *function = site.function ? site.function : site.module ? site.module : "?";
    g_autofree char *line = site.line ? g_strdup_printf(":%" G_GINT64_FORMAT, site.line) : g_strdup("");
    // The line says more than the end of a long name.
    g_autofree char *name = cut(function, page->width - (unsigned)strlen(line));
    return g_strconcat(name, line, NULL);
}

static void append_blanks(GString *text, unsigned n)
{
    g_string_append_printf(text, "%*s", (int)n, "");
}

static void end_line(GString *text)
{
    while (text->len && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
    g_string_append_c(text, '\n');
}

// One line over all columns: the text in column `at`, and in the others whether their thread still waits.
static void append_line(
    GString *text, const struct page *page, unsigned at, const char *value, bool emphasised)
{
    for (unsigned i = 0; i < page->n_threads; i++) {
        const char *cell = i == at ? value : page->waiting[i] ? ":" : "";
        bool colour = i == at && emphasised;
        g_string_append_printf(text, "%s%s%s", colour ? page->colour : "", cell, colour ? page->off : "");
        append_blanks(text, page->width + GAP - (unsigned)g_utf8_strlen(cell, -1));
    }
    end_line(text);
}

static void append_row(GString *text, struct page *page, unsigned row)
{
    const struct finding_step *step = page->rows->pdata[row];
    unsigned at = lane(page, step->thread_id);
    bool waits = columns_waits(page->rows, row);
    g_autofree char *what = deed(page, row, waits);
    g_autofree char *where = place(page, step->stack);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    wrap(page, what, lines);
    for (unsigned i = 0; i < lines->len; i++) {
        if (i == 0)
            g_string_append_printf(text, "    %4u. ", row + 1);
        else
            append_blanks(text, MARGIN);
        append_line(text, page, at, lines->pdata[i], waits);
    }
    if (where) {
        append_blanks(text, MARGIN);
        append_line(text, page, at, where, false);
    }
    page->waiting[at] = waits;
}

static void append_header(GString *text, const struct page *page)
{
    append_blanks(text, MARGIN);
    for (unsigned i = 0; i < page->n_threads; i++) {
        g_autofree char *label = finding_thread_label(page->finding, page->threads[i]);
        g_autofree char *name = cut(label, page->width);
        g_string_append(text, name);
        append_blanks(text, page->width + GAP - (unsigned)g_utf8_strlen(name, -1));
    }
    end_line(text);
}

// A story alone says what each thread does, not always that one comes after the other.
static const char *title(const struct finding *finding)
{
    if (finding->witness->len)
        return "how it comes about:";
    if (g_strcmp0(finding->verdict, "impossible") == 0)
        return "how it would have to come about:";
    return g_strcmp0(finding->verdict, "potential") == 0 ? "how it could come about:" : "side by side:";
}

bool columns_append(GString *text, const struct finding *finding, const char *colour, const char *off)
{
    g_autoptr(GPtrArray) rows = columns_rows(finding);
    struct page page = { .finding = finding, .rows = rows, .colour = colour, .off = off };
    if (!find_threads(&page))
        return false;
    page.width = MIN(COLUMN_MAX, (PAGE_WIDTH - MARGIN) / page.n_threads - GAP);
    g_string_append_printf(text, "    %s\n", title(finding));
    if (finding->witness_left_out)
        g_string_append_printf(
            text, "          (%u steps that say little are left out)\n", finding->witness_left_out);
    append_header(text, &page);
    for (unsigned i = 0; i < rows->len; i++)
        append_row(text, &page, i);
    return true;
}
