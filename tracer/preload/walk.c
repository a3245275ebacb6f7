// SPDX-License-Identifier: MIT
// Walks a call stack by rows (rows.h), noting each word of memory that the way depends on: return addresses always, a
// saved rbp only when a later frame is found by it.
//
// Where a row is not enough, because a frame is found by another register than rsp and rbp, the whole walk is done
// again with all registers (cfi_step), starting in this very file so that the registers a hook has saved are found too.
// Such a stack cannot be remembered, as the registers it depends on are not known the next time.
// Blind: code without call frame information (JIT) ends a stack, and so does memory that is not there. What call frame
// information says wrongly is followed: gcc's is about rbp in the last two instructions of a function that has realigned
// its stack, which matters when a signal comes just there; that of -fno-asynchronous-unwind-tables holds at calls only.
#include "walk.h"

#include "memory.h"
#include "rows.h"

#define NOT_SAVED 0
#define OWN_FRAMES_MAX 32 // between walk_run() and the hook's caller

static bool on_own_stack(const struct walk *walk, uintptr_t address)
{
    return address >= walk->sp && address < walk->stack_high && walk->sp >= walk->stack_low;
}

static bool read_word(void *context, uintptr_t address, uint64_t *ret_value)
{
    struct walk *walk = context;
    uintptr_t page = address & ~(uintptr_t)(MEMORY_PAGE - 1);
    if (address % 8 != 0)
        return false;
    if (!on_own_stack(walk, address) && page != walk->readable_page) {
        if (!memory_readable(address))
            return false;
        walk->readable_page = page;
    }
    *ret_value = *(const volatile uint64_t *)address;
    return true;
}

// Reads a word that decides the result.
static bool depend(struct walk *walk, uintptr_t address, uint64_t *ret_value)
{
    bool own = on_own_stack(walk, address) && walk->words < walk->words_max;
    walk->repeatable &= own;
    if (!read_word(walk, address, ret_value))
        return false;
    if (own) {
        struct walk_block *block = &walk->blocks[walk->words / 4];
        block->values[walk->words % 4] = *ret_value;
        block->offsets[walk->words % 4] = (uint32_t)(address - walk_base(walk->stack_high));
        walk->words++;
    }
    return true;
}

// rbp during the walk: its value is fetched, and noted as a dependency, when somebody needs it.
struct lazy_rbp {
    uintptr_t saved_at; // NOT_SAVED: `value` is it
    uint64_t value;
    bool initial; // it is still what the walk began with
    bool lost;
};

static bool need_rbp(struct walk *walk, struct lazy_rbp *rbp)
{
    if (rbp->saved_at != NOT_SAVED) {
        if (!depend(walk, rbp->saved_at, &rbp->value))
            return false;
        rbp->saved_at = NOT_SAVED;
    }
    walk->uses_fp |= rbp->initial;
    return !rbp->lost;
}

static void save_rbp(struct lazy_rbp *rbp, uintptr_t saved_at)
{
    *rbp = (struct lazy_rbp){ .saved_at = saved_at };
}

// The caller's stack pointer, and the slot of its return address; false when a word or rbp is not to be had.
static bool find_cfa(
    struct walk *walk, row_t row, uintptr_t sp, struct lazy_rbp *rbp, uint64_t *ret_cfa, uintptr_t *ret_slot)
{
    uint64_t cfa;
    bool found = true;
    switch (row_cfa(row)) {
    case ROW_RSP:
        cfa = sp + (uint64_t)row_cfa_offset(row);
        break;
    case ROW_RBP:
        found = need_rbp(walk, rbp);
        cfa = rbp->value + (uint64_t)row_cfa_offset(row);
        break;
    case ROW_AT_RSP:
        found = depend(walk, sp + (uint64_t)row_cfa_offset(row), &cfa);
        break;
    case ROW_AT_RBP:
        found = need_rbp(walk, rbp) && depend(walk, rbp->value + (uint64_t)row_cfa_offset(row), &cfa);
        break;
    case ROW_SIGNAL:
        *ret_slot = sp + ROW_SIGNAL_RIP;
        return depend(walk, sp + ROW_SIGNAL_RSP, ret_cfa);
    default:
        return false;
    }
    // No look at whether the CFA is further out than sp: code may have switched stacks. The depth bounds loops.
    if (!found)
        return false;
    *ret_cfa = cfa;
    *ret_slot = cfa - 8;
    return true;
}

static bool find_rbp(struct walk *walk, row_t row, uintptr_t sp, uint64_t cfa, struct lazy_rbp *rbp)
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
        if (!need_rbp(walk, rbp))
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
static bool walk_rows(struct walk *walk)
{
    uintptr_t pc = walk->pc;
    uintptr_t sp = walk->sp;
    struct lazy_rbp rbp = { .value = walk->fp, .initial = true };
    bool exact = false;
    while (pc != 0) {
        if (walk->depth == walk->frames_max) {
            walk->truncated = true;
            return true;
        }
        row_t row = row_at(pc - !exact, walk->generation, walk->reading);
        exact |= row_signal(row);
        walk->frames[walk->depth++] = pc + exact;
        exact = row_signal(row);
        if (row_cfa(row) == ROW_OUTERMOST)
            return true;
        if (row_cfa(row) == ROW_COMPLEX)
            return false;
        uint64_t cfa;
        uintptr_t slot;
        if (row_cfa(row) == ROW_NONE || !find_cfa(walk, row, sp, &rbp, &cfa, &slot) ||
            !find_rbp(walk, row, sp, cfa, &rbp) || !depend(walk, slot, &pc)) {
            walk->truncated = true;
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
static void walk_registers(struct walk *walk, struct cfi_registers *registers)
{
    bool own = true;
    bool exact = true;
    unsigned own_frames = 0;
    while (registers->value[CFI_RA] != 0) {
        uintptr_t pc = registers->value[CFI_RA];
        uintptr_t sp = registers->value[CFI_RSP];
        if (own && pc == walk->pc && sp == walk->sp)
            own = false;
        if (own && (own_frames++ == OWN_FRAMES_MAX || sp >= walk->sp))
            return;
        if (walk->depth == walk->frames_max) {
            walk->truncated = true;
            return;
        }
        bool found = cfi_read(walk->reading, pc - !exact, walk->generation);
        bool signal_frame = found && walk->reading->signal_frame;
        if (!own)
            walk->frames[walk->depth++] = pc + (exact || signal_frame);
        bool outermost;
        if (!found || !cfi_step(&walk->reading->rules, registers, read_word, walk, &outermost)) {
            walk->truncated = true;
            return;
        }
        if (outermost)
            return;
        exact = signal_frame;
    }
}

void walk_run(struct walk *walk)
{
    walk->depth = 0;
    walk->words = 0;
    walk->uses_fp = false;
    walk->truncated = false;
    walk->readable_page = 1; // none
    walk->repeatable =
        walk->sp >= walk->stack_low && walk->sp < walk->stack_high && walk->sp >= walk_base(walk->stack_high);
    if (walk_rows(walk))
        return;
    uint32_t rows_depth = walk->depth;
    walk->depth = 0;
    walk->repeatable = false;
    struct cfi_registers registers;
    capture_registers(&registers);
    walk_registers(walk, &registers);
    // Not called from the frames of a hook: what the rows gave is exact as far as it goes.
    if (walk->depth == 0) {
        walk->depth = rows_depth;
        walk->truncated = true;
    }
}
