// SPDX-License-Identifier: MIT
// A short array, searched from its end: threads hold few locks and mostly give back the last one first.
#include "held_set.h"

#include <string.h>

struct hold *held_set_find(const struct held_set *set, uint32_t object_id)
{
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
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? 2 * set->capacity : 4;
        set->holds = g_renew(struct hold, set->holds, set->capacity);
    }
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
    size_t behind = (size_t)(set->holds + set->count - (hold + 1));
    memmove(hold, hold + 1, behind * sizeof *hold);
    set->count--;
    return true;
}

void held_set_clear(struct held_set *set)
{
    set->count = 0;
}

void held_set_done(struct held_set *set)
{
    g_free(set->holds);
    *set = (struct held_set){ 0 };
}
