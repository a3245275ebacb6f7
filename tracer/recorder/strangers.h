// SPDX-License-Identifier: MIT
// Notices programs below this process that run without having come: begun past our hooks, with another environment.
#ifndef TRENZA_RECORDER_STRANGERS_H
#define TRENZA_RECORDER_STRANGERS_H

#include <glib.h>
#include <stdint.h>

#include "attach.h"

struct strangers {
    const struct attach *attach;
    GHashTable *seen; // pid -> 1: seen once, 2: told
    int64_t look_at;
};

void strangers_init(struct strangers *strangers, const struct attach *attach, int64_t now);
void strangers_done(struct strangers *strangers);
// Looks around when it is time to: about once a second, and for less than a hundredth of the time. Main thread only.
void strangers_keep_time(struct strangers *strangers, int64_t now);

#endif
