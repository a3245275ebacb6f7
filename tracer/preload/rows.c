// SPDX-License-Identifier: MIT
// Call frame information as one-word rows, and the process-wide table of them.
//
// The table is a hash of lines of four entries (one cache line); an entry is claimed once per generation and never
// changed within it, so a reader that sees the same key before and after reading the row has the key's row. A new
// generation (code was unloaded) may claim the entries of old ones. Where a line is full a row is worked out anew each
// time. Blind: nothing; what one word cannot say is ROW_COMPLEX.
#include "rows.h"

#include <stdatomic.h>
#include <stddef.h>

#define ADDRESS_BITS 48
#define LINE_ENTRIES 4
#define LINES 16384 // 1 MiB of address space; untouched parts cost no memory
#define KEY_BUSY 1  // no code is at address 1

struct row_entry {
    _Atomic uint64_t key; // generation << 48 | address; 0: free (a generation's low 16 bits are never 0)
    _Atomic row_t row;
};

static _Alignas(64) struct row_entry table[LINES][LINE_ENTRIES];

static row_t pack(
    enum row_cfa cfa, int64_t cfa_offset, enum row_rbp rbp, int64_t rbp_offset, bool signal_frame)
{
    const int64_t limit = (int64_t)1 << 28;
    if (cfa_offset < -limit || cfa_offset >= limit || rbp_offset < -limit || rbp_offset >= limit)
        return ROW_COMPLEX | (row_t)signal_frame << 5;
    return (row_t)cfa | (row_t)rbp << 3 | (row_t)signal_frame << 5 | ((row_t)cfa_offset & 0x1fffffff) << 6 |
           (row_t)rbp_offset << 35;
}

static bool saved_at_rsp(const struct cfi_rule *rule, int64_t wanted_offset)
{
    unsigned number;
    int64_t offset;
    return rule->kind == CFI_AT_EXPRESSION &&
           cfi_expression_is_simple(rule->expression, false, &number, &offset) && number == CFI_RSP &&
           offset == wanted_offset;
}

static bool is_signal_trampoline(const struct cfi_rules *rules)
{
    unsigned number;
    int64_t offset;
    return rules->cfa.kind == CFI_EXPRESSION &&
           cfi_expression_is_simple(rules->cfa.expression, true, &number, &offset) && number == CFI_RSP &&
           offset == ROW_SIGNAL_RSP && saved_at_rsp(&rules->registers[CFI_RSP], ROW_SIGNAL_RSP) &&
           saved_at_rsp(&rules->registers[CFI_RBP], ROW_SIGNAL_RBP) &&
           saved_at_rsp(&rules->registers[CFI_RA], ROW_SIGNAL_RIP);
}

static bool row_rbp_rule(const struct cfi_rule *rule, enum row_rbp *ret_rbp, int64_t *ret_offset)
{
    unsigned number;
    switch (rule->kind) {
    case CFI_SAME:
        *ret_rbp = ROW_RBP_SAME;
        return true;
    case CFI_UNDEFINED:
        *ret_rbp = ROW_RBP_LOST;
        return true;
    case CFI_AT_OFFSET:
        *ret_rbp = ROW_RBP_AT_CFA;
        *ret_offset = rule->value;
        return true;
    case CFI_AT_EXPRESSION:
        *ret_rbp = ROW_RBP_AT_RBP;
        return cfi_expression_is_simple(rule->expression, false, &number, ret_offset) && number == CFI_RBP;
    default:
        return false;
    }
}

static bool row_cfa_rule(const struct cfi_rules *rules, enum row_cfa *ret_cfa, int64_t *ret_offset)
{
    unsigned number = rules->cfa_register;
    bool at = rules->cfa.kind == CFI_EXPRESSION;
    if (at) {
        if (!cfi_expression_is_simple(rules->cfa.expression, true, &number, ret_offset))
            return false;
    } else if (rules->cfa.kind == CFI_REGISTER) {
        *ret_offset = rules->cfa.value;
    } else {
        return false;
    }
    if (number == CFI_RSP)
        *ret_cfa = at ? ROW_AT_RSP : ROW_RSP;
    else if (number == CFI_RBP)
        *ret_cfa = at ? ROW_AT_RBP : ROW_RBP;
    else
        return false;
    return true;
}

static row_t row_from_rules(const struct cfi_reading *reading)
{
    const struct cfi_rules *rules = &reading->rules;
    const struct cfi_rule *return_address = &rules->registers[CFI_RA];
    enum row_cfa cfa;
    enum row_rbp rbp;
    int64_t cfa_offset = 0, rbp_offset = 0;
    if (return_address->kind == CFI_UNDEFINED)
        return ROW_OUTERMOST;
    if (is_signal_trampoline(rules))
        return pack(ROW_SIGNAL, 0, ROW_RBP_SAME, 0, reading->signal_frame);
    if (return_address->kind != CFI_AT_OFFSET || return_address->value != -8 ||
        rules->registers[CFI_RSP].kind != CFI_SAME || !row_cfa_rule(rules, &cfa, &cfa_offset) ||
        !row_rbp_rule(&rules->registers[CFI_RBP], &rbp, &rbp_offset))
        return pack(ROW_COMPLEX, 0, ROW_RBP_LOST, 0, reading->signal_frame);
    return pack(cfa, cfa_offset, rbp, rbp_offset, reading->signal_frame);
}

static void remember_row(struct row_entry *line, uint64_t key, row_t row)
{
    for (unsigned i = 0; i < LINE_ENTRIES; i++) {
        uint64_t old = atomic_load_explicit(&line[i].key, memory_order_relaxed);
        if (old != KEY_BUSY && old >> ADDRESS_BITS != key >> ADDRESS_BITS &&
            atomic_compare_exchange_strong(&line[i].key, &old, KEY_BUSY)) {
            atomic_store_explicit(&line[i].row, row, memory_order_release);
            atomic_store_explicit(&line[i].key, key, memory_order_release);
            return;
        }
    }
}

row_t row_at(uintptr_t address, uint32_t generation, struct cfi_reading *reading)
{
    if (address >> (ADDRESS_BITS - 1) || address <= KEY_BUSY)
        return ROW_NONE;
    const bool remember = generation != CFI_CODE_MAY_GO;
    uint64_t key = (uint64_t)(uint16_t)generation << ADDRESS_BITS | address;
    struct row_entry *line = table[address * 0x9e3779b97f4a7c15u >> 50];
    for (unsigned i = 0; remember && i < LINE_ENTRIES; i++) {
        if (atomic_load_explicit(&line[i].key, memory_order_acquire) == key) {
            row_t row = atomic_load_explicit(&line[i].row, memory_order_acquire);
            if (atomic_load_explicit(&line[i].key, memory_order_relaxed) == key)
                return row;
        }
    }
    if (!cfi_read(reading, address, generation)) {
        // Not remembered: code may come to be here without anything having been unloaded.
        return ROW_NONE;
    }
    row_t row = row_from_rules(reading);
    if (remember)
        remember_row(line, key, row);
    return row;
}

void rows_begin_generation(uint32_t generation)
{
    if ((uint16_t)generation != 1)
        return;
    // The 16 bits of a generation in a key come round: drop what is left of the last round.
    for (unsigned i = 0; i < LINES * LINE_ENTRIES; i++)
        atomic_store_explicit(&table[0][i].key, 0, memory_order_relaxed);
}
