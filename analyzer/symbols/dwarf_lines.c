// SPDX-License-Identifier: MIT
// From an address to its unit, to the function in a table made per unit on first use, down through the scopes that hold
// the address to the innermost inlined call. Only units that are asked about are read, and of these only the top level
// and the functions asked about. Blind to files compiled without -g in a module that has debug information.
#include "dwarf_lines.h"

#include <dwarf.h>
#include <string.h>

#include "demangle.h"

#define NESTING 256 // scopes in scopes; deeper is not from a compiler

struct function_range {
    uint64_t low;
    uint64_t high;
    Dwarf_Die die;
};

struct dwarf_lines {
    struct dwarf_units *units;
    GHashTable *functions; // mangled name (pointer) -> readable name
    GHashTable *files;     // name as libdw has it (pointer) -> absolute name
    GStringChunk *strings;
};

struct dwarf_lines *dwarf_lines_new(struct dwarf_units *units)
{
    struct dwarf_lines *lines = g_new0(struct dwarf_lines, 1);
    lines->units = units;
    lines->functions = g_hash_table_new(NULL, NULL);
    lines->files = g_hash_table_new(NULL, NULL);
    lines->strings = g_string_chunk_new(4096);
    return lines;
}

void dwarf_lines_free(struct dwarf_lines *lines)
{
    if (!lines)
        return;
    for (unsigned i = 0; i < dwarf_units_count(lines->units); i++) {
        struct dwarf_unit *unit = dwarf_units_get(lines->units, i);
        if (unit->functions)
            g_array_unref(unit->functions);
        unit->functions = NULL;
    }
    g_hash_table_unref(lines->functions);
    g_hash_table_unref(lines->files);
    g_string_chunk_free(lines->strings);
    g_free(lines);
}

// --- the functions of a unit ---

static void add_function(GArray *functions, Dwarf_Die *die)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
        if (low <= 1 || low >= high)
            continue;
        struct function_range range = { .low = low, .high = high, .die = *die };
        g_array_append_val(functions, range);
    }
}

// Functions inside functions (a GNU extension; outlined parallel regions) are looked at only when `nested`, because that
// reads the whole unit.
static void collect_functions(GArray *functions, Dwarf_Die *parent, bool nested, unsigned depth)
{
    Dwarf_Die die;
    if (depth > NESTING || dwarf_child(parent, &die) != 0)
        return;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_subprogram:
            add_function(functions, &die);
            if (nested)
                collect_functions(functions, &die, nested, depth + 1);
            break;
        case DW_TAG_namespace:
        case DW_TAG_module:
            collect_functions(functions, &die, nested, depth + 1);
            break;
        case DW_TAG_lexical_block:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
            if (nested)
                collect_functions(functions, &die, nested, depth + 1);
            break;
        default:
            break;
        }
    } while (dwarf_die_next(&die));
}

static gint compare_functions(gconstpointer left, gconstpointer right)
{
    const struct function_range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

static const struct function_range *search_functions(const GArray *functions, uint64_t address)
{
    unsigned low = 0, high = functions->len;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (g_array_index(functions, struct function_range, middle).low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct function_range *range = &g_array_index(functions, struct function_range, low - 1);
    return address < range->high ? range : NULL;
}

static const struct function_range *function_at(struct dwarf_unit *unit, uint64_t address)
{
    const struct function_range *found = NULL;
    if (!unit->functions) {
        unit->functions = g_array_new(FALSE, FALSE, sizeof(struct function_range));
        collect_functions(unit->functions, &unit->root, false, 0);
        g_array_sort(unit->functions, compare_functions);
    }
    found = search_functions(unit->functions, address);
    if (!found && !unit->nested_functions_read) {
        unit->nested_functions_read = true;
        g_array_set_size(unit->functions, 0);
        collect_functions(unit->functions, &unit->root, true, 0);
        g_array_sort(unit->functions, compare_functions);
        found = search_functions(unit->functions, address);
    }
    return found;
}

// --- names ---

static const char *function_name(struct dwarf_lines *lines, Dwarf_Die *die, bool *ret_is_full)
{
    const char *linkage_name = dwarf_die_linkage_name(die);
    *ret_is_full = linkage_name != NULL;
    if (!linkage_name)
        return dwarf_die_string(die, DW_AT_name);
    const char *known = g_hash_table_lookup(lines->functions, linkage_name);
    if (known)
        return known;
    char *readable = demangle(linkage_name);
    const char *plain = dwarf_die_string(die, DW_AT_name);
    const char *name = readable ? g_string_chunk_insert(lines->strings, readable)
                       : plain  ? plain
                                : linkage_name;
    g_free(readable);
    g_hash_table_insert(lines->functions, (void *)linkage_name, (void *)name);
    return name;
}

// "/build/../src/a.c" is "/src/a.c", unless a symbolic link on the way makes these two different files.
static char *tidy_path(char *raw)
{
    char *tidy = g_canonicalize_filename(raw, "/");
    if (!g_path_is_absolute(raw)) {
        // Built with the directory mapped away (-ffile-prefix-map): relative to the source tree.
        memmove(tidy, tidy + 1, strlen(tidy));
    } else if (!g_file_test(tidy, G_FILE_TEST_EXISTS) && g_file_test(raw, G_FILE_TEST_EXISTS)) {
        g_free(tidy);
        return raw;
    }
    g_free(raw);
    return tidy;
}

static const char *file_name(struct dwarf_lines *lines, const char *file, Dwarf_Die *unit)
{
    const char *known = file ? g_hash_table_lookup(lines->files, file) : NULL;
    if (!file || known)
        return known;
    // libdw puts the compilation directory before some names and not before others.
    const char *directory = dwarf_die_string(unit, DW_AT_comp_dir);
    bool is_whole = g_path_is_absolute(file) || !directory || g_str_has_prefix(file, directory);
    char *path = tidy_path(is_whole ? g_strdup(file) : g_build_filename(directory, file, NULL));
    const char *name = g_string_chunk_insert_const(lines->strings, path);
    g_free(path);
    g_hash_table_insert(lines->files, (void *)file, (void *)name);
    return name;
}

// --- lines ---

// The index of the first line of the table that starts after address.
static size_t lines_up_to(Dwarf_Lines *table, size_t count, uint64_t address)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        Dwarf_Addr start;
        if (dwarf_lineaddr(dwarf_onesrcline(table, middle), &start) == 0 && start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool line_of(
    struct dwarf_lines *lines, struct dwarf_unit *unit, Dwarf_Line *line, struct dwarf_row *row)
{
    int number;
    if (dwarf_lineno(line, &number) != 0 || number <= 0)
        return false;
    row->line = number;
    row->file = file_name(lines, dwarf_linesrc(line, NULL, NULL), &unit->line_root);
    return true;
}

static void line_at(struct dwarf_lines *lines, struct dwarf_unit *unit, uint64_t address,
    bool is_function_start, struct dwarf_row *row)
{
    Dwarf_Lines *table;
    size_t count;
    if (dwarf_getsrclines(&unit->line_root, &table, &count) != 0)
        return;
    // Several lines may start at one address: the last has the code, but a function's first is where it is written.
    size_t end = lines_up_to(table, count, address);
    size_t first = is_function_start ? lines_up_to(table, count, address - 1) : end;
    if (first < end && line_of(lines, unit, dwarf_onesrcline(table, first), row))
        return;
    // Code that the compiler made for no line in particular has line 0: what precedes it is nearer than nothing.
    for (size_t i = end; i > 0; i--) {
        Dwarf_Line *line = dwarf_onesrcline(table, i - 1);
        bool is_gap;
        if (dwarf_lineendsequence(line, &is_gap) != 0 || is_gap || line_of(lines, unit, line, row))
            return;
    }
}

static int number_of(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute value;
    Dwarf_Word number;
    if (dwarf_formudata(dwarf_attr(die, attribute, &value), &number) != 0 || number > G_MAXINT)
        return 0;
    return (int)number;
}

static void call_site(
    struct dwarf_lines *lines, struct dwarf_unit *unit, Dwarf_Die *inlined, struct dwarf_row *row)
{
    row->line = number_of(inlined, DW_AT_call_line);
    row->file = file_name(lines, dwarf_die_file(inlined, DW_AT_call_file), &unit->line_root);
}

// --- scopes ---

static bool is_scope(int tag)
{
    return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
           tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;
}

// Finds the child scope of *scope that holds the address and makes it *scope.
static bool enter_scope(Dwarf_Die *scope, uint64_t address)
{
    Dwarf_Die die;
    if (dwarf_child(scope, &die) != 0)
        return false;
    do {
        if (is_scope(dwarf_tag(&die)) && dwarf_haspc(&die, address) > 0) {
            *scope = die;
            return true;
        }
    } while (dwarf_die_next(&die));
    return false;
}

struct search {
    struct dwarf_lines *lines;
    GArray *rows;
    uint64_t start;
    struct dwarf_unit *first_unit;
};

static bool find_in_unit(struct dwarf_unit *unit, uint64_t address, void *data)
{
    struct search *search = data;
    const struct function_range *function = function_at(unit, address);
    if (!search->first_unit)
        search->first_unit = unit;
    if (!function)
        return false;
    Dwarf_Die chain[NESTING]; // the function, then the calls inlined at the address, outermost first
    unsigned depth = 1;
    chain[0] = function->die;
    Dwarf_Die scope = function->die;
    for (unsigned scopes = 0; scopes < NESTING && depth < NESTING && enter_scope(&scope, address); scopes++)
        if (dwarf_tag(&scope) == DW_TAG_inlined_subroutine)
            chain[depth++] = scope;
    struct dwarf_row row = { 0 };
    line_at(search->lines, unit, address, address == function->low, &row);
    while (depth-- > 0) {
        row.function = function_name(search->lines, &chain[depth], &row.function_is_full);
        g_array_append_val(search->rows, row);
        row = (struct dwarf_row){ 0 };
        if (depth > 0)
            call_site(search->lines, unit, &chain[depth], &row);
    }
    search->start = function->low;
    return true;
}

bool dwarf_lines_find(struct dwarf_lines *lines, uint64_t address, GArray *rows, uint64_t *ret_start)
{
    struct search search = { .lines = lines, .rows = rows };
    if (!dwarf_units_each_at(lines->units, address, find_in_unit, &search)) {
        if (!search.first_unit)
            return false;
        struct dwarf_row row = { 0 };
        line_at(lines, search.first_unit, address, false, &row);
        if (row.line == 0)
            return false;
        g_array_append_val(rows, row);
    }
    *ret_start = search.start;
    return true;
}
