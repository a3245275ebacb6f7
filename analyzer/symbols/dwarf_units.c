// SPDX-License-Identifier: MIT
// A table of address ranges made from the heads of all units. Not from .debug_aranges: clang writes none, and programs
// are mixed. Blind to units whose head does not say what they cover, and to .dwo files that are gone.
//
//   ranges, by low:   [low, high) highest_before unit
//   highest_before is the greatest high of this and all earlier ranges: walking back from the last range that starts
//   at or before an address can stop where it is no longer beyond that address.
#include "dwarf_units.h"

#include <dwarf.h>
#include <string.h>

struct unit_range {
    uint64_t low;
    uint64_t high;
    uint64_t highest_before;
    unsigned unit;
};

struct dwarf_units {
    GArray *units;  // of struct dwarf_unit
    GArray *ranges; // of struct unit_range
};

static gint compare_ranges(gconstpointer left, gconstpointer right)
{
    const struct unit_range *a = left, *b = right;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    return a->high < b->high ? 1 : a->high > b->high ? -1 : 0;
}

static void add_ranges(struct dwarf_units *units, Dwarf_Die *head)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    while ((offset = dwarf_ranges(head, offset, &base, &low, &high)) > 0) {
        // Linkers leave functions that they dropped at address 0 or 1.
        if (low <= 1 || low >= high)
            continue;
        struct unit_range range = { .low = low, .high = high, .unit = units->units->len - 1 };
        g_array_append_val(units->ranges, range);
    }
}

struct dwarf_units *dwarf_units_new(Dwarf *dwarf)
{
    struct dwarf_units *units = g_new0(struct dwarf_units, 1);
    units->units = g_array_new(FALSE, FALSE, sizeof(struct dwarf_unit));
    units->ranges = g_array_new(FALSE, FALSE, sizeof(struct unit_range));
    Dwarf_CU *cu = NULL;
    Dwarf_Die head, split;
    uint8_t type;
    while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &head, &split) == 0) {
        if (dwarf_tag(&head) != DW_TAG_compile_unit && dwarf_tag(&head) != DW_TAG_skeleton_unit)
            continue;
        bool is_split = type == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit;
        struct dwarf_unit unit = { .root = is_split ? split : head, .line_root = head };
        g_array_append_val(units->units, unit);
        add_ranges(units, &head);
    }
    g_array_sort(units->ranges, compare_ranges);
    uint64_t highest = 0;
    for (unsigned i = 0; i < units->ranges->len; i++) {
        struct unit_range *range = &g_array_index(units->ranges, struct unit_range, i);
        highest = MAX(highest, range->high);
        range->highest_before = highest;
    }
    return units;
}

void dwarf_units_free(struct dwarf_units *units)
{
    if (!units)
        return;
    g_array_unref(units->units);
    g_array_unref(units->ranges);
    g_free(units);
}

unsigned dwarf_units_count(const struct dwarf_units *units)
{
    return units->units->len;
}

struct dwarf_unit *dwarf_units_get(struct dwarf_units *units, unsigned index)
{
    return &g_array_index(units->units, struct dwarf_unit, index);
}

bool dwarf_units_each_at(struct dwarf_units *units, uint64_t address,
    bool (*each)(struct dwarf_unit *unit, uint64_t address, void *data), void *data)
{
    unsigned low = 0, high = units->ranges->len;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (g_array_index(units->ranges, struct unit_range, middle).low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (unsigned i = low; i > 0; i--) {
        const struct unit_range *range = &g_array_index(units->ranges, struct unit_range, i - 1);
        if (range->highest_before <= address)
            break;
        if (address < range->high && each(dwarf_units_get(units, range->unit), address, data))
            return true;
    }
    return false;
}

const char *dwarf_die_string(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute value;
    return dwarf_formstring(dwarf_attr_integrate(die, attribute, &value));
}

const char *dwarf_die_linkage_name(Dwarf_Die *die)
{
    const char *name = dwarf_die_string(die, DW_AT_linkage_name);
    return name ? name : dwarf_die_string(die, DW_AT_MIPS_linkage_name);
}

// In damaged debug information a sibling may lie behind, and the walk would never end.
bool dwarf_die_next(Dwarf_Die *die)
{
    const void *before = die->addr;
    return dwarf_siblingof(die, die) == 0 && (const char *)die->addr > (const char *)before;
}

// dwarf_decl_file() takes number 0 for none, which it is before DWARF 5 only.
const char *dwarf_die_file(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute value;
    Dwarf_Word number;
    Dwarf_Die unit;
    Dwarf_Files *files;
    size_t count;
    if (dwarf_formudata(dwarf_attr(die, attribute, &value), &number) != 0 ||
        !dwarf_diecu(die, &unit, NULL, NULL) || dwarf_getsrcfiles(&unit, &files, &count) != 0 ||
        number >= count)
        return NULL;
    const char *file = dwarf_filesrc(files, number, NULL, NULL);
    return file && strcmp(file, "???") != 0 ? file : NULL;
}
