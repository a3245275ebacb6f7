// SPDX-License-Identifier: MIT
// A short array, searched from its end: threads hold few locks and mostly give back the last one first.
//
// A set of FILTERED or more also counts its locks by a few bits of their ids, two places to a lock: nearly all questions about a
// lock that is not held are answered by an empty place. It is searched from both ends, and what goes at the front moves the
// front: a thousand locks are given back in either order without looking at the others. In no order it stays linear.
#include "held_set.h"

#include <string.h>

#define FILTERED 32u // capacity, a power of two

static uint32_t *place_of(const struct held_set *set, uint32_t object_id)
{
    return &set->filter[object_id & (2 * set->capacity - 1)];
}

static void grow(struct held_set *set)
{
    if (set->holds != set->array) { // room at the front
        memmove(set->array, set->holds, set->count * sizeof *set->holds);
        set->holds = set->array;
        return;
    }
    set->capacity = set->capacity ? 2 * set->capacity : 4;
    set->array = set->holds = g_renew(struct hold, set->array, set->capacity);
    if (set->capacity < FILTERED)
        return;
    g_free(set->filter);
    set->filter = g_new0(uint32_t, 2 * set->capacity);
    for (unsigned i = 0; i < set->count; i++)
        ++*place_of(set, set->holds[i].object->row.id);
}

static struct hold *find_in_large(const struct held_set *set, uint32_t object_id)
{
    if (!*place_of(set, object_id))
        return NULL;
    for (unsigned first = 0, last = set->count; first < last; first++) {
        if (set->holds[--last].object->row.id == object_id)
            return &set->holds[last];
        if (set->holds[first].object->row.id == object_id)
            return &set->holds[first];
    }
    return NULL;
}

struct hold *held_set_find(const struct held_set *set, uint32_t object_id)
{
    if (set->filter)
        return find_in_large(set, object_id);
    for (unsigned i = set->count; i-- > 0;)
        if (set->holds[i].object->row.id == object_id)
            return &set->holds[i];
    return NULL;
}

void held_set_add(struct held_set *set, const struct hold *hold)
{
    struct hold *old = held_set_find(set, hold->object->row.id);
    if (old) {
        old->depth++;
        old->shared = old->shared && hold->shared;
        return;
    }
    if (set->holds + set->count == set->array + set->capacity)
        grow(set);
    if (set->filter)
        ++*place_of(set, hold->object->row.id);
    set->holds[set->count] = *hold;
    set->holds[set->count++].depth = 1;
}

bool held_set_release(struct held_set *set, uint32_t object_id)
{
    struct hold *hold = held_set_find(set, object_id);
    if (hold && --hold->depth > 0)
        return false;
    return hold && held_set_drop(set, object_id);
}

bool held_set_drop(struct held_set *set, uint32_t object_id)
{
    struct hold *hold = held_set_find(set, object_id);
    if (!hold)
        return false;
    if (set->filter)
        --*place_of(set, object_id);
    set->count--;
    size_t behind = (size_t)(set->holds + set->count - hold);
    if (hold == set->holds && set->filter)
        set->holds++;
    else
        memmove(hold, hold + 1, behind * sizeof *hold);
    if (!set->count)
        set->holds = set->array;
    return true;
}

void held_set_clear(struct held_set *set)
{
    set->count = 0;
    set->holds = set->array;
    if (set->filter)
        memset(set->filter, 0, 2 * set->capacity * sizeof *set->filter);
}

void held_set_done(struct held_set *set)
{
    g_free(set->array);
    g_free(set->filter);
    *set = (struct held_set){ 0 };
}
