// SPDX-License-Identifier: MIT
// Where the children of forks begin: a segment each, mapped by an ancestor, to be taken without a word to the recorder. See
// struct wire_nursery.
#ifndef TRENZA_PRELOAD_NURSERY_H
#define TRENZA_PRELOAD_NURSERY_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

// From now on children may begin there. `session`: of WIRE_SESSION_BYTES, mapped for good.
void nursery_open(struct wire_session *session);

// In the child of a fork: takes a cradle and says who is in it. Returns its number, from 1; 0: the child must come to the
// recorder by itself. forked_from: serial of the parent's thread. The caller has blocked all signals.
uint32_t nursery_be_born(uint32_t parent_pid, uint32_t forked_from);

// The segment of the calling process's cradle; its own children will not have it mapped. NULL: the recording is over.
struct wire_segment *nursery_segment(uint32_t cradle);
struct wire_session *nursery_session(void);

// The recorder seems to have died: no child shall rely on it.
void nursery_abandon(void);

// The process ends, and has nothing else to say.
void nursery_say_exit(uint32_t cradle, int status);

// Gives its address space back, but for the segment that the caller may have from it: no child will begin there any more.
void nursery_close(void);

#endif
