// SPDX-License-Identifier: MIT
// A look at a program that is about to be run: will it join the recording?
#ifndef TRENZA_PRELOAD_UNSEEN_H
#define TRENZA_PRELOAD_UNSEEN_H

#include "wire.h"

// Why the program at path (relative to directory, as openat() has it; "": directory is the file) will not be recorded;
// WIRE_SEEN: nothing speaks against it, or it cannot be run at all. Async-signal-safe, leaves errno alone; takes about
// 1 KiB of stack.
enum wire_unseen unseen_at(int directory, const char *path);
// The same for a name that is looked for along PATH when it has no slash.
enum wire_unseen unseen_named(const char *file);

#endif
