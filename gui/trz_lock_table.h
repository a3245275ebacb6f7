// SPDX-License-Identifier: MIT
// A table of locks with how often and how long they were held and waited for. Activating a row goes to its longest wait.
#ifndef TRENZA_TRZ_LOCK_TABLE_H
#define TRENZA_TRZ_LOCK_TABLE_H

#include <gtk/gtk.h>

#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_LOCK_TABLE (trz_lock_table_get_type())
G_DECLARE_FINAL_TYPE(TrzLockTable, trz_lock_table, TRZ, LOCK_TABLE, GtkBox)

// Signal "located": the session has moved to a span that ought to be looked at.
GtkWidget *trz_lock_table_new(TrzSession *session);
// The rows as they are sorted, for an export.
void trz_lock_table_draw(TrzLockTable *table, cairo_t *cr);
void trz_lock_table_set_dark(TrzLockTable *table, bool dark);
void trz_lock_table_focus(TrzLockTable *table);

G_END_DECLS

#endif
