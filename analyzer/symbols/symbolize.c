// SPDX-License-Identifier: MIT
// Walks a trace and has its frames and objects named, module by module, each file opened once:
//
//   frames of a module   -> dwarf_lines, else the ELF symbol            -> symbol rows -> wanted source lines
//   objects in its data  -> dwarf_variables, else the ELF symbol+offset -> names
//
// Names are made distinct where the binary itself has several variables of that name, so that a lock is called the same
// in every run. Blind to locks on heap and stack: a reader tells them by where they were created.
#include "symbolize.h"

#include <errno.h>
#include <string.h>

#include "demangle.h"
#include "dwarf_lines.h"
#include "dwarf_units.h"
#include "dwarf_variables.h"
#include "elf_module.h"
#include "source_lines.h"

G_DEFINE_QUARK(trenza - symbolize - error, symbolize_error)

struct module {
    uint32_t id;
    char *path;
    char *build_id;
    GArray *frames;  // of struct trace_frame
    GArray *objects; // of struct object
};

struct object {
    uint32_t id;
    uint64_t offset;
};

struct symbolizer {
    struct store *store;
    const char *debug_root;
    GPtrArray *modules;     // of struct module *, in order of id
    GHashTable *by_id;      // module id -> struct module *
    GHashTable *name_owner; // object name -> struct module * that has it first
    struct source_lines *sources;
};

// What is open of the module at hand.
struct opened {
    const struct module *module;
    struct elf_module *elf;
    struct dwarf_units *units; // NULL: no debug information; so the two below
    struct dwarf_lines *lines;
    struct dwarf_variables *variables;
};

static void module_free(void *pointer)
{
    struct module *module = pointer;
    g_free(module->path);
    g_free(module->build_id);
    g_array_unref(module->frames);
    g_array_unref(module->objects);
    g_free(module);
}

// --- reading the trace ---

static int read_module(const struct trace_module *row, void *data)
{
    struct symbolizer *symbolizer = data;
    struct module *module = g_new0(struct module, 1);
    module->id = row->id;
    module->path = g_strdup(row->path);
    module->build_id = row->build_id && *row->build_id ? g_strdup(row->build_id) : NULL;
    module->frames = g_array_new(FALSE, FALSE, sizeof(struct trace_frame));
    module->objects = g_array_new(FALSE, FALSE, sizeof(struct object));
    g_ptr_array_add(symbolizer->modules, module);
    g_hash_table_insert(symbolizer->by_id, GUINT_TO_POINTER(row->id), module);
    return 0;
}

static int read_frame(const struct trace_frame *row, void *data)
{
    struct symbolizer *symbolizer = data;
    struct module *module = g_hash_table_lookup(symbolizer->by_id, GUINT_TO_POINTER(row->module_id));
    if (module)
        g_array_append_val(module->frames, *row);
    return 0;
}

static int read_object(const struct trace_object *row, void *data)
{
    struct symbolizer *symbolizer = data;
    struct module *module = g_hash_table_lookup(symbolizer->by_id, GUINT_TO_POINTER(row->module_id));
    struct object object = { .id = row->id, .offset = row->module_offset };
    // A named semaphore has a better name than the address of its mapping.
    if (module && !row->name)
        g_array_append_val(module->objects, object);
    return 0;
}

static int read_trace(struct symbolizer *symbolizer)
{
    int error = store_each_module(symbolizer->store, read_module, symbolizer);
    if (error == 0)
        error = store_each_frame(symbolizer->store, read_frame, symbolizer);
    if (error == 0)
        error = store_each_object(symbolizer->store, read_object, symbolizer);
    return error;
}

// --- frames ---

static char *escaped(const char *text)
{
    return text ? source_lines_escape(text, strlen(text)) : NULL;
}

static int put_row(struct symbolizer *symbolizer, const struct trace_symbol *row)
{
    struct trace_symbol valid = *row;
    valid.function = escaped(row->function);
    valid.file = escaped(row->file);
    int error = store_put_symbol(symbolizer->store, &valid);
    g_free((char *)valid.function);
    g_free((char *)valid.file);
    if (row->file && row->line > 0)
        source_lines_want(symbolizer->sources, row->file, (int)row->line);
    return error;
}

static int name_frame(
    struct symbolizer *symbolizer, struct opened *opened, const struct trace_frame *frame, GArray *rows)
{
    uint64_t call = frame->offset - 1, start = 0;
    const struct elf_symbol *symbol = elf_module_function_at(opened->elf, call);
    g_array_set_size(rows, 0);
    if (!opened->lines || !dwarf_lines_find(opened->lines, call, rows, &start)) {
        struct dwarf_row row = { 0 };
        if (!symbol)
            return 0;
        g_array_append_val(rows, row);
    }
    struct dwarf_row *real = &g_array_index(rows, struct dwarf_row, rows->len - 1);
    char *readable = symbol ? demangle(symbol->name) : NULL;
    // gcc leaves the linker name of local C++ functions out of the debug information.
    if (symbol && (!real->function || (readable && symbol->start == start && !real->function_is_full)))
        real->function = readable ? readable : symbol->name;
    if (start == 0 && symbol)
        start = symbol->start;
    int error = 0;
    for (unsigned depth = 0; depth < rows->len && error >= 0; depth++) {
        const struct dwarf_row *row = &g_array_index(rows, struct dwarf_row, depth);
        struct trace_symbol out = {
            .frame_id = frame->id,
            .depth = depth,
            .function = row->function,
            .function_offset = start ? (int64_t)(frame->offset - start) : -1,
            .file = row->file,
            .line = row->line,
            .inlined = depth + 1 < rows->len,
        };
        error = put_row(symbolizer, &out);
    }
    g_free(readable);
    return error;
}

static int name_frames(struct symbolizer *symbolizer, struct opened *opened)
{
    const GArray *frames = opened->module->frames;
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct dwarf_row));
    int error = 0;
    for (unsigned i = 0; i < frames->len && error >= 0; i++)
        error = name_frame(symbolizer, opened, &g_array_index(frames, struct trace_frame, i), rows);
    g_array_unref(rows);
    return error;
}

// --- objects ---

// The source file a symbol comes from, if it says so: after link-time optimisation it is an object file's name.
static const char *source_of(const struct elf_symbol *symbol)
{
    if (!symbol || !symbol->file || symbol->file[0] == '<' || g_str_has_suffix(symbol->file, ".o"))
        return NULL;
    const char *slash = strrchr(symbol->file, '/');
    return slash ? slash + 1 : symbol->file;
}

static char *name_from_variable(struct opened *opened, const struct elf_symbol *symbol, uint64_t offset)
{
    struct dwarf_place place;
    if (!opened->variables || !dwarf_variables_find(opened->variables, offset, symbol, &place))
        return NULL;
    // Before the declaring file, which may be one that several others include.
    const char *where = place.function ? place.function : source_of(symbol) ? source_of(symbol) : place.file;
    char *name = symbol && where && elf_module_data_namesakes(opened->elf, symbol) > 1
                     ? g_strdup_printf("%s%s (%s)", place.name, place.path, where)
                     : g_strconcat(place.name, place.path, NULL);
    dwarf_place_done(&place);
    return name;
}

static char *name_from_symbol(struct opened *opened, const struct elf_symbol *symbol, uint64_t offset)
{
    if (!symbol)
        return NULL;
    GString *name = g_string_new(NULL);
    char *readable = demangle(symbol->name);
    g_string_append(name, readable ? readable : symbol->name);
    g_free(readable);
    if (offset > symbol->start)
        g_string_append_printf(name, "+0x%" G_GINT64_MODIFIER "x", offset - symbol->start);
    if (source_of(symbol) && elf_module_data_namesakes(opened->elf, symbol) > 1)
        g_string_append_printf(name, " (%s)", source_of(symbol));
    return g_string_free(name, FALSE);
}

// The first module to have a name keeps it plain (the program comes before its libraries); others say who they are.
static char *distinct_among_modules(struct symbolizer *symbolizer, const struct module *module, char *name)
{
    const struct module *owner = g_hash_table_lookup(symbolizer->name_owner, name);
    if (!owner)
        g_hash_table_insert(symbolizer->name_owner, g_strdup(name), (void *)module);
    if (!owner || owner == module)
        return name;
    char *library = g_path_get_basename(module->path);
    char *distinct = g_strdup_printf("%s (%s)", name, library);
    g_free(library);
    g_free(name);
    return distinct;
}

static int name_objects(struct symbolizer *symbolizer, struct opened *opened)
{
    const GArray *objects = opened->module->objects;
    int error = 0;
    for (unsigned i = 0; i < objects->len && error >= 0; i++) {
        const struct object *object = &g_array_index(objects, struct object, i);
        const struct elf_symbol *symbol = elf_module_data_at(opened->elf, object->offset);
        char *name = name_from_variable(opened, symbol, object->offset);
        if (!name)
            name = name_from_symbol(opened, symbol, object->offset);
        if (!name)
            continue;
        name = distinct_among_modules(symbolizer, opened->module, name);
        char *valid = escaped(name);
        error = store_set_object_name(symbolizer->store, object->id, valid);
        g_free(valid);
        g_free(name);
    }
    return error;
}

// --- modules ---

// libc's debug information, where it is installed, is compressed and takes 50 ms to read, more than all else at the end of a
// short recording. It would tell lines of sources that hardly anybody has beside names that the symbols tell as well.
static bool needs_no_lines(const struct module *module)
{
    g_autofree char *name = g_path_get_basename(module->path);
    return g_str_has_prefix(name, "libc.so.") || g_str_has_prefix(name, "ld-linux");
}

static int name_module(struct symbolizer *symbolizer, const struct module *module)
{
    struct opened opened = { .module = module };
    if (module->frames->len == 0 && module->objects->len == 0)
        return 0;
    int error = elf_module_open(module->path, module->build_id, symbolizer->debug_root, &opened.elf);
    if (error == -ESTALE)
        return store_put_coverage(symbolizer->store, 0, "module-changed", module->path);
    if (error < 0)
        return 0;
    Dwarf *dwarf = needs_no_lines(module) ? NULL : elf_module_dwarf(opened.elf);
    if (dwarf) {
        opened.units = dwarf_units_new(dwarf);
        opened.lines = dwarf_lines_new(opened.units);
        opened.variables = dwarf_variables_new(opened.units);
    }
    error = name_frames(symbolizer, &opened);
    if (error >= 0)
        error = name_objects(symbolizer, &opened);
    dwarf_variables_free(opened.variables);
    dwarf_lines_free(opened.lines);
    dwarf_units_free(opened.units);
    elf_module_free(opened.elf);
    return error;
}

static int name_modules(struct symbolizer *symbolizer, const struct symbolize_options *options)
{
    int64_t last_us = g_get_monotonic_time();
    int error = 0;
    for (unsigned i = 0; i < symbolizer->modules->len && error >= 0; i++) {
        error = name_module(symbolizer, g_ptr_array_index(symbolizer->modules, i));
        int64_t now_us = g_get_monotonic_time();
        if (options->progress && now_us - last_us >= G_USEC_PER_SEC) {
            options->progress(i + 1, symbolizer->modules->len, options->progress_data);
            last_us = now_us;
        }
    }
    return error;
}

bool symbolize_trace(struct store *store, const struct symbolize_options *options, GError **error)
{
    static const struct symbolize_options defaults;
    if (!options)
        options = &defaults;
    struct symbolizer symbolizer = {
        .store = store,
        .debug_root = options->debug_root ? options->debug_root : "/usr/lib/debug",
        .modules = g_ptr_array_new_with_free_func(module_free),
        .by_id = g_hash_table_new(NULL, NULL),
        .name_owner = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .sources = source_lines_new(),
    };
    int result = read_trace(&symbolizer);
    if (result >= 0)
        result = name_modules(&symbolizer, options);
    if (result >= 0)
        result = source_lines_write(symbolizer.sources, store);
    if (result >= 0)
        result = store_commit(store);
    if (result < 0)
        g_set_error(error, SYMBOLIZE_ERROR, SYMBOLIZE_ERROR_STORE, "cannot put names into the trace: %s",
            store_message(store));
    source_lines_free(symbolizer.sources);
    g_hash_table_unref(symbolizer.name_owner);
    g_hash_table_unref(symbolizer.by_id);
    g_ptr_array_unref(symbolizer.modules);
    return result >= 0;
}
