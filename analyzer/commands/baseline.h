// SPDX-License-Identifier: MIT
// Findings that were there before: only new ones make a check fail.
#ifndef TRENZA_BASELINE_H
#define TRENZA_BASELINE_H

#include "finding.h"

// Adds the ids of the findings in an earlier report (JSON) or trace to ids, a set of char * that it owns. Findings that
// were suppressed then count, too. False and *error when it is neither.
bool baseline_read(const char *path, GHashTable *ids, GError **error);
void baseline_apply(GHashTable *ids, struct finding_list *list);

#endif
