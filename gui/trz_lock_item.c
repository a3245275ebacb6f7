// SPDX-License-Identifier: MIT
// Sums up a lock's history once, when the item is made.
#include "trz_lock_item.h"

#include <string.h>

#include "axis.h"

struct _TrzLockItem {
    GObject parent_instance;
    const struct model_object *object;
    double numbers[TRZ_LOCK_COLUMNS]; // counts, or nanoseconds
    struct span_ref worst;
    bool has_worst;
};

G_DEFINE_FINAL_TYPE(TrzLockItem, trz_lock_item, G_TYPE_OBJECT)

static void trz_lock_item_class_init(TrzLockItemClass *class)
{
    (void)class;
}

static void trz_lock_item_init(TrzLockItem *item)
{
    (void)item;
}

TrzLockItem *trz_lock_item_new(const struct timeline *timeline, uint32_t object_id)
{
    TrzLockItem *item = g_object_new(TRZ_TYPE_LOCK_ITEM, NULL);
    const struct object_history *history = &timeline->histories[object_id];
    double ns_per_tick = timeline->model->ns_per_tick;
    item->object = model_object(timeline->model, object_id);
    item->numbers[TRZ_LOCK_HOLDS] = history->holds;
    item->numbers[TRZ_LOCK_WAITS] = history->waits;
    item->numbers[TRZ_LOCK_WAIT_TIME] = (double)history->wait_ticks * ns_per_tick;
    item->numbers[TRZ_LOCK_HOLD_TIME] = (double)history->hold_ticks * ns_per_tick;
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->refs[i].track == TRACK_MARKS)
            continue;
        const struct span *span = timeline_span(timeline, history->refs[i]);
        bool wait = span->kind != SPAN_HOLD;
        double *longest = &item->numbers[wait ? TRZ_LOCK_LONGEST_WAIT : TRZ_LOCK_LONGEST_HOLD];
        double length = (double)(span->end - span->begin) * ns_per_tick;
        if (length < *longest)
            continue;
        *longest = length;
        if (wait || !history->waits) {
            item->worst = history->refs[i];
            item->has_worst = true;
        }
    }
    return item;
}

uint32_t trz_lock_item_get_id(TrzLockItem *item)
{
    return item->object->row.id;
}

char *trz_lock_item_text(TrzLockItem *item, enum trz_lock_column column)
{
    char text[32];
    switch (column) {
    case TRZ_LOCK_NAME:
        return g_strdup(item->object->label);
    case TRZ_LOCK_KIND:
        return g_strdup(object_kind_name(item->object->row.kind));
    case TRZ_LOCK_HOLDS:
    case TRZ_LOCK_WAITS:
        return g_strdup_printf("%.0f", item->numbers[column]);
    default:
        if (item->numbers[column] <= 0)
            return g_strdup("–");
        axis_format(item->numbers[column], text, sizeof text);
        return g_strdup(text);
    }
}

int trz_lock_item_compare(TrzLockItem *a, TrzLockItem *b, enum trz_lock_column column)
{
    if (column == TRZ_LOCK_NAME)
        return g_utf8_collate(a->object->label, b->object->label);
    if (column == TRZ_LOCK_KIND)
        return (int)a->object->row.kind - (int)b->object->row.kind;
    double x = a->numbers[column];
    double y = b->numbers[column];
    return x < y ? -1 : x > y;
}

bool trz_lock_item_worst(TrzLockItem *item, struct span_ref *ret_span)
{
    *ret_span = item->worst;
    return item->has_worst;
}
