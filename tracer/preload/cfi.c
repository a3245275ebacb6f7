// SPDX-License-Identifier: MIT
// Reader of .eh_frame (Linux Standard Base, "DWARF Extensions"; DWARF 5, section 6.4).
//
// The loader tells which module an address is in and where its .eh_frame_hdr is (_dl_find_object: no lock, legal in a
// signal handler); its sorted table leads to the FDE, whose instructions, after those of its CIE, are run up to the
// address. Everything read is inside the module's mapping and has been asked for (memory.h), so damaged data ends a
// reading and nothing else. Blind: modules without a sorted .eh_frame_hdr table (ld, gold, lld and mold all write
// one), frames registered at run time by a JIT compiler, .debug_frame.
#include "cfi.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

#include "cfi_bytes.h"
#include "memory.h"

enum pointer_encoding {
    POINTER_ABSOLUTE = 0x00,
    POINTER_ULEB = 0x01,
    POINTER_UDATA2 = 0x02,
    POINTER_UDATA4 = 0x03,
    POINTER_UDATA8 = 0x04,
    POINTER_SLEB = 0x09,
    POINTER_SDATA2 = 0x0a,
    POINTER_SDATA4 = 0x0b,
    POINTER_SDATA8 = 0x0c,
    POINTER_FORMAT = 0x0f,
    POINTER_PC_RELATIVE = 0x10,
    POINTER_DATA_RELATIVE = 0x30,
    POINTER_RELATION = 0x70,
    POINTER_INDIRECT = 0x80,
    POINTER_OMITTED = 0xff,
};

enum instruction {
    SET_LOC = 0x01,
    ADVANCE_LOC1 = 0x02,
    ADVANCE_LOC2 = 0x03,
    ADVANCE_LOC4 = 0x04,
    OFFSET_EXTENDED = 0x05,
    RESTORE_EXTENDED = 0x06,
    UNDEFINED = 0x07,
    SAME_VALUE = 0x08,
    REGISTER = 0x09,
    REMEMBER_STATE = 0x0a,
    RESTORE_STATE = 0x0b,
    DEF_CFA = 0x0c,
    DEF_CFA_REGISTER = 0x0d,
    DEF_CFA_OFFSET = 0x0e,
    DEF_CFA_EXPRESSION = 0x0f,
    EXPRESSION = 0x10,
    OFFSET_EXTENDED_SF = 0x11,
    DEF_CFA_SF = 0x12,
    DEF_CFA_OFFSET_SF = 0x13,
    VAL_OFFSET = 0x14,
    VAL_OFFSET_SF = 0x15,
    VAL_EXPRESSION = 0x16,
    GNU_ARGS_SIZE = 0x2e,
    GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
    ADVANCE_LOC = 0x40, // the two high bits; the rest is the operand
    OFFSET = 0x80,
    RESTORE = 0xc0,
};

struct cie {
    struct cfi_bytes instructions;
    uint64_t code_alignment;
    int64_t data_alignment;
    uint8_t pointer_encoding;
    bool has_augmentation_data;
    bool signal_frame;
};

// Pages of modules known to be readable: page number << 16 | low bits of the generation. Saves most of the asking.
#define KNOWN_PAGES 1024
static _Atomic uint64_t known_pages[KNOWN_PAGES];

static bool is_readable(uintptr_t start, uintptr_t end, uint32_t generation)
{
    for (uintptr_t page = start / MEMORY_PAGE; page <= (end - 1) / MEMORY_PAGE; page++) {
        _Atomic uint64_t *known = &known_pages[page % KNOWN_PAGES];
        uint64_t wanted = (uint64_t)page << 16 | (uint16_t)generation;
        if (generation != CFI_CODE_MAY_GO && atomic_load_explicit(known, memory_order_relaxed) == wanted)
            continue;
        if (!memory_readable(page * MEMORY_PAGE))
            return false;
        if (generation != CFI_CODE_MAY_GO)
            atomic_store_explicit(known, wanted, memory_order_relaxed);
    }
    return true;
}

// A pointer where the reader stands; *ret_value is an address, or a plain number when only the format is given.
static bool read_pointer(struct cfi_bytes *bytes, unsigned encoding, uint64_t *ret_value)
{
    uint64_t base = 0;
    if ((encoding & POINTER_RELATION) == POINTER_PC_RELATIVE)
        base = (uintptr_t)bytes->at;
    else if ((encoding & POINTER_RELATION) != 0)
        return false;
    uint64_t value;
    switch (encoding & POINTER_FORMAT) {
    case POINTER_ABSOLUTE:
    case POINTER_UDATA8:
    case POINTER_SDATA8:
        value = cfi_bytes_fixed(bytes, 8);
        break;
    case POINTER_UDATA4:
        value = cfi_bytes_fixed(bytes, 4);
        break;
    case POINTER_SDATA4:
        value = (uint64_t)cfi_bytes_signed(bytes, 4);
        break;
    case POINTER_UDATA2:
        value = cfi_bytes_fixed(bytes, 2);
        break;
    case POINTER_SDATA2:
        value = (uint64_t)cfi_bytes_signed(bytes, 2);
        break;
    case POINTER_ULEB:
        value = cfi_bytes_uleb(bytes);
        break;
    case POINTER_SLEB:
        value = (uint64_t)cfi_bytes_sleb(bytes);
        break;
    default:
        return false;
    }
    *ret_value = base + value;
    return !bytes->bad;
}

// The entry (CIE or FDE) at address, without its length; false when it is not inside the module or cannot be read.
static bool open_entry(
    const struct dl_find_object *module, uintptr_t address, uint32_t generation, struct cfi_bytes *ret_entry)
{
    uintptr_t map_start = (uintptr_t)module->dlfo_map_start;
    uintptr_t map_end = (uintptr_t)module->dlfo_map_end;
    if (address < map_start || address > map_end - 16 || !is_readable(address, address + 12, generation))
        return false;
    struct cfi_bytes entry = { .at = (const uint8_t *)address, .end = (const uint8_t *)address + 12 };
    uint64_t size = cfi_bytes_fixed(&entry, 4);
    if (size == 0xffffffff)
        size = cfi_bytes_fixed(&entry, 8);
    if (size < 4 || size > map_end - (uintptr_t)entry.at ||
        !is_readable((uintptr_t)entry.at, (uintptr_t)entry.at + size, generation))
        return false;
    entry.end = entry.at + size;
    *ret_entry = entry;
    return true;
}

// .eh_frame_hdr: version, three encodings, pointer to .eh_frame, number of FDEs, then (start, FDE) pairs sorted by start.
static uintptr_t find_fde(const struct dl_find_object *module, uintptr_t address, uint32_t generation)
{
    const uint8_t *header = module->dlfo_eh_frame;
    if (!header || (uintptr_t)header < (uintptr_t)module->dlfo_map_start ||
        (uintptr_t)header > (uintptr_t)module->dlfo_map_end - 16 ||
        !is_readable((uintptr_t)header, (uintptr_t)header + 16, generation))
        return 0;
    struct cfi_bytes bytes = { .at = header + 4, .end = module->dlfo_map_end };
    uint64_t frames, count;
    if (header[0] != 1 || header[3] != (POINTER_DATA_RELATIVE | POINTER_SDATA4) ||
        !read_pointer(&bytes, header[1] & POINTER_FORMAT, &frames) || header[2] == POINTER_OMITTED ||
        !read_pointer(&bytes, header[2] & POINTER_FORMAT, &count) || count == 0 ||
        count > (size_t)(bytes.end - bytes.at) / 8 ||
        !is_readable((uintptr_t)(bytes.at + 8 * (count - 1)), (uintptr_t)(bytes.at + 8 * count), generation))
        return 0;
    struct {
        int32_t start, fde; // relative to the header
    } __attribute__((packed)) const *table = (const void *)bytes.at;
    int64_t wanted = (int64_t)(address - (uintptr_t)header);
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].start <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : (uintptr_t)header + (uintptr_t)(intptr_t)table[low - 1].fde;
}

static bool read_augmentation_data(struct cfi_bytes *entry, const char *augmentation, struct cie *cie)
{
    uint64_t size = cfi_bytes_uleb(entry);
    const uint8_t *start = entry->at;
    cfi_bytes_skip(entry, size);
    if (entry->bad)
        return false;
    struct cfi_bytes data = { .at = start, .end = entry->at };
    uint64_t ignored;
    for (; *augmentation; augmentation++) {
        switch (*augmentation) {
        case 'R':
            cie->pointer_encoding = (uint8_t)cfi_bytes_fixed(&data, 1);
            break;
        case 'L':
            cfi_bytes_skip(&data, 1);
            break;
        case 'P': // where the personality routine is does not matter, only how long the pointer is
            if (!read_pointer(&data, cfi_bytes_fixed(&data, 1) & POINTER_FORMAT, &ignored))
                return false;
            break;
        case 'S':
            cie->signal_frame = true;
            break;
        default: // what follows is of unknown size, but bounded; 'R' comes early in practice
            return true;
        }
    }
    return !data.bad;
}

static bool read_cie(struct cfi_bytes *entry, struct cie *ret_cie)
{
    struct cie cie = { .pointer_encoding = POINTER_ABSOLUTE };
    if (cfi_bytes_fixed(entry, 4) != 0)
        return false;
    uint64_t version = cfi_bytes_fixed(entry, 1);
    const char *augmentation = (const char *)entry->at;
    while (cfi_bytes_fixed(entry, 1) != 0) {
    }
    if (entry->bad || (version != 1 && version != 3 && version != 4))
        return false;
    if (version == 4)
        cfi_bytes_skip(entry, 2);
    cie.code_alignment = cfi_bytes_uleb(entry);
    cie.data_alignment = cfi_bytes_sleb(entry);
    uint64_t return_address = version == 1 ? cfi_bytes_fixed(entry, 1) : cfi_bytes_uleb(entry);
    if (entry->bad || return_address != CFI_RA)
        return false;
    if (*augmentation == 'z') {
        cie.has_augmentation_data = true;
        if (!read_augmentation_data(entry, augmentation + 1, &cie))
            return false;
    } else if (*augmentation) {
        return false;
    }
    cie.instructions = *entry;
    *ret_cie = cie;
    return true;
}

// Registers beyond the sixteen and the return address (SSE, x87 ...) decide nothing: their rules go nowhere.
static void set_rule(struct cfi_reading *reading, uint64_t number, enum cfi_rule_kind kind, int64_t value)
{
    if (number < CFI_REGISTERS)
        reading->rules.registers[number] = (struct cfi_rule){ .kind = kind, .value = value };
}

static void set_rule_expression(
    struct cfi_reading *reading, uint64_t number, enum cfi_rule_kind kind, struct cfi_bytes *bytes)
{
    if (number < CFI_REGISTERS)
        reading->rules.registers[number] = (struct cfi_rule){ .kind = kind, .expression = bytes->at };
    cfi_bytes_skip(bytes, cfi_bytes_uleb(bytes));
}

static void restore_rule(struct cfi_reading *reading, uint64_t number)
{
    if (number < CFI_REGISTERS)
        reading->rules.registers[number] = reading->initial.registers[number];
}

static void set_cfa(struct cfi_reading *reading, uint64_t number, int64_t offset)
{
    reading->rules.cfa = (struct cfi_rule){ .kind = CFI_REGISTER, .value = offset };
    reading->rules.cfa_register = number < CFI_REGISTERS ? (uint8_t)number : CFI_REGISTERS;
}

// Runs the instructions in force at address. A flat switch over DWARF's opcodes.
static bool run(struct cfi_reading *reading, const struct cie *cie, struct cfi_bytes bytes,
    uintptr_t location, uintptr_t address)
{
    while (bytes.at < bytes.end && !bytes.bad && location <= address) {
        unsigned opcode = (unsigned)cfi_bytes_fixed(&bytes, 1);
        uint64_t number;
        uint64_t pointer;
        switch (opcode & 0xc0) {
        case ADVANCE_LOC:
            location += (opcode & 0x3f) * cie->code_alignment;
            continue;
        case OFFSET:
            set_rule(
                reading, opcode & 0x3f, CFI_AT_OFFSET, (int64_t)cfi_bytes_uleb(&bytes) * cie->data_alignment);
            continue;
        case RESTORE:
            restore_rule(reading, opcode & 0x3f);
            continue;
        }
        switch (opcode) {
        case 0: // padding
            break;
        case SET_LOC:
            if (!read_pointer(&bytes, cie->pointer_encoding, &pointer))
                return false;
            location = pointer;
            break;
        case ADVANCE_LOC1:
            location += cfi_bytes_fixed(&bytes, 1) * cie->code_alignment;
            break;
        case ADVANCE_LOC2:
            location += cfi_bytes_fixed(&bytes, 2) * cie->code_alignment;
            break;
        case ADVANCE_LOC4:
            location += cfi_bytes_fixed(&bytes, 4) * cie->code_alignment;
            break;
        case OFFSET_EXTENDED:
            number = cfi_bytes_uleb(&bytes);
            set_rule(reading, number, CFI_AT_OFFSET, (int64_t)cfi_bytes_uleb(&bytes) * cie->data_alignment);
            break;
        case OFFSET_EXTENDED_SF:
            number = cfi_bytes_uleb(&bytes);
            set_rule(reading, number, CFI_AT_OFFSET, cfi_bytes_sleb(&bytes) * cie->data_alignment);
            break;
        case GNU_NEGATIVE_OFFSET_EXTENDED:
            number = cfi_bytes_uleb(&bytes);
            set_rule(reading, number, CFI_AT_OFFSET, -(int64_t)cfi_bytes_uleb(&bytes) * cie->data_alignment);
            break;
        case VAL_OFFSET:
            number = cfi_bytes_uleb(&bytes);
            set_rule(reading, number, CFI_OFFSET, (int64_t)cfi_bytes_uleb(&bytes) * cie->data_alignment);
            break;
        case VAL_OFFSET_SF:
            number = cfi_bytes_uleb(&bytes);
            set_rule(reading, number, CFI_OFFSET, cfi_bytes_sleb(&bytes) * cie->data_alignment);
            break;
        case RESTORE_EXTENDED:
            restore_rule(reading, cfi_bytes_uleb(&bytes));
            break;
        case UNDEFINED:
            set_rule(reading, cfi_bytes_uleb(&bytes), CFI_UNDEFINED, 0);
            break;
        case SAME_VALUE:
            set_rule(reading, cfi_bytes_uleb(&bytes), CFI_SAME, 0);
            break;
        case REGISTER:
            number = cfi_bytes_uleb(&bytes);
            set_rule(reading, number, CFI_REGISTER, (int64_t)cfi_bytes_uleb(&bytes));
            break;
        case REMEMBER_STATE:
            if (reading->saved_states == CFI_SAVED_STATES)
                return false;
            reading->saved[reading->saved_states++] = reading->rules;
            break;
        case RESTORE_STATE:
            if (reading->saved_states == 0)
                return false;
            reading->rules = reading->saved[--reading->saved_states];
            break;
        case DEF_CFA:
            number = cfi_bytes_uleb(&bytes);
            set_cfa(reading, number, (int64_t)cfi_bytes_uleb(&bytes));
            break;
        case DEF_CFA_SF:
            number = cfi_bytes_uleb(&bytes);
            set_cfa(reading, number, cfi_bytes_sleb(&bytes) * cie->data_alignment);
            break;
        case DEF_CFA_REGISTER:
            set_cfa(reading, cfi_bytes_uleb(&bytes), reading->rules.cfa.value);
            break;
        case DEF_CFA_OFFSET:
            reading->rules.cfa.value = (int64_t)cfi_bytes_uleb(&bytes);
            break;
        case DEF_CFA_OFFSET_SF:
            reading->rules.cfa.value = cfi_bytes_sleb(&bytes) * cie->data_alignment;
            break;
        case DEF_CFA_EXPRESSION:
            reading->rules.cfa = (struct cfi_rule){ .kind = CFI_EXPRESSION, .expression = bytes.at };
            cfi_bytes_skip(&bytes, cfi_bytes_uleb(&bytes));
            break;
        case EXPRESSION:
            number = cfi_bytes_uleb(&bytes);
            set_rule_expression(reading, number, CFI_AT_EXPRESSION, &bytes);
            break;
        case VAL_EXPRESSION:
            number = cfi_bytes_uleb(&bytes);
            set_rule_expression(reading, number, CFI_EXPRESSION, &bytes);
            break;
        case GNU_ARGS_SIZE:
            cfi_bytes_uleb(&bytes);
            break;
        default:
            return false;
        }
    }
    return !bytes.bad;
}

bool cfi_read(struct cfi_reading *reading, uintptr_t address, uint32_t generation)
{
    struct dl_find_object module;
    if (_dl_find_object((void *)address, &module) != 0)
        return false;
    struct cfi_bytes fde, cie_entry;
    struct cie cie;
    uintptr_t fde_address = find_fde(&module, address, generation);
    if (!fde_address || !open_entry(&module, fde_address, generation, &fde))
        return false;
    uintptr_t cie_field = (uintptr_t)fde.at;
    uint64_t cie_distance = cfi_bytes_fixed(&fde, 4);
    if (cie_distance == 0 || !open_entry(&module, cie_field - cie_distance, generation, &cie_entry) ||
        !read_cie(&cie_entry, &cie))
        return false;
    uint64_t start, size;
    if ((cie.pointer_encoding & POINTER_INDIRECT) || !read_pointer(&fde, cie.pointer_encoding, &start) ||
        !read_pointer(&fde, cie.pointer_encoding & POINTER_FORMAT, &size) || address - start >= size)
        return false;
    if (cie.has_augmentation_data)
        cfi_bytes_skip(&fde, cfi_bytes_uleb(&fde));
    reading->rules = (struct cfi_rules){ .cfa.kind = CFI_UNDEFINED, .cfa_register = CFI_REGISTERS };
    reading->initial = reading->rules;
    reading->saved_states = 0;
    reading->signal_frame = cie.signal_frame;
    if (fde.bad || !run(reading, &cie, cie.instructions, 0, UINTPTR_MAX))
        return false;
    reading->initial = reading->rules;
    return run(reading, &cie, fde, start, address);
}
