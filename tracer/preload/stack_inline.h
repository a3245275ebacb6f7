// SPDX-License-Identifier: MIT
// The remembered stacks of a thread, and the finding of one. Included by stack.h only; filled by stack.c.
//
//   hash(pc, sp) -> buckets[] -> heads[] -next-> heads[] ...      newest first, next < own index always
//                                  |
//                                  +-> blocks[first .. first + count)  the words that must be what they were
//
// Where many stacks share pc and sp, a head of slot 0, the fork, leads to further buckets: by the values of a few words that
// tell these stacks apart. There may be further forks behind it.
//
// A signal handler may interrupt stack_cache_find() anywhere and fill the cache until everything the interrupted search
// was looking at has been written over. It then reads stale nonsense, and that is harmless: an index is in range
// whatever entry it belongs to, `next` only goes down and few forks are taken, the offsets of a block lead to words of this thread's stack
// whatever stack they came from, and a hit counts only when `flushes` is what it was.
#ifndef TRENZA_PRELOAD_STACK_INLINE_H
#define TRENZA_PRELOAD_STACK_INLINE_H

#include <emmintrin.h>
#include <stdatomic.h>

#include "walk.h"
#include "wire.h"

#define STACK_CACHE_BUCKETS 4096u
#define STACK_CACHE_HEADS 3584u
#define STACK_CACHE_BLOCKS 16384u               // 4 words each; what is not used costs address space alone
#define STACK_CACHE_BLOCKS_SMALL 4096u          // where that is dear
#define STACK_FORKS_MAX 16u                     // one behind the other
#define STACK_FORK_WORDS 4u                     // of a block
#define STACK_WORDS_MAX (WIRE_STACK_FRAMES * 2) // of one stack

struct stack_head {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t fp; // of a fork: the key that leads to it
    uint32_t
        blocks; // first block | number of blocks << 14 | 1 << 31 when fp has to match; of a fork the block has its words
    uint16_t slot; // 0: a fork
    uint16_t next; // index of the next head of the bucket, 0: none
};
_Static_assert(STACK_CACHE_BLOCKS <= 1 << 14 && STACK_WORDS_MAX / 4 < 1 << 17, "packed in stack_head.blocks");

static inline uint32_t stack_head_first_block(uint32_t blocks)
{
    return blocks & (STACK_CACHE_BLOCKS - 1);
}

static inline uint32_t stack_head_block_count(uint32_t blocks)
{
    return blocks << 1 >> 15;
}

struct stack_cache {
    uint32_t generation; // of the code all entries are of
    uint32_t flushes;    // how often everything was forgotten
    uintptr_t stack_low;
    uintptr_t stack_high;
    uint32_t heads_used; // heads[0] is never used
    uint32_t blocks_used;
    uint32_t blocks_max; // 0 until stack_cache_init: STACK_CACHE_BLOCKS
    uint32_t next_slot;  // only grow; see stack.c
    uint32_t next_passing_slot;
    uint16_t buckets[STACK_CACHE_BUCKETS];
    _Alignas(64) struct stack_head heads[STACK_CACHE_HEADS];
    uintptr_t frames[WIRE_STACK_FRAMES];
    struct cfi_reading reading;
    _Alignas(16) struct walk_block blocks[]; // blocks_max and those of one stack more
};

// Of the code of the process; odd and even alike. Changes when code may have gone.
extern __attribute__((visibility("hidden"))) _Atomic uint32_t stack_generation;

// key: the pc, changed by each fork on the way.
static inline uint32_t stack_cache_bucket(uintptr_t key, uintptr_t sp)
{
    return (uint32_t)((key + (sp << 20)) * 0x9e3779b97f4a7c15u >> 52);
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

static inline uintptr_t stack_fork_key(uintptr_t key, uintptr_t word)
{
    return (key ^ word) * 0xff51afd7ed558ccdu;
}

// The key behind a fork. False when one of its words is not on this stack: the fork has just been written over.
static inline bool stack_fork_follow(const struct stack_cache *cache, const struct stack_head *fork,
    const struct caller *caller, uintptr_t *key)
{
    const uint32_t *offsets =
        cache->blocks[stack_head_first_block(*(const volatile uint32_t *)&fork->blocks)].offsets;
    for (unsigned i = 0; i < STACK_FORK_WORDS; i++) {
        const uintptr_t address = walk_base(cache->stack_high) + *(const volatile uint32_t *)&offsets[i];
        if (address < caller->sp || address >= cache->stack_high)
            return false;
        *key = stack_fork_key(*key, *(const volatile uintptr_t *)address);
    }
    return true;
}

static inline uint16_t stack_cache_find(struct stack_cache *cache, const struct caller *caller)
{
    uint32_t flushes = *(volatile uint32_t *)&cache->flushes;
    if (cache->generation != atomic_load_explicit(&stack_generation, memory_order_relaxed))
        return 0;
    atomic_signal_fence(memory_order_seq_cst);
    uintptr_t key = caller->pc;
    uint32_t index = cache->buckets[stack_cache_bucket(key, caller->sp)];
    unsigned forks = 0;
    while (index != 0) {
        const struct stack_head *head = &cache->heads[index];
        uint32_t blocks = *(const volatile uint32_t *)&head->blocks;
        uintptr_t fp_matters = (uintptr_t)((intptr_t)(int32_t)blocks >> 31);
        if (((head->pc ^ caller->pc) | (head->sp ^ caller->sp) | ((head->fp ^ caller->fp) & fp_matters)) ==
                0 &&
            stack_blocks_match(&cache->blocks[stack_head_first_block(blocks)], stack_head_block_count(blocks),
                walk_base(cache->stack_high))) {
            uint16_t slot = *(const volatile uint16_t *)&head->slot;
            if (slot == 0 && head->fp == key) {
                if (forks++ == STACK_FORKS_MAX || !stack_fork_follow(cache, head, caller, &key))
                    return 0;
                index = cache->buckets[stack_cache_bucket(key, caller->sp)];
                continue;
            }
            if (slot == 0) {
                index = head->next;
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
