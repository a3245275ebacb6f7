// SPDX-License-Identifier: MIT
// A hash table from 128-bit keys to ids, with linear probing.
#include "id_table.h"

#include <glib.h>

#define FIRST_CAPACITY 256

// The finaliser of splitmix64: every bit of the result depends on every bit of x.
static inline uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static struct id_entry *probe(const struct id_table *table, struct id_key key)
{
    size_t at = mix(key.a ^ mix(key.b)) & (table->capacity - 1);
    for (;; at = (at + 1) & (table->capacity - 1)) {
        struct id_entry *entry = &table->entries[at];
        if (entry->id == 0 || (entry->key.a == key.a && entry->key.b == key.b))
            return entry;
    }
}

static void grow(struct id_table *table)
{
    struct id_table old = *table;
    table->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    table->entries = g_new0(struct id_entry, table->capacity);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].id)
            *probe(table, old.entries[i].key) = old.entries[i];
    g_free(old.entries);
}

uint32_t id_table_find(struct id_table *table, struct id_key key, struct id_entry **ret_entry)
{
    // Growing here keeps *ret_entry good for the id_table_set that may follow.
    if (3 * (table->used + 1) > 2 * table->capacity)
        grow(table);
    struct id_entry *entry = probe(table, key);
    *ret_entry = entry;
    return entry->id;
}

void id_table_set(struct id_table *table, struct id_entry *entry, struct id_key key, uint32_t id)
{
    *entry = (struct id_entry){ key, id };
    table->used++;
}

void id_table_done(struct id_table *table)
{
    g_free(table->entries);
    *table = (struct id_table){ 0 };
}

struct id_key id_digest(const uint32_t *words, size_t n, uint32_t seed)
{
    struct id_key digest = { mix(seed + UINT64_C(0x9e3779b97f4a7c15)),
        mix(n + UINT64_C(0x632be59bd9b4e019)) };
    for (size_t i = 0; i < n; i++) {
        digest.a = mix(digest.a + words[i]);
        digest.b = mix(digest.b * 31 ^ words[i]) + digest.a;
    }
    return digest;
}
