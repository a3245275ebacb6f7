// SPDX-License-Identifier: MIT
// Where the keyboard goes next on a timeline. Each changes *ref and returns true, or returns false when there is nowhere to go.
#ifndef TRENZA_NAVIGATE_H
#define TRENZA_NAVIGATE_H

#include "timeline.h"

// The first span of the first lane that has one after ticks.
bool navigate_first(const struct timeline *timeline, uint64_t ticks, struct span_ref *ref);
// The span of the same lane that begins next, or the last one before; of two that begin together the outer comes first.
bool navigate_event(const struct timeline *timeline, struct span_ref *ref, bool forward);
// The same among all lanes.
bool navigate_any(const struct timeline *timeline, struct span_ref *ref, bool forward);
// What the object's history says last at that time, or else first.
bool navigate_object(
    const struct timeline *timeline, uint32_t object_id, uint64_t ticks, struct span_ref *ref);
// The next lane that has spans, by +1 or -1; there the span nearest in time.
bool navigate_lane(const struct timeline *timeline, struct span_ref *ref, int by);
// What happens to the same object next, in whichever lane, or the last before. False also for spans that name no object.
bool navigate_lock(const struct timeline *timeline, struct span_ref *ref, bool forward);
// From a wait to the owner of what it waits for (or to the thread to be joined); from a hold to what its thread waits for meanwhile.
bool navigate_owner(const struct timeline *timeline, struct span_ref *ref);

#endif
