// SPDX-License-Identifier: MIT
// The timeline as a widget: shows a session's trace and lets people move in it.
#ifndef TRENZA_TRZ_TIMELINE_H
#define TRENZA_TRZ_TIMELINE_H

#include <gtk/gtk.h>

#include "paint.h"
#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_TIMELINE (trz_timeline_get_type())
G_DECLARE_FINAL_TYPE(TrzTimeline, trz_timeline, TRZ, TIMELINE, GtkWidget)

// by_lock: a lane per lock instead of one per thread. The session is kept.
GtkWidget *trz_timeline_new(TrzSession *session, bool by_lock);
void trz_timeline_set_dark(TrzTimeline *timeline, bool dark);
// Draws what is shown, for an export.
void trz_timeline_draw(TrzTimeline *timeline, cairo_t *cr);
// Goes to the next span with this text in a name, from the chosen one on, and round again at the end. False: there is none.
bool trz_timeline_search(TrzTimeline *timeline, const char *text);
// Signal "hovered" (const char *text): what is under the pointer, in words; "" when nothing is.

G_END_DECLS

#endif
