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

#include "rows.h"

#define SLOTS_PASSING 256u // of stacks that cannot be remembered: the highest numbers
#define SLOTS_REMEMBERED (WIRE_STACK_SLOTS - 1 - SLOTS_PASSING)
_Static_assert(STACK_CACHE_HEADS < SLOTS_REMEMBERED, "no two entries share a slot");

_Atomic uint32_t stack_generation = 1;
static _Atomic uint32_t unloading; // threads inside dlclose

size_t stack_cache_bytes(void)
{
    return sizeof(struct stack_cache);
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

static void remember(struct stack_cache *cache, const struct walk *walk, uint16_t slot)
{
    uint32_t count = pad_blocks(walk->blocks, walk->words);
    uint16_t *bucket = &cache->buckets[stack_cache_bucket(walk->pc, walk->sp)];
    uint16_t index = (uint16_t)cache->heads_used++;
    cache->heads[index] = (struct stack_head){
        .pc = walk->pc,
        .sp = walk->sp,
        .fp = walk->fp,
        .blocks = cache->blocks_used | count << 12 | (uint32_t)walk->uses_fp << 31,
        .slot = slot,
        .next = *bucket,
    };
    cache->blocks_used += count;
    atomic_signal_fence(memory_order_seq_cst);
    *bucket = index;
}

void stack_cache_fill(struct stack_cache *cache, const struct caller *caller, struct stack_new *ret_new)
{
    // In this order: an unloading that begins or ends in between changes the generation after it was read here.
    uint32_t generation = atomic_load(&stack_generation);
    bool code_stays = atomic_load(&unloading) == 0;
    if (cache->generation != generation || cache->heads_used == STACK_CACHE_HEADS ||
        cache->blocks_used >= STACK_CACHE_BLOCKS)
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

void stack_setup(void)
{
    atomic_store(&unloading, 0);
    stack_forget_all();
    // The first call of _dl_find_object would otherwise be bound lazily, wherever it happens.
    struct cfi_reading reading;
    row_at((uintptr_t)__builtin_return_address(0) - 1, atomic_load(&stack_generation), &reading);
}
