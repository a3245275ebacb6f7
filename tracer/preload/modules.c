// SPDX-License-Identifier: MIT
// Keeps the wire's module table by asking _dl_find_object (no lock) about addresses as they turn up.
//
//   known[i]  <->  segment->modules[i]      claimed by one compare-and-swap of known[i].map, first free index first
//   noted[]        pages of addresses whose module is surely in the table: the fast answer
//
// Blind: a module nothing of which was ever on a stack or asked about stays out (it cannot be named then, and need not
// be); the current directory may have changed between a relative dlopen and the first sight of its module.
#include "modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "memory.h"

#define MODULE_GONE ((struct link_map *)1)
#define NOTED_PAGES 4096

enum module_state {
    MODULE_FREE,
    MODULE_WRITING,
    MODULE_LOADED,
    MODULE_UNLOADED,
};

struct known_module {
    _Atomic(struct link_map *) map; // NULL: free; MODULE_GONE: was unloaded
    _Atomic uintptr_t start;        // set after map
    uintptr_t end;
    const void *dynamic; // tells two modules with recycled link maps apart
};

static struct known_module known[WIRE_MODULES];
static _Atomic uint64_t noted[NOTED_PAGES]; // page number << 16 | count of changes
static _Atomic uint32_t changes = 1;
static uintptr_t own_start, own_end;
static uintptr_t vdso_start;
// What was told of the first modules, so that the child of a fork need not find it out anew.
#define TOLD_MODULES 64
static struct wire_module told[TOLD_MODULES];

// The program headers of the file mapped at start: its first page is the file's, with the ELF header.
static const ElfW(Phdr) * find_headers(uintptr_t start, uintptr_t end, unsigned *ret_count)
{
    const ElfW(Ehdr) *header = (const void *)start;
    if (end - start < MEMORY_PAGE || !memory_readable(start) ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phentsize != sizeof(ElfW(Phdr)) ||
        header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > MEMORY_PAGE)
        return NULL;
    *ret_count = header->e_phnum;
    return (const void *)(start + header->e_phoff);
}

static void read_build_id(struct wire_module *module)
{
    unsigned count;
    const ElfW(Phdr) *headers = find_headers(module->map_start, module->map_end, &count);
    for (unsigned i = 0; headers != NULL && i < count; i++) {
        if (headers[i].p_type != PT_NOTE)
            continue;
        uintptr_t at = module->bias + headers[i].p_vaddr;
        uintptr_t end = at + headers[i].p_memsz;
        if (at < module->map_start || end > module->map_end || end < at || !memory_readable_range(at, end))
            continue;
        while (end - at >= sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *note = (const void *)at;
            const uint64_t name_size = (note->n_namesz + UINT64_C(3)) & ~UINT64_C(3);
            const uint64_t size = sizeof *note + name_size + ((note->n_descsz + UINT64_C(3)) & ~UINT64_C(3));
            if (size > end - at)
                break;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU &&
                memcmp(note + 1, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
                module->build_id_size = note->n_descsz < 20 ? note->n_descsz : 20;
                memcpy(module->build_id, (const char *)(note + 1) + name_size, module->build_id_size);
                return;
            }
            at += size;
        }
    }
}

// The name the loader knows, made absolute.
static void write_path(struct wire_module *module, const char *name)
{
    char *path = module->path;
    memset(path, 0, WIRE_MODULE_PATH);
    if (module->map_start == vdso_start) {
        memcpy(path, "[vdso]", sizeof "[vdso]");
        return;
    }
    if (name == NULL || name[0] == '\0') {
        if (SYS3(SYS_readlink, "/proc/self/exe", path, WIRE_MODULE_PATH - 1) < 0)
            path[0] = '\0';
        return;
    }
    const size_t name_size = strnlen(name, WIRE_MODULE_PATH - 1);
    size_t used = 0;
    if (name[0] != '/') {
        const long size = SYS3(SYS_getcwd, path, WIRE_MODULE_PATH, 0); // with its NUL
        used = size > 0 && path[0] == '/' ? (size_t)size : 0;
        if (used == 0 || used + name_size >= WIRE_MODULE_PATH) {
            used = 0;
            memset(path, 0, WIRE_MODULE_PATH);
        } else {
            path[used - 1] = '/';
        }
    }
    memcpy(path + used, name, name_size);
    if (used != 0 && SYS3(SYS_access, path, 0 /* F_OK */, 0) != 0) {
        memset(path, 0, WIRE_MODULE_PATH);
        memcpy(path, name, name_size);
    }
}

static void publish(struct wire_segment *segment, unsigned index, uint64_t ticks)
{
    struct wire_module *module = &segment->modules[index];
    atomic_store(&module->loaded_ticks, ticks);
    atomic_store(&module->unloaded_ticks, 0);
    atomic_store(&module->state, MODULE_LOADED);
    uint32_t used = atomic_load(&segment->modules_used);
    while (used <= index && !atomic_compare_exchange_weak(&segment->modules_used, &used, index + 1)) {
    }
}

// In the child of a fork. A description that another thread of the parent was writing just then is not there. The
// recorder looks at it only once modules_used says so.
static bool describe_again(
    struct wire_segment *segment, unsigned index, const struct dl_find_object *found, uint64_t ticks)
{
    if (index >= TOLD_MODULES || atomic_load(&told[index].state) != MODULE_LOADED ||
        told[index].map_start != (uintptr_t)found->dlfo_map_start)
        return false;
    memcpy(&segment->modules[index], &told[index], sizeof told[index]);
    publish(segment, index, ticks);
    return true;
}

static void describe(
    struct wire_segment *segment, unsigned index, const struct dl_find_object *found, uint64_t ticks)
{
    struct wire_module *module = &segment->modules[index];
    atomic_store(&module->state, MODULE_WRITING);
    module->map_start = (uintptr_t)found->dlfo_map_start;
    module->map_end = (uintptr_t)found->dlfo_map_end;
    module->bias = found->dlfo_link_map->l_addr;
    module->build_id_size = 0;
    read_build_id(module);
    write_path(module, found->dlfo_link_map->l_name);
    if (index < TOLD_MODULES) {
        memcpy(&told[index], module, sizeof told[index]);
        atomic_store(&told[index].state, MODULE_LOADED);
    }
    publish(segment, index, ticks);
}

static bool is_same(const struct known_module *module, const struct dl_find_object *found)
{
    return atomic_load(&module->map) == found->dlfo_link_map &&
           atomic_load(&module->start) == (uintptr_t)found->dlfo_map_start &&
           module->dynamic == found->dlfo_link_map->l_ld;
}

// Once all indices were used, one whose module has gone long ago is used again when the very same file comes back to
// its old place, as happens to a plug-in that is opened and closed all the time.
static bool revive(struct wire_segment *segment, const struct dl_find_object *found)
{
    struct wire_module fresh;
    fresh.map_start = (uintptr_t)found->dlfo_map_start;
    write_path(&fresh, found->dlfo_link_map->l_name);
    for (unsigned i = 0; i < WIRE_MODULES; i++) {
        struct wire_module *module = &segment->modules[i];
        struct link_map *gone = MODULE_GONE;
        if (module->map_start == fresh.map_start && module->map_end == (uintptr_t)found->dlfo_map_end &&
            strcmp(module->path, fresh.path) == 0 &&
            atomic_compare_exchange_strong(&known[i].map, &gone, found->dlfo_link_map)) {
            known[i].dynamic = found->dlfo_link_map->l_ld;
            known[i].end = (uintptr_t)found->dlfo_map_end;
            atomic_store(&known[i].start, (uintptr_t)found->dlfo_map_start);
            atomic_store(&module->unloaded_ticks, 0);
            atomic_store(&module->state, MODULE_LOADED);
            return true;
        }
    }
    return false;
}

static void announce(struct wire_segment *segment, const struct dl_find_object *found, uint64_t ticks)
{
    for (unsigned i = 0; i < WIRE_MODULES; i++) {
        struct link_map *map = atomic_load(&known[i].map);
        if (map == NULL && atomic_compare_exchange_strong(&known[i].map, &map, found->dlfo_link_map)) {
            known[i].dynamic = found->dlfo_link_map->l_ld;
            known[i].end = (uintptr_t)found->dlfo_map_end;
            atomic_store(&known[i].start, (uintptr_t)found->dlfo_map_start);
            describe(segment, i, found, ticks);
            return;
        }
        // Somebody else's claim of the same module may be so fresh that its start is not set yet: leave it to them.
        if (map == found->dlfo_link_map && (atomic_load(&known[i].start) == 0 || is_same(&known[i], found)))
            return;
    }
    revive(segment, found);
}

void modules_announce(struct wire_segment *segment, uintptr_t address, uint64_t ticks)
{
    const uint64_t page = address / MEMORY_PAGE;
    const uint64_t note = page << 16 | (uint16_t)atomic_load(&changes);
    _Atomic uint64_t *place = &noted[page % NOTED_PAGES];
    if (atomic_load_explicit(place, memory_order_relaxed) == note)
        return;
    struct dl_find_object found;
    if (_dl_find_object((void *)address, &found) != 0)
        return;
    announce(segment, &found, ticks);
    atomic_store_explicit(place, note, memory_order_relaxed);
}

struct loaded_walk {
    struct wire_segment *segment;
    uint64_t ticks;
};

static int announce_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct loaded_walk *walk = data;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            modules_announce(walk->segment, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, walk->ticks);
            break;
        }
    }
    return 0;
}

// What the parent knew, as far as it is there: into the child's own table. What was noted of addresses then holds here too.
static void announce_inherited(struct wire_segment *segment, uint64_t ticks)
{
    bool gone = false;
    for (unsigned i = 0; i < WIRE_MODULES && atomic_load(&known[i].map) != NULL; i++) {
        struct dl_find_object found;
        if (_dl_find_object((void *)atomic_load(&known[i].start), &found) != 0 ||
            !is_same(&known[i], &found)) {
            atomic_store(&known[i].map, MODULE_GONE);
            gone = true;
        } else if (!describe_again(segment, i, &found, ticks)) {
            describe(segment, i, &found, ticks);
        }
    }
    if (gone)
        atomic_fetch_add(&changes, 1);
}

void modules_announce_loaded(struct wire_segment *segment, uint64_t ticks)
{
    struct loaded_walk walk = { .segment = segment, .ticks = ticks };
    if (atomic_load(&known[0].map) != NULL) {
        announce_inherited(segment, ticks);
        return;
    }
    atomic_fetch_add(&changes, 1);
    struct dl_find_object own;
    if (_dl_find_object((void *)modules_is_own, &own) == 0) {
        own_start = (uintptr_t)own.dlfo_map_start;
        own_end = (uintptr_t)own.dlfo_map_end;
    }
    vdso_start = getauxval(AT_SYSINFO_EHDR);
    dl_iterate_phdr(announce_object, &walk);
}

void modules_drop_unloaded(struct wire_segment *segment, uint64_t ticks,
    void (*gone)(uintptr_t start, uintptr_t end, void *data), void *data)
{
    for (unsigned i = 0; i < WIRE_MODULES; i++) {
        struct link_map *map = atomic_load(&known[i].map);
        if (map == NULL)
            break;
        if (map == MODULE_GONE || atomic_load(&segment->modules[i].state) != MODULE_LOADED)
            continue;
        struct dl_find_object found;
        const uintptr_t start = atomic_load(&known[i].start);
        if (start == 0 || (_dl_find_object((void *)start, &found) == 0 && is_same(&known[i], &found)))
            continue;
        const uintptr_t end = known[i].end;
        if (!atomic_compare_exchange_strong(&known[i].map, &map, MODULE_GONE))
            continue;
        atomic_store(&known[i].start, 0);
        atomic_fetch_add(&changes, 1);
        atomic_store(&segment->modules[i].unloaded_ticks, ticks);
        atomic_store(&segment->modules[i].state, MODULE_UNLOADED);
        gone(start, end, data);
    }
}

bool modules_is_own(uintptr_t address)
{
    return address >= own_start && address < own_end;
}
