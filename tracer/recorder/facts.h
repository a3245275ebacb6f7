// SPDX-License-Identifier: MIT
// The trace's table `meta`: facts about the recording as a whole.
#ifndef TRENZA_RECORDER_FACTS_H
#define TRENZA_RECORDER_FACTS_H

#include "clock.h"
#include "recorder.h"
#include "writer.h"

// What is known at the start; written at once, so that a trace whose recorder was killed has it too.
void facts_write_first(
    struct store *store, const struct recorder_options *options, const struct clock *clock);
// What is known at the end.
void facts_write_last(struct writer *writer, const struct recorder_result *result, const struct clock *clock);

#endif
