// SPDX-License-Identifier: MIT
// A box around a row.
#include "trz_lock_item.h"

struct _TrzLockItem {
    GObject parent_instance;
    struct lock_row row;
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

TrzLockItem *trz_lock_item_new(const struct lock_row *row)
{
    TrzLockItem *item = g_object_new(TRZ_TYPE_LOCK_ITEM, NULL);
    item->row = *row;
    return item;
}

const struct lock_row *trz_lock_item_get(TrzLockItem *item)
{
    return &item->row;
}
