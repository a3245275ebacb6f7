// SPDX-License-Identifier: MIT
// The locks one thread holds, in the order in which it took them.
#ifndef TRENZA_HELD_SET_H
#define TRENZA_HELD_SET_H

#include "model.h"

enum hold_how {
    HOLD_PLAIN,
    HOLD_TIMED,
    HOLD_TRY,
    HOLD_WOKEN, // taken back by the end of a condition wait
};

// One lock held; a recursive lock, or a read lock taken again, stays one hold: that of its outermost acquisition.
struct hold {
    const struct model_object *object;
    uint64_t sequence; // of the acquisition in the merged order
    uint64_t ticks;
    uint32_t stack;
    uint32_t depth; // how often it has been taken; at least 1
    enum hold_how how;
    bool shared;
};

struct held_set {
    struct hold *holds; // in array, at its beginning but for a large set
    unsigned count;
    unsigned capacity; // of array
    struct hold *array;
    uint32_t *filter; // of a large set: how many of its locks fall on each place; NULL: it is small
};

// The hold of this object, or NULL. Valid until the set changes.
struct hold *held_set_find(const struct held_set *set, uint32_t object_id);
// Takes it; when it is held already, only the depth grows (and a reader that becomes a writer is one).
void held_set_add(struct held_set *set, const struct hold *hold);
// Gives it back once. True when it is no longer held.
bool held_set_release(struct held_set *set, uint32_t object_id);
// Forgets it, however often it was taken. False: it was not held.
bool held_set_drop(struct held_set *set, uint32_t object_id);
void held_set_clear(struct held_set *set);
void held_set_done(struct held_set *set);

#endif
