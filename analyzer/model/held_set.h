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

#define HELD_SET_FEW 4u

struct held_set {
    struct hold *holds; // in array, at its beginning but for a large set
    unsigned count;
    unsigned capacity; // of array
    struct hold *array;
    uint32_t *filter; // of a large set: how many of its locks fall on each place; NULL: it is small
    uint32_t ids
        [HELD_SET_FEW]; // while capacity is that of few: of the locks, in order; behind count: whatever was there before
};

// Searches a set of whatever size.
struct hold *held_set_search(const struct held_set *set, uint32_t object_id);
// The hold of this object, or NULL. Valid until the set changes. Of few there is nothing to mispredict.
static inline struct hold *held_set_find(const struct held_set *set, uint32_t object_id)
{
    if (set->capacity > HELD_SET_FEW)
        return held_set_search(set, object_id);
    unsigned found = (unsigned)(set->ids[0] == object_id) | (unsigned)(set->ids[1] == object_id) << 1 |
                     (unsigned)(set->ids[2] == object_id) << 2 | (unsigned)(set->ids[3] == object_id) << 3;
    found &= (1u << set->count) - 1;
    return found ? &set->holds[__builtin_ctz(found)] : NULL;
}
// Takes what is not held; the caller fills in what is known of it beside the object and a depth of 1.
struct hold *held_set_push_grown(struct held_set *set, const struct model_object *object);
static inline struct hold *held_set_push(struct held_set *set, const struct model_object *object)
{
    if (set->capacity != HELD_SET_FEW || set->count == HELD_SET_FEW)
        return held_set_push_grown(set, object);
    set->ids[set->count] = object->row.id;
    struct hold *hold = &set->holds[set->count++];
    hold->object = object;
    hold->depth = 1;
    return hold;
}
// Takes it; when it is held already, only the depth grows (and a reader that becomes a writer is one).
void held_set_add(struct held_set *set, const struct hold *hold);
// The same for what is found already: found is that hold, or NULL when it is not held.
void held_set_add_found(struct held_set *set, struct hold *found, const struct hold *hold);
// Gives it back once. True when it is no longer held.
bool held_set_release(struct held_set *set, uint32_t object_id);
// The same for a hold of the set.
void held_set_take_out(struct held_set *set, struct hold *hold);
static inline bool held_set_release_found(struct held_set *set, struct hold *found)
{
    if (--found->depth > 0)
        return false;
    if (!set->filter && found == set->holds + set->count - 1)
        set->count--;
    else
        held_set_take_out(set, found);
    return true;
}
// The lock taken last; NULL: none is held.
static inline struct hold *held_set_last(const struct held_set *set)
{
    return set->count ? &set->holds[set->count - 1] : NULL;
}
// Forgets it, however often it was taken. False: it was not held.
bool held_set_drop(struct held_set *set, uint32_t object_id);
void held_set_clear(struct held_set *set);
void held_set_done(struct held_set *set);

#endif
