// SPDX-License-Identifier: MIT
// Call stacks as labels in a box.
#ifndef TRENZA_TRZ_STACK_H
#define TRENZA_TRZ_STACK_H

#include <gtk/gtk.h>

#include "model.h"

// A line of text at the left, wrapped; class NULL: none.
GtkWidget *trz_stack_add_text(GtkWidget *box, const char *text, const char *class);
// The innermost frame of the program's own with its source, the others by name.
void trz_stack_add(GtkWidget *box, const struct model *model, uint32_t stack_id);

#endif
