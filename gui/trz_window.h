// SPDX-License-Identifier: MIT
// One window over one trace.
#ifndef TRENZA_TRZ_WINDOW_H
#define TRENZA_TRZ_WINDOW_H

#include <gtk/gtk.h>

#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_WINDOW (trz_window_get_type())
G_DECLARE_FINAL_TYPE(TrzWindow, trz_window, TRZ, WINDOW, GtkApplicationWindow)

TrzWindow *trz_window_new(GtkApplication *application);
// Keeps up with a trace that is being recorded.
void trz_window_follow(TrzWindow *window, bool follow);
// Compares what it shows and will show with traces of other runs of the program; NULL: with none.
void trz_window_compare(TrzWindow *window, const char *const *others);
void trz_window_open(TrzWindow *window, GFile *file);
// True when it shows no trace and none is being loaded.
bool trz_window_is_empty(TrzWindow *window);
// What it looks at; the window's own.
TrzSession *trz_window_get_session(TrzWindow *window);

G_END_DECLS

#endif
