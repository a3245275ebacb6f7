// SPDX-License-Identifier: MIT
// What a window without a trace shows: how to get one, and those looked at lately. Opening one opens it in the same window.
#ifndef TRENZA_TRZ_WELCOME_H
#define TRENZA_TRZ_WELCOME_H

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define TRZ_TYPE_WELCOME (trz_welcome_get_type())
G_DECLARE_FINAL_TYPE(TrzWelcome, trz_welcome, TRZ, WELCOME, GtkBox)

GtkWidget *trz_welcome_new(void);
// Puts a trace on the list of recent ones.
void trz_welcome_remember(GFile *file);

G_END_DECLS

#endif
