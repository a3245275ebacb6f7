// SPDX-License-Identifier: MIT
// From the rules of a frame and all its registers to the registers of its caller: DWARF expressions and rules in full.
// This is the way for the rare frame that rows.c cannot put into a word, so it is plain rather than fast.
#include "cfi.h"

#include <stddef.h>

#include "cfi_bytes.h"

enum operation {
    OP_ADDR = 0x03,
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST1S = 0x09,
    OP_CONST2U = 0x0a,
    OP_CONST2S = 0x0b,
    OP_CONST4U = 0x0c,
    OP_CONST4S = 0x0d,
    OP_CONST8U = 0x0e,
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_DUP = 0x12,
    OP_DROP = 0x13,
    OP_OVER = 0x14,
    OP_PICK = 0x15,
    OP_SWAP = 0x16,
    OP_ROT = 0x17,
    OP_ABS = 0x19,
    OP_AND = 0x1a,
    OP_DIV = 0x1b,
    OP_MINUS = 0x1c,
    OP_MOD = 0x1d,
    OP_MUL = 0x1e,
    OP_NEG = 0x1f,
    OP_NOT = 0x20,
    OP_OR = 0x21,
    OP_PLUS = 0x22,
    OP_PLUS_UCONST = 0x23,
    OP_SHL = 0x24,
    OP_SHR = 0x25,
    OP_SHRA = 0x26,
    OP_XOR = 0x27,
    OP_BRA = 0x28,
    OP_EQ = 0x29,
    OP_GE = 0x2a,
    OP_GT = 0x2b,
    OP_LE = 0x2c,
    OP_LT = 0x2d,
    OP_NE = 0x2e,
    OP_SKIP = 0x2f,
    OP_LIT0 = 0x30,
    OP_BREG0 = 0x70,
    OP_BREGX = 0x92,
    OP_NOP = 0x96,
};

#define OPERANDS 16
#define OPERATIONS_MAX 256 // expressions can loop

struct machine {
    uint64_t operands[OPERANDS];
    unsigned depth;
    bool bad;
};

static void push(struct machine *machine, uint64_t value)
{
    if (machine->depth == OPERANDS)
        machine->bad = true;
    else
        machine->operands[machine->depth++] = value;
}

static uint64_t pop(struct machine *machine)
{
    if (machine->depth == 0) {
        machine->bad = true;
        return 0;
    }
    return machine->operands[--machine->depth];
}

// The operand `below` places under the top.
static uint64_t peek(struct machine *machine, unsigned below)
{
    if (below >= machine->depth) {
        machine->bad = true;
        return 0;
    }
    return machine->operands[machine->depth - 1 - below];
}

// Operations on two operands; false when it is not one of them.
static bool binary(struct machine *machine, unsigned operation, uint64_t left, uint64_t right)
{
    switch (operation) {
    case OP_AND:
        push(machine, left & right);
        return true;
    case OP_OR:
        push(machine, left | right);
        return true;
    case OP_XOR:
        push(machine, left ^ right);
        return true;
    case OP_PLUS:
        push(machine, left + right);
        return true;
    case OP_MINUS:
        push(machine, left - right);
        return true;
    case OP_MUL:
        push(machine, left * right);
        return true;
    case OP_DIV:
        machine->bad |= right == 0 || (right == UINT64_MAX && left == (uint64_t)INT64_MIN);
        push(machine, machine->bad ? 0 : (uint64_t)((int64_t)left / (int64_t)right));
        return true;
    case OP_MOD:
        machine->bad |= right == 0;
        push(machine, machine->bad ? 0 : left % right);
        return true;
    case OP_SHL:
        push(machine, right < 64 ? left << right : 0);
        return true;
    case OP_SHR:
        push(machine, right < 64 ? left >> right : 0);
        return true;
    case OP_SHRA:
        push(machine, (uint64_t)((int64_t)left >> (right < 64 ? right : 63)));
        return true;
    case OP_EQ:
        push(machine, left == right);
        return true;
    case OP_NE:
        push(machine, left != right);
        return true;
    case OP_GE:
        push(machine, (int64_t)left >= (int64_t)right);
        return true;
    case OP_GT:
        push(machine, (int64_t)left > (int64_t)right);
        return true;
    case OP_LE:
        push(machine, (int64_t)left <= (int64_t)right);
        return true;
    case OP_LT:
        push(machine, (int64_t)left < (int64_t)right);
        return true;
    default:
        return false;
    }
}

// Operations that only move operands about or put constants on them; false when it is not one of them.
static bool shuffle(struct machine *machine, unsigned operation, struct cfi_bytes *bytes)
{
    uint64_t a, b, c;
    switch (operation) {
    case OP_ADDR:
    case OP_CONST8U:
    case OP_CONST8S:
        push(machine, cfi_bytes_fixed(bytes, 8));
        return true;
    case OP_CONST1U:
    case OP_CONST2U:
    case OP_CONST4U:
        push(machine, cfi_bytes_fixed(bytes, 1u << (operation - OP_CONST1U) / 2));
        return true;
    case OP_CONST1S:
    case OP_CONST2S:
    case OP_CONST4S:
        push(machine, (uint64_t)cfi_bytes_signed(bytes, 1u << (operation - OP_CONST1S) / 2));
        return true;
    case OP_CONSTU:
        push(machine, cfi_bytes_uleb(bytes));
        return true;
    case OP_CONSTS:
        push(machine, (uint64_t)cfi_bytes_sleb(bytes));
        return true;
    case OP_DUP:
        push(machine, peek(machine, 0));
        return true;
    case OP_DROP:
        pop(machine);
        return true;
    case OP_OVER:
        push(machine, peek(machine, 1));
        return true;
    case OP_PICK:
        push(machine, peek(machine, (unsigned)cfi_bytes_fixed(bytes, 1)));
        return true;
    case OP_SWAP:
        a = pop(machine);
        b = pop(machine);
        push(machine, a);
        push(machine, b);
        return true;
    case OP_ROT: // the top goes under the next two
        a = pop(machine);
        b = pop(machine);
        c = pop(machine);
        push(machine, a);
        push(machine, c);
        push(machine, b);
        return true;
    case OP_NOP:
        return true;
    default:
        return false;
    }
}

static void jump(struct machine *machine, struct cfi_bytes *bytes, const uint8_t *start, bool taken)
{
    int64_t distance = cfi_bytes_signed(bytes, 2);
    if (!taken)
        return;
    if (distance < start - bytes->at || distance > bytes->end - bytes->at)
        machine->bad = true;
    else
        bytes->at += distance;
}

// What the expression gives; `cfa` (when has_cfa) is on the operand stack to begin with.
static bool evaluate(const uint8_t *expression, const struct cfi_registers *registers, const uint64_t *cfa,
    cfi_read_word read_word, void *context, uint64_t *ret_value)
{
    struct cfi_bytes bytes = cfi_bytes_expression(expression);
    const uint8_t *start = bytes.at;
    struct machine machine = { .depth = 0 };
    if (cfa)
        push(&machine, *cfa);
    for (unsigned done = 0; bytes.at < bytes.end; done++) {
        unsigned operation = (unsigned)cfi_bytes_fixed(&bytes, 1);
        if (shuffle(&machine, operation, &bytes)) {
        } else if (operation >= OP_LIT0 && operation < OP_LIT0 + 32) {
            push(&machine, operation - OP_LIT0);
        } else if ((operation >= OP_BREG0 && operation < OP_BREG0 + 32) || operation == OP_BREGX) {
            uint64_t number = operation == OP_BREGX ? cfi_bytes_uleb(&bytes) : operation - OP_BREG0;
            int64_t offset = cfi_bytes_sleb(&bytes);
            if (number >= CFI_REGISTERS || !(registers->known >> number & 1))
                return false;
            push(&machine, registers->value[number] + (uint64_t)offset);
        } else if (operation == OP_DEREF) {
            uint64_t word;
            if (!read_word(context, pop(&machine), &word))
                return false;
            push(&machine, word);
        } else if (operation == OP_PLUS_UCONST) {
            push(&machine, pop(&machine) + cfi_bytes_uleb(&bytes));
        } else if (operation == OP_NEG) {
            push(&machine, -pop(&machine));
        } else if (operation == OP_NOT) {
            push(&machine, ~pop(&machine));
        } else if (operation == OP_ABS) {
            uint64_t value = pop(&machine);
            push(&machine, (int64_t)value < 0 ? -value : value);
        } else if (operation == OP_SKIP) {
            jump(&machine, &bytes, start, true);
        } else if (operation == OP_BRA) {
            jump(&machine, &bytes, start, pop(&machine) != 0);
        } else {
            uint64_t right = pop(&machine);
            if (!binary(&machine, operation, pop(&machine), right))
                return false;
        }
        if (machine.bad || bytes.bad || done == OPERATIONS_MAX)
            return false;
    }
    *ret_value = pop(&machine);
    return !machine.bad;
}

bool cfi_expression_is_simple(
    const uint8_t *expression, bool deref, unsigned *ret_register, int64_t *ret_offset)
{
    struct cfi_bytes bytes = cfi_bytes_expression(expression);
    unsigned operation = (unsigned)cfi_bytes_fixed(&bytes, 1);
    if (operation < OP_BREG0 || operation >= OP_BREG0 + CFI_REGISTERS)
        return false;
    int64_t offset = cfi_bytes_sleb(&bytes);
    if (deref && cfi_bytes_fixed(&bytes, 1) != OP_DEREF)
        return false;
    if (bytes.bad || bytes.at != bytes.end)
        return false;
    *ret_register = operation - OP_BREG0;
    *ret_offset = offset;
    return true;
}

static bool find_cfa(const struct cfi_rules *rules, const struct cfi_registers *registers,
    cfi_read_word read_word, void *context, uint64_t *ret_cfa)
{
    if (rules->cfa.kind == CFI_EXPRESSION)
        return evaluate(rules->cfa.expression, registers, NULL, read_word, context, ret_cfa);
    if (rules->cfa.kind != CFI_REGISTER || rules->cfa_register >= CFI_REGISTERS ||
        !(registers->known >> rules->cfa_register & 1))
        return false;
    *ret_cfa = registers->value[rules->cfa_register] + (uint64_t)rules->cfa.value;
    return true;
}

// The caller's value of one register; false: not to be had.
static bool find_register(const struct cfi_rule *rule, unsigned number, const struct cfi_registers *registers,
    uint64_t cfa, cfi_read_word read_word, void *context, uint64_t *ret_value)
{
    uint64_t address;
    switch (rule->kind) {
    case CFI_SAME:
        *ret_value = registers->value[number];
        return registers->known >> number & 1;
    case CFI_AT_OFFSET:
        return read_word(context, cfa + (uint64_t)rule->value, ret_value);
    case CFI_OFFSET:
        *ret_value = cfa + (uint64_t)rule->value;
        return true;
    case CFI_REGISTER:
        if (rule->value < 0 || rule->value >= CFI_REGISTERS)
            return false;
        *ret_value = registers->value[rule->value];
        return registers->known >> rule->value & 1;
    case CFI_AT_EXPRESSION:
        return evaluate(rule->expression, registers, &cfa, read_word, context, &address) &&
               read_word(context, address, ret_value);
    case CFI_EXPRESSION:
        return evaluate(rule->expression, registers, &cfa, read_word, context, ret_value);
    case CFI_UNDEFINED:
        break;
    }
    return false;
}

bool cfi_step(const struct cfi_rules *rules, struct cfi_registers *registers, cfi_read_word read_word,
    void *context, bool *ret_outermost)
{
    *ret_outermost = rules->registers[CFI_RA].kind == CFI_UNDEFINED;
    if (*ret_outermost)
        return true;
    uint64_t cfa;
    if (!find_cfa(rules, registers, read_word, context, &cfa))
        return false;
    struct cfi_registers caller = { .known = 0 };
    for (unsigned i = 0; i < CFI_REGISTERS; i++) {
        const struct cfi_rule *rule = &rules->registers[i];
        if (i == CFI_RSP && rule->kind == CFI_SAME) { // by definition of the CFA
            caller.value[i] = cfa;
            caller.known |= 1u << i;
        } else if (find_register(rule, i, registers, cfa, read_word, context, &caller.value[i])) {
            caller.known |= 1u << i;
        }
    }
    if (!(caller.known >> CFI_RA & 1) || rules->registers[CFI_RA].kind == CFI_SAME ||
        !(caller.known >> CFI_RSP & 1))
        return false;
    *registers = caller;
    return true;
}
