// SPDX-License-Identifier: MIT
// A replay's steps as the prediction takes them in.
#ifndef TRENZA_PREDICTION_FEED_H
#define TRENZA_PREDICTION_FEED_H

#include "prediction_step.h"
#include "replay.h"

struct prediction_feed;
struct prediction_feed *prediction_feed_new(const struct model *model);
void prediction_feed_free(struct prediction_feed *feed);
// False: the step means nothing to the prediction.
bool prediction_feed_step(struct prediction_feed *feed, struct replay *replay, const struct replay_step *step,
    struct prediction_step *ret_step);

// A lock of CPython's, which is tried before it is waited for: `acquire(False)` looks like `acquire()` until it has failed.
bool prediction_feed_is_python_lock(const struct model *model, const struct model_object *object);

#endif
