// SPDX-License-Identifier: MIT
// Frames that no generator makes: libraries' call-backs, assembly, coroutines.
#ifndef STACK_SHAPES_H
#define STACK_SHAPES_H

#include <stdbool.h>
#include <stdint.h>

#include "stack_check.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const stack_tree stack_trees[]; // every generated family in this program; NULL at the end

// Those compiled with call frame information for every instruction, not only for calls.
extern const stack_tree stack_trees_exact[];

// Calls into libc, libstdc++ and the loader (lazy binding), to be single-stepped.
void shapes_through_libraries(void);
// Each special frame in turn, with stack_check() in it.
void shapes_run(void);

// Takes its caller's stack into shapes_taken_*.
void shapes_take_stack(void);
extern unsigned shapes_taken_depth;
extern bool shapes_taken_truncated;
extern const uintptr_t *shapes_taken_frames;

// Calls the function with the stack pointer at top, a multiple of 16.
void shapes_on_stack(void (*function)(void), char *top);

// A return address in a function whose frame is 32 bytes, found by rsp.
extern const uintptr_t shapes_plain_return;

#ifdef __cplusplus
}
#endif

#endif
