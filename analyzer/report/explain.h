// SPDX-License-Identifier: MIT
// What a finding told in full says beside its story: how it ends, why it is believed, and what would help.
#ifndef TRENZA_EXPLAIN_H
#define TRENZA_EXPLAIN_H

#include "finding.h"

// Who holds what and waits for what after the last step.
void explain_end(GString *text, const struct finding *finding);
// Why the verdict is what it is.
void explain_verdict(GString *text, const struct finding *finding);
// For locks taken in a circle: the ways out, with the names and places of this one. Else nothing.
void explain_remedies(GString *text, const struct finding *finding);

#endif
