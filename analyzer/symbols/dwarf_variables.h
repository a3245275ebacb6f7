// SPDX-License-Identifier: MIT
// What a data address is in the source: a variable, and the way through its members and elements.
#ifndef TRENZA_DWARF_VARIABLES_H
#define TRENZA_DWARF_VARIABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "dwarf_units.h"
#include "elf_module.h"

struct dwarf_place {
    char *name;     // of the variable, qualified in C++: "queue_lock", "bank::accounts"
    char *path;     // from there to the address: "", "[3].lock", ".workers[1].mutex"
    char *file;     // base name of the file that declares it; NULL: not known
    char *function; // the function it is local to, when `name` does not already say so; NULL: none
};

struct dwarf_variables;

// units are borrowed and must live longer.
struct dwarf_variables *dwarf_variables_new(struct dwarf_units *units);
void dwarf_variables_free(struct dwarf_variables *variables);
// symbol: the ELF symbol that covers the address, or NULL; it tells where to look when the variable is inside a function,
// for which whole units must be read. False: not found.
bool dwarf_variables_find(struct dwarf_variables *variables, uint64_t address,
    const struct elf_symbol *symbol, struct dwarf_place *ret_place);
void dwarf_place_done(struct dwarf_place *place);

#endif
