// SPDX-License-Identifier: MIT
// Opens a module, makes sure by its build id that it is the one that was traced, and keeps its symbols in two tables
// sorted by address: code and data. Symbols come from .symtab, the module's or its debug file's, else from .dynsym.
// Everything is read when first asked for. Blind to modules without a build id that changed since they were traced.
//
//   functions: [start, rank) ordered; one entry per start; found by bisection, then a few steps back for a symbol
//              that encloses a smaller one
#include "elf_module.h"

#include <ctype.h>
#include <errno.h>
#include <gelf.h>
#include <glib.h>
#include <string.h>

#include "debug_file.h"

#define ENCLOSING_STEPS 16
#define RANK_UNSIZED 16

struct elf_module {
    char *build_id; // of what was traced, else of the file; NULL: none
    char *debug_root;
    struct elf_file main_file;  // not open: gone or another build; then debug_file is open
    struct elf_file debug_file; // separate debug information
    bool debug_file_looked_for;
    struct elf_file alternate_file; // what dwz moved out of either
    Dwarf *dwarf;
    Dwarf *alternate;
    bool dwarf_looked_for;
    bool symbols_read;
    GArray *functions;      // of struct elf_symbol
    GArray *data;           // of struct elf_symbol
    GHashTable *data_names; // source name -> how many, as GUINT_TO_POINTER
    GStringChunk *strings;
};

int elf_module_open(
    const char *path, const char *build_id, const char *debug_root, struct elf_module **ret_module)
{
    struct elf_module module = { .main_file.fd = -1, .debug_file.fd = -1, .alternate_file.fd = -1 };
    int error = g_path_is_absolute(path) ? elf_file_open(path, &module.main_file) : -ENOENT;
    if (error == 0) {
        module.build_id = elf_file_build_id(&module.main_file);
        if (build_id && g_strcmp0(build_id, module.build_id) != 0) {
            elf_file_close(&module.main_file);
            error = -ESTALE;
        }
    }
    if (build_id) {
        g_free(module.build_id);
        module.build_id = g_strdup(build_id);
    }
    if (error < 0) {
        module.debug_file_looked_for = true;
        if (!build_id || !debug_file_find(NULL, build_id, debug_root, &module.debug_file)) {
            g_free(module.build_id);
            return error;
        }
    }
    module.debug_root = g_strdup(debug_root);
    module.functions = g_array_new(FALSE, FALSE, sizeof(struct elf_symbol));
    module.data = g_array_new(FALSE, FALSE, sizeof(struct elf_symbol));
    module.data_names = g_hash_table_new(g_str_hash, g_str_equal);
    module.strings = g_string_chunk_new(4096);
    *ret_module = g_memdup2(&module, sizeof(module));
    return 0;
}

void elf_module_free(struct elf_module *module)
{
    if (!module)
        return;
    dwarf_end(module->dwarf);
    dwarf_end(module->alternate);
    elf_file_close(&module->alternate_file);
    elf_file_close(&module->debug_file);
    elf_file_close(&module->main_file);
    g_array_unref(module->functions);
    g_array_unref(module->data);
    g_hash_table_unref(module->data_names);
    g_string_chunk_free(module->strings);
    g_free(module->build_id);
    g_free(module->debug_root);
    g_free(module);
}

static struct elf_file *debug_file(struct elf_module *module)
{
    if (!module->debug_file_looked_for) {
        module->debug_file_looked_for = true;
        debug_file_find(&module->main_file, module->build_id, module->debug_root, &module->debug_file);
    }
    return module->debug_file.elf ? &module->debug_file : NULL;
}

Dwarf *elf_module_dwarf(struct elf_module *module)
{
    if (module->dwarf_looked_for)
        return module->dwarf;
    module->dwarf_looked_for = true;
    struct elf_file *file = &module->main_file;
    if (!file->elf || !elf_file_has_section(file, ".debug_info"))
        file = debug_file(module);
    if (!file || !elf_file_has_section(file, ".debug_info"))
        return NULL;
    module->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
    if (!module->dwarf)
        return NULL;
    if (debug_file_find_alternate(module->dwarf, file, module->debug_root, &module->alternate_file)) {
        module->alternate = dwarf_begin_elf(module->alternate_file.elf, DWARF_C_READ, NULL);
        dwarf_setalt(module->dwarf, module->alternate);
    }
    return module->dwarf;
}

// --- symbol tables ---

static Elf_Scn *symbol_section(const struct elf_file *file, GElf_Word type)
{
    if (!file || !file->elf)
        return NULL;
    for (Elf_Scn *section = elf_nextscn(file->elf, NULL); section;
         section = elf_nextscn(file->elf, section)) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == type && header.sh_entsize > 0)
            return section;
    }
    return NULL;
}

static uint8_t symbol_rank(const GElf_Sym *symbol, const char *name)
{
    static const uint8_t of_binding[] = { [STB_LOCAL] = 2, [STB_GLOBAL] = 0, [STB_WEAK] = 1 };
    unsigned binding = GELF_ST_BIND(symbol->st_info);
    unsigned rank = binding < G_N_ELEMENTS(of_binding) ? of_binding[binding] : 0;
    rank += GELF_ST_TYPE(symbol->st_info) == STT_NOTYPE ? 32 : 0;
    rank += symbol->st_size == 0 ? RANK_UNSIZED : 0;
    // Of "pthread_mutex_lock" and "__pthread_mutex_lock" people know the first; "_Z" is not such an underscore.
    if (name[0] == '_' && name[1] != 'Z')
        rank += name[1] == '_' ? 8 : 4;
    return (uint8_t)rank;
}

static bool is_code(Elf *elf, const GElf_Sym *symbol)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_getscn(elf, symbol->st_shndx);
    return section && gelf_getshdr(section, &header) && header.sh_flags & SHF_EXECINSTR;
}

static uint64_t bytes_to_section_end(Elf *elf, const GElf_Sym *symbol)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_getscn(elf, symbol->st_shndx);
    if (!section || !gelf_getshdr(section, &header) || symbol->st_value < header.sh_addr)
        return 0;
    uint64_t skipped = symbol->st_value - header.sh_addr;
    return skipped < header.sh_size ? header.sh_size - skipped : 0;
}

static void read_symbol(
    struct elf_module *module, Elf *elf, const GElf_Sym *symbol, const char *name, const char *file)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || !*name)
        return;
    GArray *table = NULL;
    if (type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && is_code(elf, symbol)))
        table = module->functions;
    else if ((type == STT_OBJECT || type == STT_COMMON) && symbol->st_size > 0)
        table = module->data;
    if (!table)
        return;
    const char *version = strchr(name, '@');
    struct elf_symbol row = {
        .start = symbol->st_value,
        .size = symbol->st_size ? symbol->st_size : bytes_to_section_end(elf, symbol),
        .name = version ? g_string_chunk_insert_len(module->strings, name, version - name) : name,
        .file = GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? file : NULL,
        .rank = symbol_rank(symbol, name),
    };
    g_array_append_val(table, row);
}

static gint compare_symbols(gconstpointer left, gconstpointer right)
{
    const struct elf_symbol *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void sort_and_drop_aliases(GArray *table)
{
    g_array_sort(table, compare_symbols);
    unsigned kept = 0;
    for (unsigned i = 0; i < table->len; i++) {
        struct elf_symbol *rows = (struct elf_symbol *)(void *)table->data;
        if (kept == 0 || rows[kept - 1].start != rows[i].start)
            rows[kept++] = rows[i];
    }
    g_array_set_size(table, kept);
}

// What a compiler added to the name of a static: "lock.3" (gcc, in a function), "function.lock" (clang).
static char *source_name(const char *name)
{
    size_t length = strlen(name);
    size_t digits = length;
    while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
        digits--;
    if (digits > 1 && digits < length && name[digits - 1] == '.')
        length = digits - 1;
    char *plain = g_strndup(name, length);
    char *dot = strrchr(plain, '.');
    if (dot && dot[1] != '\0')
        memmove(plain, dot + 1, strlen(dot + 1) + 1);
    return plain;
}

static void count_data_names(struct elf_module *module)
{
    for (unsigned i = 0; i < module->data->len; i++) {
        char *plain = source_name(g_array_index(module->data, struct elf_symbol, i).name);
        const char *key = g_string_chunk_insert_const(module->strings, plain);
        unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(module->data_names, key));
        g_hash_table_insert(module->data_names, (void *)key, GUINT_TO_POINTER(count + 1));
        g_free(plain);
    }
}

static void read_symbols(struct elf_module *module)
{
    if (module->symbols_read)
        return;
    module->symbols_read = true;
    struct elf_file *file = &module->main_file;
    Elf_Scn *section = symbol_section(file, SHT_SYMTAB);
    if (!section)
        section = symbol_section(file = debug_file(module), SHT_SYMTAB);
    if (!section)
        section = symbol_section(file = &module->main_file, SHT_DYNSYM);
    GElf_Shdr header;
    if (!section || !gelf_getshdr(section, &header))
        return;
    Elf_Data *data = elf_getdata(section, NULL);
    const char *source_file = NULL;
    for (size_t i = 1; data && i < header.sh_size / header.sh_entsize; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            break;
        const char *name = elf_strptr(file->elf, header.sh_link, symbol.st_name);
        if (name && GELF_ST_TYPE(symbol.st_info) == STT_FILE)
            source_file = *name ? name : NULL;
        else if (name)
            read_symbol(module, file->elf, &symbol, name, source_file);
    }
    sort_and_drop_aliases(module->functions);
    sort_and_drop_aliases(module->data);
    count_data_names(module);
}

// The index of the last symbol that starts at or before address, or -1.
static int64_t last_at_or_before(const GArray *table, uint64_t address)
{
    unsigned low = 0, high = table->len;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (g_array_index(table, struct elf_symbol, middle).start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return (int64_t)low - 1;
}

static const struct elf_symbol *covering(const GArray *table, uint64_t address)
{
    int64_t last = last_at_or_before(table, address);
    for (int64_t i = last; i >= 0 && i > last - ENCLOSING_STEPS; i--) {
        const struct elf_symbol *symbol = &g_array_index(table, struct elf_symbol, i);
        // One without a size (hand-written assembly) reaches to the next symbol at most.
        if (address - symbol->start < symbol->size && (i == last || !(symbol->rank & RANK_UNSIZED)))
            return symbol;
    }
    return NULL;
}

const struct elf_symbol *elf_module_function_at(struct elf_module *module, uint64_t address)
{
    read_symbols(module);
    return covering(module->functions, address);
}

const struct elf_symbol *elf_module_data_at(struct elf_module *module, uint64_t address)
{
    read_symbols(module);
    return covering(module->data, address);
}

unsigned elf_module_data_namesakes(struct elf_module *module, const struct elf_symbol *symbol)
{
    char *plain = source_name(symbol->name);
    unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(module->data_names, plain));
    g_free(plain);
    return count;
}
