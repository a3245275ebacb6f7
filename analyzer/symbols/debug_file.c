// SPDX-License-Identifier: MIT
// Finds separate debug files as gdb does: by build id below DEBUG_ROOT/.build-id, then by the name in .gnu_debuglink
// beside the file, in .debug beside it, and at the same place below DEBUG_ROOT. Done here and not by libdwfl, because
// that asks debuginfod servers. Blind to debug information inside .gnu_debugdata and to dwp packages.
#include "debug_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int elf_file_open(const char *path, struct elf_file *ret_file)
{
    elf_version(EV_CURRENT);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -ENOEXEC;
    }
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!elf || elf_kind(elf) != ELF_K_ELF) {
        elf_end(elf);
        close(fd);
        return -ENOEXEC;
    }
    *ret_file = (struct elf_file){ .fd = fd, .elf = elf, .path = g_strdup(path) };
    return 0;
}

void elf_file_close(struct elf_file *file)
{
    if (!file->elf)
        return;
    elf_end(file->elf);
    close(file->fd);
    g_free(file->path);
    *file = (struct elf_file){ .fd = -1 };
}

static char *hex(const void *bytes, size_t size)
{
    GString *text = g_string_sized_new(2 * size);
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(text, "%02x", ((const uint8_t *)bytes)[i]);
    return g_string_free(text, FALSE);
}

char *elf_file_build_id(const struct elf_file *file)
{
    const void *bytes;
    ssize_t size = dwelf_elf_gnu_build_id(file->elf, &bytes);
    return size > 0 ? hex(bytes, (size_t)size) : NULL;
}

bool elf_file_has_section(const struct elf_file *file, const char *name)
{
    size_t names;
    if (elf_getshdrstrndx(file->elf, &names) != 0)
        return false;
    for (Elf_Scn *section = elf_nextscn(file->elf, NULL); section;
         section = elf_nextscn(file->elf, section)) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
            continue;
        const char *section_name = elf_strptr(file->elf, names, header.sh_name);
        if (section_name && strcmp(section_name, name) == 0)
            return true;
    }
    return false;
}

static bool open_with_build_id(const char *path, const char *build_id, struct elf_file *ret_file)
{
    struct elf_file file = { .fd = -1 };
    if (elf_file_open(path, &file) < 0)
        return false;
    char *found = elf_file_build_id(&file);
    bool same = g_strcmp0(found, build_id) == 0;
    g_free(found);
    if (same)
        *ret_file = file;
    else
        elf_file_close(&file);
    return same;
}

static bool find_by_build_id(const char *build_id, const char *debug_root, struct elf_file *ret_file)
{
    if (strlen(build_id) < 4)
        return false;
    char *path = g_strdup_printf("%s/.build-id/%.2s/%s.debug", debug_root, build_id, build_id + 2);
    bool found = open_with_build_id(path, build_id, ret_file);
    g_free(path);
    return found;
}

// The checksum of .gnu_debuglink is the CRC-32 of zlib and Ethernet, over the whole debug file.
static uint32_t checksum(const struct elf_file *file)
{
    struct stat status;
    if (fstat(file->fd, &status) < 0 || status.st_size == 0)
        return 0;
    const uint8_t *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
    if (bytes == MAP_FAILED)
        return 0;
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
    }
    uint32_t crc = 0xFFFFFFFFu;
    for (off_t i = 0; i < status.st_size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xFF];
    munmap((void *)bytes, (size_t)status.st_size);
    return ~crc;
}

static bool open_with_checksum(const char *path, uint32_t crc, struct elf_file *ret_file)
{
    struct elf_file file = { .fd = -1 };
    if (elf_file_open(path, &file) < 0)
        return false;
    bool same = checksum(&file) == crc;
    if (same)
        *ret_file = file;
    else
        elf_file_close(&file);
    return same;
}

static bool find_by_link(
    const struct elf_file *main_file, const char *build_id, const char *debug_root, struct elf_file *ret_file)
{
    GElf_Word crc;
    const char *name = dwelf_elf_gnu_debuglink(main_file->elf, &crc);
    if (!name || !*name || strchr(name, '/'))
        return false;
    char *folder = g_path_get_dirname(main_file->path);
    char *candidates[] = { g_build_filename(folder, ".debug", name, NULL),
        g_build_filename(debug_root, folder, name, NULL), g_build_filename(folder, name, NULL) };
    bool found = false;
    for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++) {
        // A link that names the file itself is common when debug information was split off under the same name.
        if (!found && strcmp(candidates[i], main_file->path) != 0)
            found = (build_id && open_with_build_id(candidates[i], build_id, ret_file)) ||
                    open_with_checksum(candidates[i], crc, ret_file);
        g_free(candidates[i]);
    }
    g_free(folder);
    return found;
}

bool debug_file_find(
    const struct elf_file *main_file, const char *build_id, const char *debug_root, struct elf_file *ret_file)
{
    return (build_id && find_by_build_id(build_id, debug_root, ret_file)) ||
           (main_file && find_by_link(main_file, build_id, debug_root, ret_file));
}

bool debug_file_find_alternate(
    Dwarf *dwarf, const struct elf_file *file, const char *debug_root, struct elf_file *ret_file)
{
    const char *name;
    const void *bytes;
    ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &bytes);
    if (size <= 0)
        return false;
    char *build_id = hex(bytes, (size_t)size);
    bool found = find_by_build_id(build_id, debug_root, ret_file);
    if (!found) {
        char *folder = g_path_get_dirname(file->path);
        char *path = g_canonicalize_filename(name, folder);
        found = open_with_build_id(path, build_id, ret_file);
        g_free(path);
        g_free(folder);
    }
    g_free(build_id);
    return found;
}
