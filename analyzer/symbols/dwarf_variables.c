// SPDX-License-Identifier: MIT
// A table of the variables with a fixed address, by address. File-level variables of all units go in on the first
// question; variables inside functions only of the units where one is asked for, because that reads every DIE. Very
// large debug information (a browser's) is not read through for a lock's name: the ELF symbol has to do. Blind to
// thread-local variables and to variables that the compiler split up.
#include "dwarf_variables.h"

#include <dwarf.h>
#include <string.h>

#include "demangle.h"
#include "dwarf_type.h"

#define NESTING 256
#define UNITS_MAX 20000 // more than this are not read through

struct variable {
    uint64_t address;
    Dwarf_Die die;
    Dwarf_Die function; // addr NULL: none
};

struct dwarf_variables {
    struct dwarf_units *units;
    GArray *file_level;                // of struct variable, by address; NULL: not read yet
    GArray *local;                     // the same, inside functions
    GHashTable *units_read_for_locals; // indices of units, as a set
};

struct dwarf_variables *dwarf_variables_new(struct dwarf_units *units)
{
    struct dwarf_variables *variables = g_new0(struct dwarf_variables, 1);
    variables->units = units;
    variables->local = g_array_new(FALSE, FALSE, sizeof(struct variable));
    variables->units_read_for_locals = g_hash_table_new(NULL, NULL);
    return variables;
}

void dwarf_variables_free(struct dwarf_variables *variables)
{
    if (!variables)
        return;
    if (variables->file_level)
        g_array_unref(variables->file_level);
    g_array_unref(variables->local);
    g_hash_table_unref(variables->units_read_for_locals);
    g_free(variables);
}

void dwarf_place_done(struct dwarf_place *place)
{
    g_free(place->name);
    g_free(place->path);
    g_free(place->file);
    g_free(place->function);
}

// --- collecting ---

static bool fixed_address(Dwarf_Die *die, uint64_t *ret_address)
{
    Dwarf_Attribute location, operand;
    Dwarf_Op *operations;
    size_t count;
    if (!dwarf_attr(die, DW_AT_location, &location) || dwarf_getlocation(&location, &operations, &count) != 0)
        return false;
    bool plus = count == 2 && operations[1].atom == DW_OP_plus_uconst; // into a merged variable
    if (count != 1 && !plus)
        return false;
    Dwarf_Addr address;
    switch (operations[0].atom) {
    case DW_OP_addr:
        address = operations[0].number;
        break;
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
        if (dwarf_getlocation_attr(&location, &operations[0], &operand) != 0 ||
            dwarf_formaddr(&operand, &address) != 0)
            return false;
        break;
    default:
        return false;
    }
    *ret_address = address + (plus ? operations[1].number : 0);
    return true;
}

static void collect(GArray *table, Dwarf_Die *parent, Dwarf_Die *function, bool local, unsigned depth)
{
    Dwarf_Die die;
    if (depth > NESTING || dwarf_child(parent, &die) != 0)
        return;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_variable: {
            struct variable variable = { .die = die };
            if (function)
                variable.function = *function;
            if (local == !!function && fixed_address(&die, &variable.address))
                g_array_append_val(table, variable);
            break;
        }
        case DW_TAG_namespace:
        case DW_TAG_module:
            collect(table, &die, function, local, depth + 1);
            break;
        case DW_TAG_subprogram:
            if (local)
                collect(table, &die, &die, local, depth + 1);
            break;
        case DW_TAG_lexical_block:
        case DW_TAG_inlined_subroutine:
            if (local)
                collect(table, &die, function, local, depth + 1);
            break;
        default:
            break;
        }
    } while (dwarf_die_next(&die));
}

static gint compare_variables(gconstpointer left, gconstpointer right)
{
    const struct variable *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

static void read_file_level(struct dwarf_variables *variables)
{
    if (variables->file_level)
        return;
    variables->file_level = g_array_new(FALSE, FALSE, sizeof(struct variable));
    unsigned count = dwarf_units_count(variables->units);
    for (unsigned i = 0; i < count && count <= UNITS_MAX; i++)
        collect(variables->file_level, &dwarf_units_get(variables->units, i)->root, NULL, false, 0);
    g_array_sort(variables->file_level, compare_variables);
}

static bool same_base_name(const char *one, const char *other)
{
    const char *one_slash = strrchr(one, '/'), *other_slash = strrchr(other, '/');
    return strcmp(one_slash ? one_slash + 1 : one, other_slash ? other_slash + 1 : other) == 0;
}

// True: something new was read.
static bool read_locals(struct dwarf_variables *variables, const char *source_file)
{
    unsigned count = dwarf_units_count(variables->units), read = 0;
    if (!source_file && count > UNITS_MAX)
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct dwarf_unit *unit = dwarf_units_get(variables->units, i);
        const char *name = dwarf_diename(&unit->root);
        if (source_file && (!name || !same_base_name(name, source_file)))
            continue;
        if (!g_hash_table_add(variables->units_read_for_locals, GUINT_TO_POINTER(i)))
            continue;
        collect(variables->local, &unit->root, NULL, true, 0);
        read++;
    }
    if (read > 0)
        g_array_sort(variables->local, compare_variables);
    return read > 0;
}

// --- looking up ---

static struct variable *covering(GArray *table, uint64_t address)
{
    unsigned low = 0, high = table->len;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (g_array_index(table, struct variable, middle).address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    struct variable *variable = &g_array_index(table, struct variable, low - 1);
    // The size is not known of a type that is only declared in this unit, as clang likes to.
    uint64_t size = dwarf_type_size_of(&variable->die);
    return address - variable->address < MAX(size, 1) ? variable : NULL;
}

// It stands in the declaration or the abstract instance when it is not here.
static const char *declaring_file(Dwarf_Die *variable)
{
    Dwarf_Attribute reference;
    Dwarf_Die die = *variable;
    for (unsigned i = 0; i < 16 && !dwarf_hasattr(&die, DW_AT_decl_file); i++)
        if (!dwarf_formref_die(dwarf_attr(&die, DW_AT_abstract_origin, &reference), &die) &&
            !dwarf_formref_die(dwarf_attr(&die, DW_AT_specification, &reference), &die))
            return NULL;
    return dwarf_die_file(&die, DW_AT_decl_file);
}

// clang puts statics of functions that it inlines into a function without a name, but calls the symbol "function.name".
static char *function_in_symbol(const char *symbol, const char *name)
{
    size_t symbol_length = strlen(symbol), name_length = strlen(name);
    if (symbol_length < name_length + 2)
        return NULL;
    const char *end = symbol + symbol_length - name_length;
    return end[-1] == '.' && strcmp(end, name) == 0 ? g_strndup(symbol, (size_t)(end - symbol) - 1) : NULL;
}

static void describe(struct variable *variable, uint64_t address, const struct elf_symbol *symbol,
    struct dwarf_place *ret_place)
{
    struct dwarf_place place = { 0 };
    const char *linkage_name = dwarf_die_linkage_name(&variable->die);
    const char *name = dwarf_die_string(&variable->die, DW_AT_name);
    if (!linkage_name && symbol && symbol->start == variable->address)
        linkage_name = symbol->name; // gcc leaves it out for locals and unnamed namespaces
    place.name = linkage_name ? demangle(linkage_name) : NULL;
    bool is_qualified = place.name != NULL;
    if (!place.name)
        place.name = g_strdup(name ? name : linkage_name);
    if (!is_qualified && variable->function.addr)
        place.function = g_strdup(dwarf_die_string(&variable->function, DW_AT_name));
    if (!is_qualified && !place.function && symbol && name)
        place.function = function_in_symbol(symbol->name, name);
    const char *file = declaring_file(&variable->die);
    place.file = file ? g_path_get_basename(file) : NULL;
    GString *path = g_string_new(NULL);
    dwarf_type_append_path(&variable->die, address - variable->address, path);
    place.path = g_string_free(path, FALSE);
    *ret_place = place;
}

bool dwarf_variables_find(struct dwarf_variables *variables, uint64_t address,
    const struct elf_symbol *symbol, struct dwarf_place *ret_place)
{
    // Functions are read through only for what looks like a static inside one, or could be.
    bool local_to_function = !symbol || strchr(symbol->name, '.') || g_str_has_prefix(symbol->name, "_ZZ");
    const char *source_file = symbol ? symbol->file : NULL;
    read_file_level(variables);
    struct variable *found = covering(variables->file_level, address);
    if (!found && local_to_function) {
        found = covering(variables->local, address);
        if (!found && read_locals(variables, source_file))
            found = covering(variables->local, address);
        // With link-time optimisation the symbol's file is not the unit's.
        if (!found && source_file && read_locals(variables, NULL))
            found = covering(variables->local, address);
    }
    if (!found || (!dwarf_die_string(&found->die, DW_AT_name) && !dwarf_die_linkage_name(&found->die)))
        return false;
    describe(found, address, symbol, ret_place);
    return true;
}
