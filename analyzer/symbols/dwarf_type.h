// SPDX-License-Identifier: MIT
// The way from a variable into its type.
#ifndef TRENZA_DWARF_TYPE_H
#define TRENZA_DWARF_TYPE_H

#include <elfutils/libdw.h>
#include <glib.h>
#include <stdint.h>

// Appends to path what leads from a variable with this DIE to the lock `offset` bytes into it: "[3].lock". It stops at
// the lock and does not lead into it: "cache.mutex_", not "cache.mutex_._M_mutex.__data".
void dwarf_type_append_path(Dwarf_Die *variable, uint64_t offset, GString *path);
// Size in bytes of a variable's type; 0: not known.
uint64_t dwarf_type_size_of(Dwarf_Die *variable);

#endif
