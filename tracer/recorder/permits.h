// SPDX-License-Identifier: MIT
// Which threads hold permits of which semaphores, and which semaphores are used like locks: whoever takes a permit gives
// it back. A semaphore that others post (a queue's, an event) has no owner to wait for. Drain thread only.
#ifndef TRENZA_RECORDER_PERMITS_H
#define TRENZA_RECORDER_PERMITS_H

#include "held_set.h"
#include "process.h"

struct thread;

// A thread has taken a permit.
void permits_take(struct recording *recording, struct thread *thread, const struct held *acquired);
// A thread posts.
void permits_post(struct recording *recording, struct thread *thread, uint32_t object);
// The post just before was refused.
void permits_post_failed(struct recording *recording, struct thread *thread, uint32_t object);

// True when it has been posted by holders of its permits and by nobody else.
bool permits_like_lock(const struct recording *recording, uint32_t object);
// True when somebody has posted it without holding a permit: then it has no owners.
bool permits_handed_over(const struct recording *recording, uint32_t object);
// The object is over.
void permits_forget(struct recording *recording, uint32_t object);

#endif
