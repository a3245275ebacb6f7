// SPDX-License-Identifier: MIT
// An interleaving as text: a column for each thread, a row for each step.
#ifndef TRENZA_COLUMNS_H
#define TRENZA_COLUMNS_H

#include "finding.h"

// The steps in the order in which they (could) follow each other: the witness, or without one the story with the waits that
// never end put last. Of const struct finding_step *; the caller frees the array.
GPtrArray *columns_rows(const struct finding *finding);
// The step is a wait, and none of the rows after it says that it ended.
bool columns_waits(const GPtrArray *rows, unsigned row);
// False, and nothing is appended, when there is no step or the threads are too many for a page.
bool columns_append(GString *text, const struct finding *finding, const char *colour, const char *off);

#endif
