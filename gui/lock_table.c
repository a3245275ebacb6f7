// SPDX-License-Identifier: MIT
// Sums up each lock's history once. Blind to locks that nothing happened to.
#include "lock_table.h"

#include "axis.h"

static void take_span(
    struct lock_row *row, const struct timeline *timeline, struct span_ref ref, bool ever_waited)
{
    const struct span *span = timeline_span(timeline, ref);
    bool wait = span->kind != SPAN_HOLD;
    double *longest = &row->numbers[wait ? LOCK_LONGEST_WAIT : LOCK_LONGEST_HOLD];
    double length = (double)(span->end - span->begin) * timeline->model->ns_per_tick;
    if (length < *longest)
        return;
    *longest = length;
    if (wait || !ever_waited) {
        row->worst = ref;
        row->has_worst = true;
    }
}

static struct lock_row sum_up(const struct timeline *timeline, uint32_t object_id)
{
    const struct object_history *history = &timeline->histories[object_id];
    double ns_per_tick = timeline->model->ns_per_tick;
    struct lock_row row = { .object = model_object(timeline->model, object_id) };
    row.numbers[LOCK_HOLDS] = history->holds;
    row.numbers[LOCK_WAITS] = history->waits;
    row.numbers[LOCK_WAIT_TIME] = (double)history->wait_ticks * ns_per_tick;
    row.numbers[LOCK_HOLD_TIME] = (double)history->hold_ticks * ns_per_tick;
    for (uint32_t i = 0; i < history->count; i++)
        if (history->refs[i].track != TRACK_MARKS)
            take_span(&row, timeline, history->refs[i], history->waits > 0);
    return row;
}

static int by_wait(const void *a, const void *b)
{
    int order = lock_row_compare(b, a, LOCK_WAIT_TIME);
    return order ? order : lock_row_compare(a, b, LOCK_NAME);
}

GArray *lock_table_new(const struct timeline *timeline)
{
    GArray *rows = g_array_new(false, false, sizeof(struct lock_row));
    for (uint32_t i = 0; i < timeline->model->objects->len; i++)
        if (model_object(timeline->model, i) && timeline->histories[i].count) {
            struct lock_row row = sum_up(timeline, i);
            g_array_append_val(rows, row);
        }
    g_array_sort(rows, by_wait);
    return rows;
}

const char *lock_column_title(enum lock_column column)
{
    // Short, so that a window of 1000 pixels shows them all.
    static const char *const titles[LOCK_COLUMNS] = { "Lock", "Kind", "Holds", "Waits", "Waited", "Max. wait",
        "Held", "Max. hold" };
    return titles[column];
}

char *lock_row_text(const struct lock_row *row, enum lock_column column)
{
    char text[32];
    switch (column) {
    case LOCK_NAME:
        return g_strdup(row->object->label);
    case LOCK_KIND:
        return g_strdup(object_kind_name(row->object->row.kind));
    case LOCK_HOLDS:
    case LOCK_WAITS:
        return g_strdup_printf("%.0f", row->numbers[column]);
    default:
        if (row->numbers[column] <= 0)
            return g_strdup("–");
        axis_format(row->numbers[column], text, sizeof text);
        return g_strdup(text);
    }
}

int lock_row_compare(const struct lock_row *a, const struct lock_row *b, enum lock_column column)
{
    if (column == LOCK_NAME)
        return g_utf8_collate(a->object->label, b->object->label);
    if (column == LOCK_KIND)
        return (int)a->object->row.kind - (int)b->object->row.kind;
    double x = a->numbers[column];
    double y = b->numbers[column];
    return x < y ? -1 : x > y;
}
