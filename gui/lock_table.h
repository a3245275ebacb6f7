// SPDX-License-Identifier: MIT
// All locks with their figures, as rows of a table: what the table's widget sorts and its picture shows.
#ifndef TRENZA_LOCK_TABLE_H
#define TRENZA_LOCK_TABLE_H

#include "timeline.h"

enum lock_column {
    LOCK_NAME,
    LOCK_KIND,
    LOCK_HOLDS,
    LOCK_WAITS,
    LOCK_WAIT_TIME,
    LOCK_LONGEST_WAIT,
    LOCK_HOLD_TIME,
    LOCK_LONGEST_HOLD,
    LOCK_COLUMNS,
};

struct lock_row {
    const struct model_object *object;
    double numbers[LOCK_COLUMNS]; // counts, or nanoseconds
    struct span_ref worst;        // the longest wait for it, or else the longest hold
    bool has_worst;
};

// Of struct lock_row, the longest waited for first. The caller unrefs it; the timeline must outlive it.
GArray *lock_table_new(const struct timeline *timeline);
const char *lock_column_title(enum lock_column column);
// Is it text, aligned to the left?
static inline bool lock_column_is_text(enum lock_column column)
{
    return column <= LOCK_KIND;
}
// What a cell shows; the caller frees it.
char *lock_row_text(const struct lock_row *row, enum lock_column column);
// By text in the first column, by number in the others.
int lock_row_compare(const struct lock_row *a, const struct lock_row *b, enum lock_column column);

#endif
