// SPDX-License-Identifier: MIT
// Tells the targets where their threads shall wait for each other.
#ifndef TRENZA_RECORDER_STEERING_H
#define TRENZA_RECORDER_STEERING_H

#include "recorder.h"
#include "wire.h"

// Before the first process maps the session.
void steering_describe(struct wire_steer *steer, const struct recorder_steering *steering);

#endif
