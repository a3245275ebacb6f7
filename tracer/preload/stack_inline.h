// SPDX-License-Identifier: MIT
// The remembered stacks of a thread, and the finding of one. Included by stack.h only; filled by stack.c.
//
//   hash(pc, sp) -> buckets[] -> heads[] -next-> heads[] ...      newest first, next < own index always
//                                  |
//                                  +-> blocks[first .. first + count)  the words that must be what they were
//
// Where many stacks share pc and sp, a head of slot 0, the fork, leads to further buckets: by the value of one word that
// tells these stacks apart.
//
// A signal handler may interrupt stack_cache_find() anywhere and fill the cache until everything the interrupted search
// was looking at has been written over. It then reads stale nonsense, and that is harmless: an index is in range
// whatever entry it belongs to, `next` only goes down and a fork is taken once, the offsets of a block lead to words of this thread's stack
// whatever stack they came from, and a hit counts only when `flushes` is what it was.
#ifndef TRENZA_PRELOAD_STACK_INLINE_H
#define TRENZA_PRELOAD_STACK_INLINE_H

#include <emmintrin.h>
#include <stdatomic.h>

#include "walk.h"
#include "wire.h"

#define STACK_CACHE_BUCKETS 4096u
#define STACK_CACHE_HEADS 2048u
#define STACK_CACHE_BLOCKS 4096u                // 4 words each
#define STACK_WORDS_MAX (WIRE_STACK_FRAMES * 2) // of one stack

struct stack_head {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t fp;    // of a fork: the offset of its word
    uint32_t blocks; // first block | number of blocks << 12 | 1 << 31 when fp has to match
    uint16_t slot;   // 0: a fork
    uint16_t next;   // index of the next head of the bucket, 0: none
};
_Static_assert(STACK_CACHE_BLOCKS <= 4096 && STACK_WORDS_MAX / 4 < 1 << 19, "packed in stack_head.blocks");

struct stack_cache {
    uint32_t generation; // of the code all entries are of
    uint32_t flushes;    // how often everything was forgotten
    uintptr_t stack_low;
    uintptr_t stack_high;
    uint32_t heads_used; // heads[0] is never used
    uint32_t blocks_used;
    uint32_t next_slot; // only grow; see stack.c
    uint32_t next_passing_slot;
    uint16_t buckets[STACK_CACHE_BUCKETS];
    _Alignas(64) struct stack_head heads[STACK_CACHE_HEADS];
    struct walk_block blocks[STACK_CACHE_BLOCKS + STACK_WORDS_MAX / 4];
    uintptr_t frames[WIRE_STACK_FRAMES];
    struct cfi_reading reading;
};

// Of the code of the process; odd and even alike. Changes when code may have gone.
extern __attribute__((visibility("hidden"))) _Atomic uint32_t stack_generation;

static inline uint32_t stack_cache_bucket(uintptr_t pc, uintptr_t sp)
{
    return (uint32_t)((pc + (sp << 20)) * 0x9e3779b97f4a7c15u >> 52);
}

// True when all words of the blocks are what they were. 3 loads and no branch for two words.
static inline bool stack_blocks_match(const struct walk_block *block, uint32_t count, uintptr_t base)
{
    const struct walk_block *end = block + count;
    for (; block != end; block++) {
        const uint32_t *offsets = block->offsets;
        __m128i first = _mm_loadl_epi64((const __m128i *)(base + offsets[0]));
        __m128i second = _mm_loadl_epi64((const __m128i *)(base + offsets[2]));
        first = (__m128i)_mm_loadh_pd((__m128d)first, (const double *)(base + offsets[1]));
        second = (__m128i)_mm_loadh_pd((__m128d)second, (const double *)(base + offsets[3]));
        first = _mm_xor_si128(first, _mm_load_si128((const __m128i *)&block->values[0]));
        second = _mm_xor_si128(second, _mm_load_si128((const __m128i *)&block->values[2]));
        __m128i same = _mm_cmpeq_epi8(_mm_or_si128(first, second), _mm_setzero_si128());
        if (_mm_movemask_epi8(same) != 0xffff)
            return false;
    }
    return true;
}

// The bucket behind a fork. False when its word is not on this stack: the fork has just been written over.
static inline bool stack_fork_bucket(const struct stack_cache *cache, const struct stack_head *fork,
    const struct caller *caller, uint32_t *ret_bucket)
{
    uintptr_t address = walk_base(cache->stack_high) + (uint32_t)fork->fp;
    if (address < caller->sp || address >= cache->stack_high)
        return false;
    *ret_bucket = stack_cache_bucket(caller->pc ^ *(const volatile uintptr_t *)address << 4, caller->sp);
    return true;
}

static inline uint16_t stack_cache_find(struct stack_cache *cache, const struct caller *caller)
{
    uint32_t flushes = *(volatile uint32_t *)&cache->flushes;
    if (cache->generation != atomic_load_explicit(&stack_generation, memory_order_relaxed))
        return 0;
    atomic_signal_fence(memory_order_seq_cst);
    uint32_t bucket = stack_cache_bucket(caller->pc, caller->sp);
    uint32_t index = cache->buckets[bucket];
    bool forked = false;
    while (index != 0) {
        const struct stack_head *head = &cache->heads[index];
        uint32_t blocks = *(const volatile uint32_t *)&head->blocks;
        uintptr_t fp_matters = (uintptr_t)((intptr_t)(int32_t)blocks >> 31);
        if (((head->pc ^ caller->pc) | (head->sp ^ caller->sp) | ((head->fp ^ caller->fp) & fp_matters)) ==
                0 &&
            stack_blocks_match(
                &cache->blocks[blocks & 4095], blocks << 1 >> 13, walk_base(cache->stack_high))) {
            uint16_t slot = *(const volatile uint16_t *)&head->slot;
            if (slot == 0) {
                if (forked || !stack_fork_bucket(cache, head, caller, &bucket))
                    return 0;
                forked = true;
                index = cache->buckets[bucket];
                continue;
            }
            atomic_signal_fence(memory_order_seq_cst);
            return *(volatile uint32_t *)&cache->flushes == flushes ? slot : 0;
        }
        index = head->next;
    }
    return 0;
}

#endif
