// SPDX-License-Identifier: MIT
// A pretend hook: takes its caller's stack through the cache, as a real hook does, and compares every frame with
// full unwindings by libunwind and by libgcc.
#ifndef STACK_CHECK_H
#define STACK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The hook. Called by the generated trees; a mismatch is counted and told on stderr, the first few in full.
__attribute__((visibility("default"))) void stack_check(void);

// While true, stack_check() does nothing on this thread.
extern __thread bool stack_check_paused;
// As stack_check(), paused or not.
void stack_check_always(void);
// As a hook, without comparing: the frames as told, good until the thread's cache has gone round.
unsigned stack_check_take(const uintptr_t **ret_frames, bool *ret_truncated);

struct stack_check_counts {
    uint64_t checks, hits, fills, mismatches;
    uint64_t frames, deepest;
    uint64_t libunwind_alone; // by stack_check_always(): libgcc agrees with us, libunwind does not
    uint64_t interrupted;     // stacks with a frame in them that a signal has interrupted
};
extern struct stack_check_counts stack_check_counts;

// The calling thread gets a cache of its own; [low, high) is its stack as far as the cache is to know it.
void stack_check_begin(uintptr_t low, uintptr_t high);
// The same with the thread's real stack.
void stack_check_begin_thread(void);
void stack_check_end(void);
// Tells the oracles that code was unloaded: libunwind does not notice by itself.
void stack_check_code_changed(void);

// What the generated trees (trees.py) offer.
typedef void (*stack_tree)(uint32_t seed, unsigned depth);

#ifdef __cplusplus
}
#endif

#endif
