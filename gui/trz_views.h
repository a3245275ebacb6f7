// SPDX-License-Identifier: MIT
// The views of a trace, one at a time: timelines by thread and by lock with the witness below, graph, table.
#ifndef TRENZA_TRZ_VIEWS_H
#define TRENZA_TRZ_VIEWS_H

#include <gtk/gtk.h>

#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_VIEWS (trz_views_get_type())
G_DECLARE_FINAL_TYPE(TrzViews, trz_views, TRZ, VIEWS, GtkBox)

// The session is kept. Signal "told" (const char *text): something for the status line; "" is nothing.
GtkWidget *trz_views_new(TrzSession *session);
// For a switcher; its children's names are "timeline", "locks", "graph", "table".
GtkStack *trz_views_get_stack(TrzViews *views);
// An unknown name changes nothing.
void trz_views_show(TrzViews *views, const char *name);
const char *trz_views_get_shown(TrzViews *views);
void trz_views_set_dark(TrzViews *views, bool dark);
void trz_views_focus(TrzViews *views);
void trz_views_show_timeline(TrzViews *views);
// In the timeline, which is shown. False: no name has this text in it.
bool trz_views_search(TrzViews *views, const char *text);
// What is seen, as a picture; the witness too. draw is a render_draw, its data the views.
void trz_views_get_size(TrzViews *views, double *ret_width, double *ret_height);
void trz_views_draw(cairo_t *cr, void *views);

G_END_DECLS

#endif
