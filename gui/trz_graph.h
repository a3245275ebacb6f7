// SPDX-License-Identifier: MIT
// The graphs of a session's trace as a widget. Choosing an edge, by a click on its label or with the arrow keys, tells where it
// comes from.
#ifndef TRENZA_TRZ_GRAPH_H
#define TRENZA_TRZ_GRAPH_H

#include <gtk/gtk.h>

#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_GRAPH (trz_graph_get_type())
G_DECLARE_FINAL_TYPE(TrzGraph, trz_graph, TRZ, GRAPH, GtkBox)

GtkWidget *trz_graph_new(TrzSession *session);
void trz_graph_set_dark(TrzGraph *graph, bool dark);
void trz_graph_draw(TrzGraph *graph, cairo_t *cr);
void trz_graph_focus(TrzGraph *graph);

G_END_DECLS

#endif
