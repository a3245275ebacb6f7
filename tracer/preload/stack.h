// SPDX-License-Identifier: MIT
// Call stacks, exact and cheap: unwound once per place, then verified each time.
//
// A stack is a function of three registers at the hook's caller (return address, stack pointer after return, frame
// pointer), of the call frame information of the modules, and of the memory words an unwinding reads on its way: return
// addresses, and saved frame pointers where a frame's address depends on one. An entry remembers all of these words;
// if the registers and every word are what they were, an unwinding would give the same frames.
#ifndef TRENZA_PRELOAD_STACK_H
#define TRENZA_PRELOAD_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where a hook was called from. Filled by CALLER() in the hook itself.
struct caller {
    uintptr_t pc; // return address
    uintptr_t sp; // the caller's stack pointer after the return
    uintptr_t fp; // the caller's rbp
};

// For use in a hook's own body, in a file compiled with -fno-omit-frame-pointer; needs no unwinding.
#define CALLER()                                                                                             \
    (struct caller)                                                                                          \
    {                                                                                                        \
        .pc = (uintptr_t)__builtin_return_address(0), .sp = (uintptr_t)__builtin_frame_address(0) + 16,      \
        .fp = *(uintptr_t *)__builtin_frame_address(0)                                                       \
    }

struct stack_cache; // one per thread; private memory of stack_cache_bytes(blocks) bytes, zeroed when new
size_t stack_cache_bytes(uint32_t blocks);
// Before stack_cache_init, of new memory: it is of so many blocks.
void stack_cache_limit(struct stack_cache *cache, uint32_t blocks);
// What it was made of.
size_t stack_cache_size(const struct stack_cache *cache);
// low, high: the thread's own stack. Only memory in [sp, high) is read without asking the kernel first, and only stacks
// whose sp lies there are remembered; others (sigaltstack, coroutines) are unwound each time.
void stack_cache_init(struct stack_cache *cache, uintptr_t low, uintptr_t high);

// The slot (1 .. WIRE_STACK_SLOTS-1) of the caller's stack when it is remembered and verified, else 0. No call, no
// lock, no signal trouble; the hot path of every event. (Moves no entry: safe when a signal handler interrupts it.)
static inline uint16_t stack_cache_find(struct stack_cache *cache, const struct caller *caller);

struct stack_new {
    uint16_t slot;
    uint16_t depth;
    bool truncated; // the outer end is missing: deeper than WIRE_STACK_FRAMES, or reached code without CFI
    // Return addresses, innermost first, frames[0] == caller.pc; owned by the cache, good until the next fill. Of a frame a
    // signal interrupted, and of the signal trampoline, the pc is not a return address: they are told as pc + 1. So
    // frame - 1 lies in the instruction meant, in every frame.
    const uintptr_t *frames;
};
// After a miss: unwinds, remembers, and says what to define in the ring. The caller has blocked all signals.
void stack_cache_fill(struct stack_cache *cache, const struct caller *caller, struct stack_new *ret_new);

// Unwinds without a look at what is remembered, and defines nothing: slot is 0. The caller has blocked all signals.
void stack_cache_walk(struct stack_cache *cache, const struct caller *caller, struct stack_new *ret_new);

// Once per process, before the first hook records; also in the child of a fork, where no other thread's dlclose goes on.
// inherited: it was called in the parent.
void stack_setup(bool inherited);
// Wherever code may have changed: every remembered stack and unwind rule of the process is forgotten. 10 ns; other
// threads notice by themselves.
void stack_forget_all(void);
// Around dlclose: from begin to end nothing is remembered, as the place of the old code can be taken by new code before
// dlclose has returned. Nests, any thread. Where end is never reached (a destructor jumps out), stacks stay exact, but
// are unwound each time.
void stack_unload_begin(void);
void stack_unload_end(void);

#include "stack_inline.h"

#endif
