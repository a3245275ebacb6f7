// SPDX-License-Identifier: MIT
// Reading DWARF's numbers from a stretch of bytes that is never left: past its end everything is 0 and `bad`.
#ifndef TRENZA_PRELOAD_CFI_BYTES_H
#define TRENZA_PRELOAD_CFI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cfi_bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline uint64_t cfi_bytes_fixed(struct cfi_bytes *bytes, unsigned size)
{
    if ((size_t)(bytes->end - bytes->at) < size) {
        bytes->bad = true;
        bytes->at = bytes->end;
        return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes->at[i] << (8 * i);
    bytes->at += size;
    return value;
}

static inline int64_t cfi_bytes_signed(struct cfi_bytes *bytes, unsigned size)
{
    unsigned unused_bits = 64 - 8 * size;
    return (int64_t)(cfi_bytes_fixed(bytes, size) << unused_bits) >> unused_bits;
}

static inline uint64_t cfi_bytes_leb128(struct cfi_bytes *bytes, bool is_signed)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = cfi_bytes_fixed(bytes, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            if (is_signed && (byte & 0x40) && shift < 57)
                value |= ~(uint64_t)0 << (shift + 7);
            return value;
        }
    }
    bytes->bad = true;
    return 0;
}

static inline uint64_t cfi_bytes_uleb(struct cfi_bytes *bytes)
{
    return cfi_bytes_leb128(bytes, false);
}

static inline int64_t cfi_bytes_sleb(struct cfi_bytes *bytes)
{
    return (int64_t)cfi_bytes_leb128(bytes, true);
}

static inline void cfi_bytes_skip(struct cfi_bytes *bytes, uint64_t size)
{
    if ((uint64_t)(bytes->end - bytes->at) < size) {
        bytes->bad = true;
        bytes->at = bytes->end;
    } else {
        bytes->at += size;
    }
}

// The bytes of an expression: a length, then so many. (A DWARF expression carries its own bound; cfi_read() has checked
// that it lies inside its entry.)
static inline struct cfi_bytes cfi_bytes_expression(const uint8_t *expression)
{
    struct cfi_bytes bytes = { .at = expression, .end = expression + 10 };
    uint64_t size = cfi_bytes_uleb(&bytes);
    bytes.end = bytes.at + size;
    return bytes;
}

#endif
