// SPDX-License-Identifier: MIT
// What threads and locks are called, and which locks are of one class.
#ifndef TRENZA_LABELS_H
#define TRENZA_LABELS_H

#include "model.h"

// Sets label, class and creation place of every object and thread of a model whose tables are loaded.
void labels_make(struct model *model);

#endif
