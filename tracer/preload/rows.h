// SPDX-License-Identifier: MIT
// Unwind rows: what an ordinary frame's call frame information comes down to, in one word, remembered by code address.
//
//   bits 0-2  how to find the CFA (the stack pointer after return)
//        3-4  where the caller's rbp is
//        5    the caller was interrupted by a signal: its pc is exact, not a return address
//        6-34 cfa_offset, bytes, signed          35-63 rbp_offset, bytes, signed
#ifndef TRENZA_PRELOAD_ROWS_H
#define TRENZA_PRELOAD_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cfi.h"

enum row_cfa {
    ROW_NONE,      // no call frame information here
    ROW_RSP,       // rsp + offset
    ROW_RBP,       // rbp + offset
    ROW_AT_RSP,    // the word at rsp + offset
    ROW_AT_RBP,    // the word at rbp + offset (a function that realigned its stack)
    ROW_SIGNAL,    // the kernel's signal frame (offsets below)
    ROW_OUTERMOST, // nobody called this
    ROW_COMPLEX,   // something else: cfi_step() can tell
};

enum row_rbp {
    ROW_RBP_SAME,
    ROW_RBP_AT_CFA, // saved at CFA + offset
    ROW_RBP_AT_RBP, // saved at the function's own rbp + offset
    ROW_RBP_LOST,
};

// struct ucontext on the stack of x86-64 Linux, relative to rsp in the signal trampoline.
#define ROW_SIGNAL_RBP 120
#define ROW_SIGNAL_RSP 160
#define ROW_SIGNAL_RIP 168

typedef uint64_t row_t;

static inline enum row_cfa row_cfa(row_t row)
{
    return (enum row_cfa)(row & 7);
}
static inline enum row_rbp row_rbp(row_t row)
{
    return (enum row_rbp)(row >> 3 & 3);
}
static inline bool row_signal(row_t row)
{
    return row >> 5 & 1;
}
static inline int64_t row_cfa_offset(row_t row)
{
    return (int64_t)(row << 29) >> 35;
}
static inline int64_t row_rbp_offset(row_t row)
{
    return (int64_t)row >> 35;
}

// The row in force at the instruction that holds the byte at address. `generation` says since when the code is what it
// is: rows of others are not used; CFI_CODE_MAY_GO: the table is neither asked nor added to. `reading` is lent working
// memory. Lock-free, no allocation; any thread. 3 ns when remembered, some 300 when not.
row_t row_at(uintptr_t address, uint32_t generation, struct cfi_reading *reading);
// To be called before a generation is made known: forgets the rows of the one that had its number 65535 changes ago.
void rows_begin_generation(uint32_t generation);

#endif
