// SPDX-License-Identifier: MIT
// A finding's witness as something to step through: the steps in order, and who holds and waits for what between them. A finding
// without a witness plays its own steps, in the order in which they happened.
//
//   step            1      2      3      4
//   'left'      |  takes a             wants b ///////
//   'right'     |         takes b             wants a //
#ifndef TRENZA_PLAY_H
#define TRENZA_PLAY_H

#include "finding.h"

struct play_span {
    unsigned lane;                     // index in threads
    unsigned track;                    // 0: the first lock held ...
    unsigned from;                     // the step it begins with, from 0
    unsigned to;                       // the step it ends with; n_steps: it never does
    const struct model_object *object; // NULL: waits for a thread
    uint32_t other_thread;
    bool waits;
    bool shared;
};

struct play {
    const struct finding *finding;
    bool is_witness;   // else what was recorded
    GArray *steps;     // of const struct finding_step *
    GArray *threads;   // of uint32_t, as they appear
    GArray *spans;     // of struct play_span, by beginning
    unsigned n_tracks; // of the lane with most
};

// places: story_locate of the finding; decides the order of its own steps. NULL when there is nothing to play.
struct play *play_new(const struct finding *finding, const GArray *places);
void play_free(struct play *play);

static inline const struct finding_step *play_step(const struct play *play, unsigned i)
{
    return g_array_index(play->steps, const struct finding_step *, i);
}
// "'left' takes 'a'"; the caller frees it.
char *play_step_text(const struct play *play, unsigned i);
// Who holds and waits for what when the first `done` steps are done, a line per thread; the caller frees it.
char *play_state_text(const struct play *play, unsigned done);
// True when all that is left is threads that wait for each other.
bool play_is_stuck(const struct play *play, unsigned done);
unsigned play_lane(const struct play *play, uint32_t thread_id);
// What a span waits for, as "'journal'", "a signal of 'bell'", "the end of 'ride'"; the caller frees it.
char *play_wait_text(const struct play *play, const struct play_span *span);

#endif
