// SPDX-License-Identifier: MIT
// What a code address is in the source: function, file and line, and the functions inlined there.
#ifndef TRENZA_DWARF_LINES_H
#define TRENZA_DWARF_LINES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "dwarf_units.h"

struct dwarf_row {
    const char *function; // demangled; NULL: not known
    bool
        function_is_full; // with namespace and parameters where the language has them (not so for C++ statics)
    const char *file;     // absolute where the compilation directory is known; NULL: not known
    int line;             // 0: not known
};

struct dwarf_lines;

// units are borrowed and must live longer.
struct dwarf_lines *dwarf_lines_new(struct dwarf_units *units);
void dwarf_lines_free(struct dwarf_lines *lines);
// Appends struct dwarf_row to rows, innermost first: the last is the real function, all before it are inlined. Strings
// live as long as lines. *ret_start: where the function (or the separate cold part that holds the address) begins, or
// 0 when only the line is known. False: nothing is known.
bool dwarf_lines_find(struct dwarf_lines *lines, uint64_t address, GArray *rows, uint64_t *ret_start);

#endif
