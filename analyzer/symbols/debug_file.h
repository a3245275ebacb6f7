// SPDX-License-Identifier: MIT
// Files with ELF inside, and where the debug information that was split off one is found. Only this machine's file
// system is asked.
#ifndef TRENZA_DEBUG_FILE_H
#define TRENZA_DEBUG_FILE_H

#include <elfutils/libdw.h>
#include <stdbool.h>

struct elf_file {
    int fd;
    Elf *elf; // NULL: not open
    char *path;
};

// Negative errno; -ENOEXEC: a file, but not ELF. Never blocks (fifos) and opens nothing but regular files.
int elf_file_open(const char *path, struct elf_file *ret_file);
void elf_file_close(struct elf_file *file);
// Lower-case hex, newly allocated (g_free); NULL: it has none.
char *elf_file_build_id(const struct elf_file *file);
bool elf_file_has_section(const struct elf_file *file, const char *name);

// The separate debug file of main_file (may be NULL: only by build_id) with the given build id (may be NULL: only by
// .gnu_debuglink and its checksum). False: there is none.
bool debug_file_find(const struct elf_file *main_file, const char *build_id, const char *debug_root,
    struct elf_file *ret_file);
// The file with the parts that dwz moved out of dwarf (read from `file`); false: it has none, or it is not there.
bool debug_file_find_alternate(
    Dwarf *dwarf, const struct elf_file *file, const char *debug_root, struct elf_file *ret_file);

#endif
