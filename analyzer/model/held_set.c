// SPDX-License-Identifier: MIT
// A short array, searched from its end: threads hold few locks and mostly give back the last one first. As long as it never has held
// more than HELD_SET_FEW, their ids are looked at all at once.
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
    set->capacity = set->capacity ? 2 * set->capacity : HELD_SET_FEW;
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

struct hold *held_set_search(const struct held_set *set, uint32_t object_id)
{
    if (set->filter)
        return find_in_large(set, object_id);
    for (unsigned i = set->count; i-- > 0;)
        if (set->holds[i].object->row.id == object_id)
            return &set->holds[i];
    return NULL;
}

struct hold *held_set_push_grown(struct held_set *set, const struct model_object *object)
{
    if (set->holds + set->count == set->array + set->capacity)
        grow(set);
    if (set->filter)
        ++*place_of(set, object->row.id);
    if (set->count < HELD_SET_FEW)
        set->ids[set->count] = object->row.id;
    struct hold *hold = &set->holds[set->count++];
    hold->object = object;
    hold->depth = 1;
    return hold;
}

void held_set_add_found(struct held_set *set, struct hold *found, const struct hold *hold)
{
    if (found) {
        found->depth++;
        found->shared = found->shared && hold->shared;
        return;
    }
    struct hold *added = held_set_push(set, hold->object);
    *added = *hold;
    added->depth = 1;
}

void held_set_add(struct held_set *set, const struct hold *hold)
{
    held_set_add_found(set, held_set_find(set, hold->object->row.id), hold);
}

void held_set_take_out(struct held_set *set, struct hold *hold)
{
    if (set->filter)
        --*place_of(set, hold->object->row.id);
    const size_t at = (size_t)(hold - set->holds);
    const size_t behind = --set->count - at;
    if (hold == set->holds && set->filter) {
        set->holds++;
    } else if (behind) {
        memmove(hold, hold + 1, behind * sizeof *hold);
        for (size_t i = at; i < set->count && i + 1 < HELD_SET_FEW; i++)
            set->ids[i] = set->ids[i + 1];
    }
    if (!set->count)
        set->holds = set->array;
}

bool held_set_release(struct held_set *set, uint32_t object_id)
{
    struct hold *hold = held_set_find(set, object_id);
    return hold && held_set_release_found(set, hold);
}

bool held_set_drop(struct held_set *set, uint32_t object_id)
{
    struct hold *hold = held_set_find(set, object_id);
    if (hold)
        held_set_take_out(set, hold);
    return hold != NULL;
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
