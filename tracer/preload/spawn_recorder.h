// SPDX-License-Identifier: MIT
// Starts a recorder for a program that was preloaded without `trenza record`.
#ifndef TRENZA_PRELOAD_SPAWN_RECORDER_H
#define TRENZA_PRELOAD_SPAWN_RECORDER_H

#include <stdbool.h>

// Starts `trenza record --attach`, detached from this process (no child of it to wait for, no terminal), and sets the
// session's path here and in the environment. False: none could be started, and the program runs unrecorded. The trace goes
// to $TRENZA_OUTPUT, else trenza.db in the working directory.
bool spawn_recorder(void);

#endif
