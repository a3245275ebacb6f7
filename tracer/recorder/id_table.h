// SPDX-License-Identifier: MIT
// A hash table from 128-bit keys to ids: open addressing in one flat array, 24 bytes an entry, never shrinks.
#ifndef TRENZA_RECORDER_ID_TABLE_H
#define TRENZA_RECORDER_ID_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct id_key {
    uint64_t a;
    uint64_t b;
};

struct id_entry {
    struct id_key key;
    uint32_t id; // 0: empty
};

struct id_table {
    struct id_entry *entries;
    size_t capacity; // a power of two, or 0
    size_t used;     // at most 2/3 of capacity
};

// The id stored for key; 0: none yet. *ret_entry is where it stands or belongs, until the next insertion.
uint32_t id_table_find(struct id_table *table, struct id_key key, struct id_entry **ret_entry);
// Fills the empty entry that id_table_find gave for this key.
void id_table_set(struct id_table *table, struct id_entry *entry, struct id_key key, uint32_t id);
void id_table_done(struct id_table *table);

// A digest of words that tells different contents apart for all practical purposes (128 bits, not against an enemy).
struct id_key id_digest(const uint32_t *words, size_t n, uint32_t seed);

#endif
