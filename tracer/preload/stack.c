// SPDX-License-Identifier: MIT
// Remembering a thread's stacks: see stack_inline.h for the picture.
//
// Entries are only added; when there is no room everything is forgotten. A slot number goes to a new stack only after all
// others had their turn, so a number that was found before a long wait still means the same stack after it, even if
// signal handlers come between. Stacks that cannot be remembered, on a signal stack for instance, have numbers of their
// own, as a handler may define any number of these. While a module is being unloaded nothing is remembered or looked
// up, as new code may appear in its place before anybody hears of it.
// Blind: modules that libc unloads by itself (gconv); code without call frame information whose place is taken by a
// loaded module, as long as the same return addresses stand in the same places.
#include "stack.h"

#include <stddef.h>

#include "rows.h"

#define SLOTS_PASSING 256u // of stacks that cannot be remembered: the highest numbers
#define SLOTS_REMEMBERED (WIRE_STACK_SLOTS - 1 - SLOTS_PASSING)
#define FORK_AT 4u // stacks of the same pc and sp in one bucket
#define SEEN_MAX 16u
_Static_assert(STACK_CACHE_HEADS < SLOTS_REMEMBERED, "no two entries share a slot");

_Atomic uint32_t stack_generation = 1;
static _Atomic uint32_t unloading; // threads inside dlclose

size_t stack_cache_bytes(uint32_t blocks)
{
    return sizeof(struct stack_cache) + (blocks + STACK_WORDS_MAX / 4) * sizeof(struct walk_block);
}

void stack_cache_limit(struct stack_cache *cache, uint32_t blocks)
{
    cache->blocks_max = blocks;
}

size_t stack_cache_size(const struct stack_cache *cache)
{
    return stack_cache_bytes(cache->blocks_max);
}

static void flush(struct stack_cache *cache, uint32_t generation)
{
    cache->flushes++;
    atomic_signal_fence(memory_order_seq_cst);
    for (unsigned i = 0; i < STACK_CACHE_BUCKETS; i++)
        cache->buckets[i] = 0;
    cache->heads_used = 1;
    cache->blocks_used = 0;
    cache->generation = generation;
    atomic_signal_fence(memory_order_seq_cst);
}

void stack_cache_init(struct stack_cache *cache, uintptr_t low, uintptr_t high)
{
    cache->generation = atomic_load(&stack_generation);
    cache->stack_low = low;
    cache->stack_high = high & ~(uintptr_t)7;
    cache->next_slot = 0;
    cache->next_passing_slot = 0;
    if (cache->blocks_max == 0)
        cache->blocks_max = STACK_CACHE_BLOCKS;
    if (cache->heads_used == 0)
        cache->heads_used = 1; // new memory
    else
        flush(cache, cache->generation);
}

static uint16_t take_slot(struct stack_cache *cache, bool remembered)
{
    if (remembered)
        return (uint16_t)(1 + cache->next_slot++ % SLOTS_REMEMBERED);
    return (uint16_t)(1 + SLOTS_REMEMBERED + cache->next_passing_slot++ % SLOTS_PASSING);
}

// Fills the last block up with copies of a word that is in it anyway.
static uint32_t pad_blocks(struct walk_block *blocks, uint32_t words)
{
    for (; words % 4 != 0; words++) {
        blocks[words / 4].values[words % 4] = blocks[0].values[0];
        blocks[words / 4].offsets[words % 4] = blocks[0].offsets[0];
    }
    return words / 4;
}

static uint32_t heads_left(const struct stack_cache *cache)
{
    return STACK_CACHE_HEADS - cache->heads_used;
}

static void add_head(struct stack_cache *cache, uint32_t bucket, const struct stack_head *head)
{
    uint16_t index = (uint16_t)cache->heads_used++;
    cache->heads[index] = *head;
    cache->heads[index].next = cache->buckets[bucket];
    atomic_signal_fence(memory_order_seq_cst);
    cache->buckets[bucket] = index;
}

// The offsets of words that both have and that differ, the last one repeated where there are few; false: there are none.
static bool find_differences(const struct stack_cache *cache, const struct walk *walk,
    const struct stack_head *head, uint32_t ret_offsets[STACK_FORK_WORDS])
{
    const struct walk_block *other = &cache->blocks[stack_head_first_block(head->blocks)];
    const uint32_t words = stack_head_block_count(head->blocks) * 4;
    unsigned found = 0;
    for (uint32_t i = 0; i < walk->words && i < words && found < STACK_FORK_WORDS; i++) {
        const uint32_t offset = walk->blocks[i / 4].offsets[i % 4];
        if (offset != other[i / 4].offsets[i % 4])
            break;
        if (walk->blocks[i / 4].values[i % 4] != other[i / 4].values[i % 4])
            ret_offsets[found++] = offset;
    }
    for (unsigned i = found; found != 0 && i < STACK_FORK_WORDS; i++)
        ret_offsets[i] = ret_offsets[found - 1];
    return found != 0;
}

// Looks through the bucket of a key: the fork that is there for it, if any, else how many stacks have this pc and sp, and the
// newest of them.
static const struct stack_head *find_fork(const struct stack_cache *cache, const struct walk *walk,
    uintptr_t key, unsigned *ret_alike, const struct stack_head **ret_newest)
{
    unsigned seen = 0;
    *ret_alike = 0;
    for (uint32_t index = cache->buckets[stack_cache_bucket(key, walk->sp)]; index != 0 && seen++ < SEEN_MAX;
         index = cache->heads[index].next) {
        const struct stack_head *head = &cache->heads[index];
        if (head->pc != walk->pc || head->sp != walk->sp)
            continue;
        if (head->slot != 0 && (*ret_alike)++ == 0)
            *ret_newest = head;
        if (head->slot == 0 && head->fp == key)
            return head;
    }
    return NULL;
}

// The key of a remembered stack behind a fork of these words. False: it does not have them all.
static bool follow_remembered(const struct stack_cache *cache, const struct stack_head *head,
    const uint32_t offsets[STACK_FORK_WORDS], uintptr_t *key)
{
    const struct walk_block *block = &cache->blocks[stack_head_first_block(head->blocks)];
    const uint32_t words = stack_head_block_count(head->blocks) * 4;
    for (unsigned fork = 0; fork < STACK_FORK_WORDS; fork++) {
        uint32_t i = 0;
        while (i < words && block[i / 4].offsets[i % 4] != offsets[fork])
            i++;
        if (i == words)
            return false;
        *key = stack_fork_key(*key, block[i / 4].values[i % 4]);
    }
    return true;
}

// Adds a fork to the bucket of a key, and what is there already once more behind it: in its old place it is not found any more.
// The fork's block is behind those of the new stack.
static void add_fork(struct stack_cache *cache, const struct walk *walk, uintptr_t key,
    const struct stack_head *newest, const uint32_t offsets[STACK_FORK_WORDS])
{
    const uint32_t block = cache->blocks_used++;
    for (unsigned i = 0; i < STACK_FORK_WORDS; i++)
        cache->blocks[block].offsets[i] = offsets[i];
    const struct stack_head fork = { .pc = walk->pc, .sp = walk->sp, .fp = key, .blocks = block };
    add_head(cache, stack_cache_bucket(key, walk->sp), &fork);
    uint32_t index = (uint32_t)(newest - cache->heads);
    for (unsigned seen = 0; index != 0 && seen < SEEN_MAX; seen++) {
        const struct stack_head head = cache->heads[index];
        uintptr_t behind = key;
        if (head.slot != 0 && head.pc == walk->pc && head.sp == walk->sp &&
            follow_remembered(cache, &head, offsets, &behind))
            add_head(cache, stack_cache_bucket(behind, walk->sp), &head);
        index = head.next;
    }
}

// The bucket for a new stack: behind a fork when there are many of the same pc and sp.
static uint32_t choose_bucket(struct stack_cache *cache, const struct walk *walk)
{
    const struct caller caller = { .pc = walk->pc, .sp = walk->sp, .fp = walk->fp };
    uintptr_t key = walk->pc;
    for (unsigned forks = 0; forks < STACK_FORKS_MAX; forks++) {
        unsigned alike;
        uint32_t offsets[STACK_FORK_WORDS];
        const struct stack_head *newest = NULL, *fork = find_fork(cache, walk, key, &alike, &newest);
        if (!fork && alike >= FORK_AT && heads_left(cache) > SEEN_MAX + 1 &&
            cache->blocks_used < cache->blocks_max && find_differences(cache, walk, newest, offsets)) {
            add_fork(cache, walk, key, newest, offsets);
            fork = find_fork(cache, walk, key, &alike, &newest);
        }
        if (!fork || !stack_fork_follow(cache, fork, &caller, &key))
            break;
    }
    return stack_cache_bucket(key, walk->sp);
}

static void remember(struct stack_cache *cache, const struct walk *walk, uint16_t slot)
{
    const uint32_t count = pad_blocks(walk->blocks, walk->words);
    const struct stack_head head = {
        .pc = walk->pc,
        .sp = walk->sp,
        .fp = walk->fp,
        .blocks = cache->blocks_used | count << 14 | (uint32_t)walk->uses_fp << 31,
        .slot = slot,
    };
    cache->blocks_used += count;
    const uint32_t bucket = choose_bucket(cache, walk);
    add_head(cache, bucket, &head);
}

void stack_cache_fill(struct stack_cache *cache, const struct caller *caller, struct stack_new *ret_new)
{
    // In this order: an unloading that begins or ends in between changes the generation after it was read here.
    uint32_t generation = atomic_load(&stack_generation);
    bool code_stays = atomic_load(&unloading) == 0;
    if (cache->generation != generation || heads_left(cache) < 2 || cache->blocks_used >= cache->blocks_max)
        flush(cache, generation);
    struct walk walk = {
        .pc = caller->pc,
        .sp = caller->sp,
        .fp = caller->fp,
        .stack_low = cache->stack_low,
        .stack_high = cache->stack_high,
        .generation = code_stays ? generation : CFI_CODE_MAY_GO,
        .frames = cache->frames,
        .frames_max = WIRE_STACK_FRAMES,
        .blocks = &cache->blocks[cache->blocks_used],
        .words_max = STACK_WORDS_MAX,
        .reading = &cache->reading,
    };
    walk_run(&walk);
    bool remembered = walk.repeatable && code_stays;
    uint16_t slot = take_slot(cache, remembered);
    if (remembered)
        remember(cache, &walk, slot);
    *ret_new = (struct stack_new){
        .slot = slot,
        .depth = (uint16_t)walk.depth,
        .truncated = walk.truncated,
        .frames = cache->frames,
    };
}

void stack_cache_walk(struct stack_cache *cache, const struct caller *caller, struct stack_new *ret_new)
{
    struct walk walk = {
        .pc = caller->pc,
        .sp = caller->sp,
        .fp = caller->fp,
        .stack_low = cache->stack_low,
        .stack_high = cache->stack_high,
        .generation = CFI_CODE_MAY_GO,
        .frames = cache->frames,
        .frames_max = WIRE_STACK_FRAMES,
        .reading = &cache->reading,
    };
    walk_run(&walk);
    *ret_new = (struct stack_new){
        .depth = (uint16_t)walk.depth,
        .truncated = walk.truncated,
        .frames = cache->frames,
    };
}

void stack_forget_all(void)
{
    uint32_t old = atomic_load(&stack_generation);
    uint32_t next;
    do {
        next = old + 1;
        next += (uint16_t)next == 0; // a row's key of this generation would look like a free one
        rows_begin_generation(next);
    } while (!atomic_compare_exchange_weak(&stack_generation, &old, next));
}

void stack_unload_begin(void)
{
    atomic_fetch_add(&unloading, 1);
    stack_forget_all();
}

void stack_unload_end(void)
{
    stack_forget_all();
    atomic_fetch_sub(&unloading, 1);
}

void stack_setup(bool inherited)
{
    // What the parent has found out about code still holds in the child, unless it was unloading some just then.
    if (inherited && atomic_load(&unloading) == 0)
        return;
    atomic_store(&unloading, 0);
    stack_forget_all();
    // The first call of _dl_find_object would otherwise be bound lazily, wherever it happens.
    struct cfi_reading reading;
    row_at((uintptr_t)__builtin_return_address(0) - 1, atomic_load(&stack_generation), &reading);
}
