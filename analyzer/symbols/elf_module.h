// SPDX-License-Identifier: MIT
// One executable or library on disk: is it the one that was traced, and what are its symbols and debug information.
// Addresses here are the file's own: address in memory - bias.
#ifndef TRENZA_ELF_MODULE_H
#define TRENZA_ELF_MODULE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

struct elf_module;

struct elf_symbol {
    uint64_t start;
    uint64_t size;    // bytes; of one without a size (assembly): up to the end of its section
    const char *name; // mangled, without a version
    const char
        *file;    // the source file a local symbol comes from, as its name was given to the compiler, or NULL
    uint8_t rank; // which of several names of one address is the best: the lowest
};

// path must be absolute. build_id: lower-case hex of what was traced, or NULL when it had none (then the file is
// believed). Separate debug files are looked for below debug_root. -ENOENT, -EACCES ...: no such file; -ENOEXEC: not
// ELF; -ESTALE: another build of it. All of these only when the separate debug information is not there either.
int elf_module_open(
    const char *path, const char *build_id, const char *debug_root, struct elf_module **ret_module);
void elf_module_free(struct elf_module *module);

// The symbol that covers an address, or NULL. Owned by the module.
const struct elf_symbol *elf_module_function_at(struct elf_module *module, uint64_t address);
const struct elf_symbol *elf_module_data_at(struct elf_module *module, uint64_t address);
// How many variables of the module are called the same in the source (statics of different files or functions).
unsigned elf_module_data_namesakes(struct elf_module *module, const struct elf_symbol *symbol);

// Its debug information, its own or separate; NULL: none. Owned by the module.
Dwarf *elf_module_dwarf(struct elf_module *module);

#endif
