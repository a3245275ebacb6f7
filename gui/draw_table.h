// SPDX-License-Identifier: MIT
// The table of locks as a picture.
#ifndef TRENZA_DRAW_TABLE_H
#define TRENZA_DRAW_TABLE_H

#include "lock_table.h"
#include "paint.h"

// As many rows as there is room for, in the order in which they are; says how many are left out.
void draw_table(struct paint *paint, const GArray *rows, double width, double height);

#endif
