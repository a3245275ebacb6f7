// SPDX-License-Identifier: MIT
// What one thread holds at present, in order of acquisition. Small: nearly always less than four.
#ifndef TRENZA_RECORDER_HELD_SET_H
#define TRENZA_RECORDER_HELD_SET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct held {
    uint32_t object; // object.id
    uint32_t stack;  // stack.id of the outermost acquisition
    uint64_t since;  // ticks
    uint32_t count;  // how often it was acquired and not given back: recursion, or several reader's locks
    bool shared;     // as a reader
};

struct held_set {
    struct held *items;
    uint32_t n;
    uint32_t capacity;
};

static inline void held_set_done(struct held_set *set)
{
    g_free(set->items);
    *set = (struct held_set){ 0 };
}

static inline struct held *held_set_find(struct held_set *set, uint32_t object)
{
    for (uint32_t i = set->n; i-- > 0;)
        if (set->items[i].object == object)
            return &set->items[i];
    return NULL;
}

// Adds one acquisition. counts: another one of the same object counts up (a recursive mutex, a reader); else it means that
// somebody else gave the earlier one back.
static inline void held_set_add(struct held_set *set, const struct held *acquired, bool counts)
{
    struct held *old = held_set_find(set, acquired->object);
    if (__builtin_expect(old != NULL, 0)) {
        if (counts)
            old->count += acquired->count;
        else
            *old = *acquired;
        return;
    }
    if (__builtin_expect(set->n == set->capacity, 0)) {
        set->capacity = set->capacity ? set->capacity * 2 : 4;
        set->items = g_renew(struct held, set->items, set->capacity);
    }
    set->items[set->n++] = *acquired;
}

enum held_removal {
    HELD_NOT,  // it was not held
    HELD_LESS, // it is still held, once less
    HELD_GONE, // the item is left at items[n], for held_set_restore
};

// Takes one acquisition away.
static inline enum held_removal held_set_remove(struct held_set *set, uint32_t object)
{
    struct held *item = held_set_find(set, object);
    if (__builtin_expect(item == NULL, 0))
        return HELD_NOT;
    if (__builtin_expect(item->count > 1, 0)) {
        item->count--;
        return HELD_LESS;
    }
    struct held *last = &set->items[--set->n];
    if (__builtin_expect(item != last, 0)) {
        struct held removed = *item;
        for (; item < last; item++)
            item[0] = item[1];
        *last = removed;
    }
    return HELD_GONE;
}

// Forgets the oldest item.
static inline void held_set_drop_first(struct held_set *set)
{
    if (set->n == 0)
        return;
    set->n--;
    for (uint32_t i = 0; i < set->n; i++)
        set->items[i] = set->items[i + 1];
}

// Takes back the removal just before, when that is what it was.
static inline void held_set_restore(struct held_set *set, uint32_t object, enum held_removal removal)
{
    struct held *item = held_set_find(set, object);
    if (item)
        item->count += removal == HELD_LESS;
    else if (removal == HELD_GONE && set->n < set->capacity && set->items[set->n].object == object)
        set->n++;
}

#endif
