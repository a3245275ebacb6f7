// SPDX-License-Identifier: MIT
// One full unwinding, and the memory words that decided it.
#ifndef TRENZA_PRELOAD_WALK_H
#define TRENZA_PRELOAD_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cfi.h"

// Words of the stack an unwinding has read and depends on, in fours. A word's address is walk_base() of the thread's
// stack + its offset: whatever entry a block once belonged to, its offsets lead to words of the stack that are there.
struct walk_block {
    _Alignas(16) uint64_t values[4];
    uint32_t offsets[4];
};

static inline uintptr_t walk_base(uintptr_t stack_high)
{
    return stack_high - ((uintptr_t)1 << 32);
}

struct walk {
    uintptr_t pc, sp, fp; // where to begin; fp is rbp
    uintptr_t stack_low;  // the thread's own stack: [sp, stack_high) is read without asking when sp is inside
    uintptr_t stack_high;
    uint32_t generation; // of the code, or CFI_CODE_MAY_GO
    uintptr_t *frames;   // room for frames_max
    uint32_t frames_max;
    struct walk_block *blocks; // room for words_max words, a multiple of four
    uint32_t words_max;
    struct cfi_reading *reading; // working memory

    // The result. Frames are return addresses, innermost first, frames[0] == pc. Of a frame that a signal has interrupted,
    // and of the signal trampoline itself, the pc is exact: these are told as pc + 1, so that frame - 1 always lies in
    // the instruction meant.
    uint32_t depth;
    uint32_t words; // in blocks
    bool uses_fp;   // the initial fp decides too
    bool
        repeatable; // the same pc, sp (and fp) and the same words: the same frames. Else the words say nothing.
    bool truncated;          // the outer end is missing: too deep, or code without call frame information
    uintptr_t readable_page; // the page last asked for
};

// Lock-free, no allocation, never faults. Signals should be blocked only because the memory lent is not shared well.
void walk_run(struct walk *walk);

#endif
