// SPDX-License-Identifier: MIT
// The witness of the chosen finding, to be stepped through; hidden when there is none.
#ifndef TRENZA_TRZ_WITNESS_H
#define TRENZA_TRZ_WITNESS_H

#include <gtk/gtk.h>

#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_WITNESS (trz_witness_get_type())
G_DECLARE_FINAL_TYPE(TrzWitness, trz_witness, TRZ, WITNESS, GtkBox)

GtkWidget *trz_witness_new(TrzSession *session);
void trz_witness_set_dark(TrzWitness *witness, bool dark);

// The witness as far as it has been stepped through; nothing when there is none.
void trz_witness_draw(TrzWitness *self, cairo_t *cr, double width, double height);

G_END_DECLS

#endif
