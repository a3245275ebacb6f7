// SPDX-License-Identifier: MIT
// Steered re-runs: brings about the deadlocks that an analysis says could happen.
#ifndef TRENZA_CONFIRM_H
#define TRENZA_CONFIRM_H

#include "finding.h"
#include "recorder.h"

struct confirm {
    const struct recorder_options *recorder; // of the run that was analysed
    double seconds;                          // how long that took
    bool keeps; // the trace of a run that reached one stays beside the recorded one, as TRACE.ID
};

// Runs the program again, in bounds, for the cycles of locks in the list that nobody has suppressed; changes their verdicts
// and sorts the list anew. Tells on standard error what it does.
void confirm_findings(const struct confirm *confirm, struct finding_list *list);

#endif
