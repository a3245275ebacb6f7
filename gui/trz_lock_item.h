// SPDX-License-Identifier: MIT
// A row of the table of locks as an item of a list model.
#ifndef TRENZA_TRZ_LOCK_ITEM_H
#define TRENZA_TRZ_LOCK_ITEM_H

#include <glib-object.h>

#include "lock_table.h"

G_BEGIN_DECLS

#define TRZ_TYPE_LOCK_ITEM (trz_lock_item_get_type())
G_DECLARE_FINAL_TYPE(TrzLockItem, trz_lock_item, TRZ, LOCK_ITEM, GObject)

// The row is copied; what it points at must outlive the item.
TrzLockItem *trz_lock_item_new(const struct lock_row *row);
const struct lock_row *trz_lock_item_get(TrzLockItem *item);

G_END_DECLS

#endif
