// SPDX-License-Identifier: MIT
// A lock and its figures as an item of a list model, with one numeric property per column to sort by.
#ifndef TRENZA_TRZ_LOCK_ITEM_H
#define TRENZA_TRZ_LOCK_ITEM_H

#include <glib-object.h>

#include "timeline.h"

G_BEGIN_DECLS

#define TRZ_TYPE_LOCK_ITEM (trz_lock_item_get_type())
G_DECLARE_FINAL_TYPE(TrzLockItem, trz_lock_item, TRZ, LOCK_ITEM, GObject)

enum trz_lock_column {
    TRZ_LOCK_NAME,
    TRZ_LOCK_KIND,
    TRZ_LOCK_HOLDS,
    TRZ_LOCK_WAITS,
    TRZ_LOCK_WAIT_TIME,
    TRZ_LOCK_LONGEST_WAIT,
    TRZ_LOCK_HOLD_TIME,
    TRZ_LOCK_LONGEST_HOLD,
    TRZ_LOCK_COLUMNS,
};

// The timeline must outlive the item.
TrzLockItem *trz_lock_item_new(const struct timeline *timeline, uint32_t object_id);
uint32_t trz_lock_item_get_id(TrzLockItem *item);
// What a cell shows; the caller frees it.
char *trz_lock_item_text(TrzLockItem *item, enum trz_lock_column column);
// By text in the first two columns, by number in the others.
int trz_lock_item_compare(TrzLockItem *a, TrzLockItem *b, enum trz_lock_column column);
// The longest wait for it, or else the longest hold. False: there is neither.
bool trz_lock_item_worst(TrzLockItem *item, struct span_ref *ret_span);

G_END_DECLS

#endif
