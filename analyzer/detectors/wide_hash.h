// SPDX-License-Identifier: MIT
// A hash for 64-bit keys of GHashTable, all of whose bits count. g_int64_hash takes the lower half as it is: of two ids in one
// number, or a product, that leaves few different values and tables that are lists.
#ifndef TRENZA_WIDE_HASH_H
#define TRENZA_WIDE_HASH_H

#include <stdint.h>

static inline unsigned wide_hash(const void *key)
{
    return (unsigned)((*(const uint64_t *)key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

#endif
