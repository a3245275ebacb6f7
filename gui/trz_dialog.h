// SPDX-License-Identifier: MIT
// Dialogs that ask for a file.
#ifndef TRENZA_TRZ_DIALOG_H
#define TRENZA_TRZ_DIALOG_H

#include <gtk/gtk.h>

// Called when a file was chosen; not when the dialog was cancelled.
typedef void (*trz_dialog_chosen)(GtkWindow *window, GFile *file);
// For a trace that is there.
void trz_dialog_open(GtkWindow *window, const char *title, trz_dialog_chosen chosen);
// For a picture to be written.
void trz_dialog_save(GtkWindow *window, const char *title, const char *name, trz_dialog_chosen chosen);

#endif
