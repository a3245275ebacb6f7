// SPDX-License-Identifier: MIT
// When the steps of findings happen, noticed while a trace is replayed.
#ifndef TRENZA_SIGHTS_H
#define TRENZA_SIGHTS_H

#include "finding.h"
#include "replay.h"

// A step of a finding, and where it was seen.
struct sight {
    const struct finding *finding;
    unsigned step; // an index
    uint64_t ns;
    bool seen;
};

struct sights {
    GArray *steps;        // of struct sight: all of all findings
    GHashTable *expected; // thread, object and stack -> GArray of indices into steps
};

// The findings must outlive it.
struct sights *sights_new(const struct finding_list *findings);
// An event of the replay, which happens at ns.
void sights_look(struct sights *sights, const struct replay_step *step, uint64_t ns);
void sights_free(struct sights *sights);

#endif
