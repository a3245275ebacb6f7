// SPDX-License-Identifier: MIT
// A trace as trace-event JSON, which ui.perfetto.dev, Speedscope and Chrome's tracing page open.
#ifndef TRENZA_EXPORT_PERFETTO_H
#define TRENZA_EXPORT_PERFETTO_H

#include <stdio.h>

#include "finding.h"
#include "replay.h"

struct perfetto;
// Begins the file. The findings are marked where they happen; they and the model must outlive it.
struct perfetto *perfetto_new(const struct model *model, const struct finding_list *findings, FILE *stream);
// The steps of a replay in its order, the ends of threads (EVENT_NONE) too.
void perfetto_step(struct perfetto *perfetto, const struct replay_step *step);
// Writes what is still open and the end of the file, and frees it.
void perfetto_finish(struct perfetto *perfetto);

#endif
