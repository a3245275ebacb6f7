// SPDX-License-Identifier: MIT
// Walks a call stack by rows (rows.h), noting each word of memory that the way depends on: return addresses always, a
// saved rbp only when a later frame is found by it.
//
// Where a row is not enough, because a frame is found by another register than rsp and rbp, the whole walk is done
// again with all registers (cfi_step), starting in this very file so that the registers a hook has saved are found too.
// Such a stack cannot be remembered, as the registers it depends on are not known the next time.
// Blind: code without call frame information (JIT) ends a stack, and so does memory that is not there.
#include "unwind.h"

#include "memory.h"
#include "rows.h"

#define NOT_SAVED 0
#define OWN_FRAMES_MAX 32 // between unwind_run() and the hook's caller

static bool on_own_stack(const struct unwind *unwind, uintptr_t address)
{
    return address >= unwind->sp && address < unwind->stack_high && unwind->sp >= unwind->stack_low;
}

static bool read_word(void *context, uintptr_t address, uint64_t *ret_value)
{
    struct unwind *unwind = context;
    uintptr_t page = address & ~(uintptr_t)(MEMORY_PAGE - 1);
    if (address % 8 != 0)
        return false;
    if (!on_own_stack(unwind, address) && page != unwind->readable_page) {
        if (!memory_readable(address))
            return false;
        unwind->readable_page = page;
    }
    *ret_value = *(const volatile uint64_t *)address;
    return true;
}

// Reads a word that decides the result.
static bool depend(struct unwind *unwind, uintptr_t address, uint64_t *ret_value)
{
    uint64_t value;
    if (!read_word(unwind, address, &value))
        return false;
    if (!on_own_stack(unwind, address) || unwind->words == unwind->words_max) {
        unwind->repeatable = false;
    } else {
        struct unwind_block *block = &unwind->blocks[unwind->words / 4];
        block->values[unwind->words % 4] = value;
        block->offsets[unwind->words % 4] = (uint32_t)(address - unwind_base(unwind->stack_high));
        unwind->words++;
    }
    *ret_value = value;
    return true;
}

// rbp during the walk: its value is fetched, and noted as a dependency, when somebody needs it.
struct lazy_rbp {
    uintptr_t saved_at; // NOT_SAVED: `value` is it
    uint64_t value;
    bool initial; // it is still what the walk began with
    bool lost;
};

static bool need_rbp(struct unwind *unwind, struct lazy_rbp *rbp)
{
    if (rbp->saved_at != NOT_SAVED) {
        if (!depend(unwind, rbp->saved_at, &rbp->value))
            return false;
        rbp->saved_at = NOT_SAVED;
    }
    unwind->uses_fp |= rbp->initial;
    return !rbp->lost;
}

static void save_rbp(struct lazy_rbp *rbp, uintptr_t saved_at)
{
    *rbp = (struct lazy_rbp){ .saved_at = saved_at };
}

// The caller's stack pointer, and the slot of its return address; false when a word or rbp is not to be had.
static bool find_cfa(struct unwind *unwind, row_t row, uintptr_t sp, struct lazy_rbp *rbp, uint64_t *ret_cfa,
    uintptr_t *ret_slot)
{
    uint64_t cfa;
    bool found = true;
    switch (row_cfa(row)) {
    case ROW_RSP:
        cfa = sp + (uint64_t)row_cfa_offset(row);
        break;
    case ROW_RBP:
        found = need_rbp(unwind, rbp);
        cfa = rbp->value + (uint64_t)row_cfa_offset(row);
        break;
    case ROW_AT_RSP:
        found = depend(unwind, sp + (uint64_t)row_cfa_offset(row), &cfa);
        break;
    case ROW_AT_RBP:
        found = need_rbp(unwind, rbp) && depend(unwind, rbp->value + (uint64_t)row_cfa_offset(row), &cfa);
        break;
    case ROW_SIGNAL:
        *ret_slot = sp + ROW_SIGNAL_RIP;
        return depend(unwind, sp + ROW_SIGNAL_RSP, ret_cfa);
    default:
        return false;
    }
    if (!found || cfa <= sp) // a stack grows outwards: no loops
        return false;
    *ret_cfa = cfa;
    *ret_slot = cfa - 8;
    return true;
}

static bool find_rbp(struct unwind *unwind, row_t row, uintptr_t sp, uint64_t cfa, struct lazy_rbp *rbp)
{
    if (row_cfa(row) == ROW_SIGNAL) {
        save_rbp(rbp, sp + ROW_SIGNAL_RBP);
        return true;
    }
    switch (row_rbp(row)) {
    case ROW_RBP_SAME:
        return true;
    case ROW_RBP_AT_CFA:
        save_rbp(rbp, cfa + (uint64_t)row_rbp_offset(row));
        return true;
    case ROW_RBP_AT_RBP:
        if (!need_rbp(unwind, rbp))
            return false;
        save_rbp(rbp, rbp->value + (uint64_t)row_rbp_offset(row));
        return true;
    case ROW_RBP_LOST:
        rbp->lost = true;
        return true;
    }
    return false;
}

// False: a row is not enough.
static bool walk_rows(struct unwind *unwind)
{
    uintptr_t pc = unwind->pc;
    uintptr_t sp = unwind->sp;
    struct lazy_rbp rbp = { .value = unwind->fp, .initial = true };
    bool exact = false;
    while (pc != 0) {
        if (unwind->depth == unwind->frames_max) {
            unwind->truncated = true;
            return true;
        }
        row_t row = row_at(pc - !exact, unwind->generation, unwind->remember_rows, unwind->reading);
        exact |= row_signal(row);
        unwind->frames[unwind->depth++] = pc + exact;
        exact = row_signal(row);
        if (row_cfa(row) == ROW_OUTERMOST)
            return true;
        if (row_cfa(row) == ROW_COMPLEX)
            return false;
        uint64_t cfa;
        uintptr_t slot;
        if (row_cfa(row) == ROW_NONE || !find_cfa(unwind, row, sp, &rbp, &cfa, &slot) ||
            !find_rbp(unwind, row, sp, cfa, &rbp) || !depend(unwind, slot, &pc)) {
            unwind->truncated = true;
            return true;
        }
        sp = cfa;
    }
    return true;
}

// Inlined, as the frame it is taken from has to stand while it is walked.
static inline __attribute__((always_inline)) void capture_registers(struct cfi_registers *ret_registers)
{
    ret_registers->known = 1u << CFI_RBX | 1u << CFI_RBP | 1u << CFI_RSP | 0xfu << CFI_R12 | 1u << CFI_RA;
    __asm__ volatile("movq %%rbx, 24(%0)\n\t"
                     "movq %%rbp, 48(%0)\n\t"
                     "movq %%rsp, 56(%0)\n\t"
                     "movq %%r12, 96(%0)\n\t"
                     "movq %%r13, 104(%0)\n\t"
                     "movq %%r14, 112(%0)\n\t"
                     "movq %%r15, 120(%0)\n\t"
                     "leaq 0(%%rip), %%rax\n\t"
                     "movq %%rax, 128(%0)"
                     :
                     : "r"(ret_registers->value)
                     : "rax", "memory");
}

// Takes every frame with every register. `own`: these are our own frames, until the hook's caller is reached.
static void walk_registers(struct unwind *unwind, struct cfi_registers *registers)
{
    bool own = true;
    bool exact = true;
    unsigned own_frames = 0;
    while (registers->value[CFI_RA] != 0) {
        uintptr_t pc = registers->value[CFI_RA];
        uintptr_t sp = registers->value[CFI_RSP];
        if (own && pc == unwind->pc && sp == unwind->sp)
            own = false;
        if (own && (own_frames++ == OWN_FRAMES_MAX || sp >= unwind->sp))
            return;
        if (unwind->depth == unwind->frames_max) {
            unwind->truncated = true;
            return;
        }
        bool found = cfi_read(unwind->reading, pc - !exact);
        bool signal_frame = found && unwind->reading->signal_frame;
        if (!own)
            unwind->frames[unwind->depth++] = pc + (exact || signal_frame);
        bool outermost;
        if (!found || !cfi_step(&unwind->reading->rules, registers, read_word, unwind, &outermost) ||
            (!signal_frame && !outermost && registers->value[CFI_RSP] <= sp)) {
            unwind->truncated = true;
            return;
        }
        if (outermost)
            return;
        exact = signal_frame;
    }
}

void unwind_run(struct unwind *unwind)
{
    unwind->depth = 0;
    unwind->words = 0;
    unwind->uses_fp = false;
    unwind->truncated = false;
    unwind->readable_page = 0;
    unwind->repeatable = unwind->sp >= unwind->stack_low && unwind->sp < unwind->stack_high &&
                         unwind->sp >= unwind_base(unwind->stack_high);
    if (walk_rows(unwind))
        return;
    uint32_t rows_depth = unwind->depth;
    unwind->depth = 0;
    unwind->repeatable = false;
    struct cfi_registers registers;
    capture_registers(&registers);
    walk_registers(unwind, &registers);
    if (unwind->depth ==
        0) { // not called from the frames of a hook: what the rows gave is exact as far as it goes
        unwind->depth = rows_depth;
        unwind->truncated = true;
    }
}
