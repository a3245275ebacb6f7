// SPDX-License-Identifier: MIT
// Call frame information: for a code address, the rules that lead from a function's registers to its caller's.
// Reads the .eh_frame of loaded modules in place. No lock, no allocation, safe in a signal handler; any thread.
#ifndef TRENZA_PRELOAD_CFI_H
#define TRENZA_PRELOAD_CFI_H

#include <stdbool.h>
#include <stdint.h>

// DWARF numbers of the x86-64 registers that have a part of their own; 16 is the return address.
enum cfi_register {
    CFI_RBX = 3,
    CFI_RBP = 6,
    CFI_RSP = 7,
    CFI_R12 = 12,
    CFI_RA = 16,
    CFI_REGISTERS = 17,
};

enum cfi_rule_kind {
    CFI_SAME,          // as in the function itself (also when nothing is said)
    CFI_UNDEFINED,     // lost
    CFI_AT_OFFSET,     // saved at CFA + value
    CFI_OFFSET,        // is CFA + value
    CFI_REGISTER,      // is in register `value`
    CFI_AT_EXPRESSION, // saved at the address the expression gives
    CFI_EXPRESSION,    // is what the expression gives
};

struct cfi_rule {
    enum cfi_rule_kind kind;
    union {
        int64_t value;
        const uint8_t *expression; // ULEB128 length, then so many bytes
    };
};

struct cfi_rules {
    struct cfi_rule cfa; // CFI_REGISTER: register `cfa_register` + value; or CFI_EXPRESSION
    uint8_t cfa_register;
    struct cfi_rule registers[CFI_REGISTERS];
};

#define CFI_SAVED_STATES 6

// Working memory of one reading (some 3 KB: too much for a small signal stack, so the caller lends it).
struct cfi_reading {
    struct cfi_rules rules;   // the result
    bool signal_frame;        // the caller was interrupted, not calling: its pc is exact
    struct cfi_rules initial; // after the CIE's instructions
    struct cfi_rules saved[CFI_SAVED_STATES];
    unsigned saved_states;
};

// Reads the rules in force at the instruction that holds the byte at address (for a return address: minus 1). False
// when there are none, or none this reader understands. `generation` changes when modules go; CFI_CODE_MAY_GO: one may be
// going now.
#define CFI_CODE_MAY_GO 0u
bool cfi_read(struct cfi_reading *reading, uintptr_t address, uint32_t generation);

struct cfi_registers {
    uint64_t value[CFI_REGISTERS];
    uint32_t known; // bit per register
};

// Reads the word at address for the expressions and rules below; false: it cannot be read.
typedef bool (*cfi_read_word)(void *context, uintptr_t address, uint64_t *ret_value);

// One step outwards by the rules, with every register: *registers becomes the caller's. Returns false when the
// rules need a register or word that is not to be had; *ret_outermost: there is no caller (registers untouched).
bool cfi_step(const struct cfi_rules *rules, struct cfi_registers *registers, cfi_read_word read_word,
    void *context, bool *ret_outermost);

// True when the expression is exactly "register + offset", or with `deref` "the word at register + offset".
bool cfi_expression_is_simple(
    const uint8_t *expression, bool deref, unsigned *ret_register, int64_t *ret_offset);

#endif
