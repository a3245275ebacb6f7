// SPDX-License-Identifier: MIT
// The picture of a finding's play.
#ifndef TRENZA_DRAW_WITNESS_H
#define TRENZA_DRAW_WITNESS_H

#include "paint.h"
#include "play.h"

// done: how many steps have been made.
void draw_witness(struct paint *paint, const struct play *play, unsigned done, double width, double height);
// How high it likes to be, px.
double draw_witness_height(const struct play *play);

#endif
