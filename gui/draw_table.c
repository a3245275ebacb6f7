// SPDX-License-Identifier: MIT
// A line per lock; figures to the right, names as wide as there is room.
#include "draw_table.h"

#include <math.h>
#include <stdio.h>

#define ROW 26.0 // px
#define HEADING 28.0
#define MARGIN 10.0
#define NAME_MIN 90.0
#define DOT 9.0 // in the lock's colour

static const double widths[LOCK_COLUMNS] = { 0, 92, 68, 68, 84, 84, 84, 84 };

struct cell {
    double x; // where text begins, or ends
    double width;
};

static struct cell cell_of(enum lock_column column, double width)
{
    double others = 0;
    for (int i = LOCK_KIND; i < LOCK_COLUMNS; i++)
        others += widths[i];
    double name = fmax(width - others - MARGIN, NAME_MIN);
    if (column == LOCK_NAME)
        return (struct cell){ MARGIN + DOT + 6, name - MARGIN - DOT - 12 };
    double left = name;
    for (int i = LOCK_KIND; i < (int)column; i++)
        left += widths[i];
    bool text = lock_column_is_text(column);
    return (struct cell){ text ? left : left + widths[column], widths[column] - 8 };
}

static void draw_cell(struct paint *paint, const char *text, enum lock_column column, double y, double width,
    unsigned style, struct colour colour)
{
    struct cell cell = cell_of(column, width);
    paint_text(
        paint, text, cell.x, y, cell.width, style | (lock_column_is_text(column) ? 0 : TEXT_RIGHT), colour);
}

static void draw_row(struct paint *paint, const struct lock_row *row, double top, double width)
{
    double middle = top + ROW / 2;
    paint_rounded(paint, MARGIN, middle - DOT / 2, DOT, DOT, DOT / 2);
    paint_colour(paint, theme_lock(paint->theme, timeline_colour(row->object->row.id)));
    cairo_fill(paint->cr);
    for (int i = 0; i < LOCK_COLUMNS; i++) {
        g_autofree char *text = lock_row_text(row, i);
        draw_cell(paint, text ? text : "", i, middle, width, 0,
            i == LOCK_KIND ? paint->theme->dim : paint->theme->text);
    }
    paint_line(paint, 0, top + ROW - 0.5, width, top + ROW - 0.5, paint->theme->grid, 1);
}

void draw_table(struct paint *paint, const GArray *rows, double width, double height)
{
    const struct theme *theme = paint->theme;
    paint_fill(paint, 0, 0, width, height, theme->background);
    paint_fill(paint, 0, 0, width, HEADING, theme->header);
    for (int i = 0; i < LOCK_COLUMNS; i++)
        draw_cell(paint, lock_column_title(i), i, HEADING / 2, width, TEXT_BOLD | TEXT_SMALL, theme->dim);
    paint_line(paint, 0, HEADING - 0.5, width, HEADING - 0.5, theme->line, 1);
    unsigned room = (unsigned)fmax((height - HEADING) / ROW, 0);
    unsigned shown = rows->len <= room ? rows->len : room - (room > 0);
    for (unsigned i = 0; i < shown; i++)
        draw_row(paint, &g_array_index(rows, struct lock_row, i), HEADING + i * ROW, width);
    char text[64];
    snprintf(text, sizeof text, "and %u more", rows->len - shown);
    if (!rows->len)
        snprintf(text, sizeof text, "No lock was used.");
    if (shown < rows->len || !rows->len)
        paint_text(paint, text, MARGIN, HEADING + (shown + 0.5) * ROW, width, TEXT_SMALL, theme->dim);
}
