// SPDX-License-Identifier: MIT
// The compilation units of a module, by the addresses they cover, and small helpers on DIEs.
#ifndef TRENZA_DWARF_UNITS_H
#define TRENZA_DWARF_UNITS_H

#include <elfutils/libdw.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct dwarf_unit {
    Dwarf_Die root; // the unit with the functions and variables (of a split unit: the one in the .dwo file)
    Dwarf_Die line_root; // the unit with the line table (of a split unit: the skeleton)
    // For dwarf_lines.c alone, which owns it.
    GArray *functions; // NULL: not read yet
    bool nested_functions_read;
};

struct dwarf_units;

// Never NULL. Reads only the head of each unit.
struct dwarf_units *dwarf_units_new(Dwarf *dwarf);
void dwarf_units_free(struct dwarf_units *units);
unsigned dwarf_units_count(const struct dwarf_units *units);
struct dwarf_unit *dwarf_units_get(struct dwarf_units *units, unsigned index);
// Calls back for each unit that covers address, the likeliest first, until a call returns true.
bool dwarf_units_each_at(struct dwarf_units *units, uint64_t address,
    bool (*each)(struct dwarf_unit *unit, uint64_t address, void *data), void *data);

// An attribute's string, also when it stands in the declaration or the abstract instance. NULL: none.
const char *dwarf_die_string(Dwarf_Die *die, unsigned attribute);
// The linker name of a function or variable, or NULL.
const char *dwarf_die_linkage_name(Dwarf_Die *die);
// Goes on to the next sibling; false: it was the last.
bool dwarf_die_next(Dwarf_Die *die);
// The file that an attribute (DW_AT_decl_file, DW_AT_call_file) of this very DIE names; NULL: none.
const char *dwarf_die_file(Dwarf_Die *die, unsigned attribute);

#endif
