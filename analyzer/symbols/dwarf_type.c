// SPDX-License-Identifier: MIT
// Walks down a type: members by offset, array elements by division. Members and bases with reserved names (_M_impl,
// __data) belong to the C and C++ libraries: they are walked through in silence, so that std::mutex, std::array and
// std::optional look as they do to the program. The walk ends at a pthread type, at a scalar, and at padding. Blind to
// virtual bases and to Rust's and Fortran's ways of describing types.
#include "dwarf_type.h"

#include <dwarf.h>
#include <stdbool.h>
#include <string.h>

#include "dwarf_units.h"

#define NESTING 64 // types in types; deeper is damaged

static bool is_lock_type(const char *name)
{
    static const char *const names[] = { "pthread_mutex_t", "pthread_rwlock_t", "pthread_spinlock_t",
        "pthread_cond_t", "pthread_barrier_t", "pthread_once_t", "sem_t", "mtx_t", "cnd_t", "once_flag" };
    for (size_t i = 0; name && i < G_N_ELEMENTS(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool type_of(Dwarf_Die *die, Dwarf_Die *ret_type)
{
    Dwarf_Attribute attribute;
    if (!dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), ret_type))
        return false;
    // A type kept in a type unit is only declared here.
    if (dwarf_hasattr(ret_type, DW_AT_signature)) {
        Dwarf_Die definition;
        if (dwarf_formref_die(dwarf_attr(ret_type, DW_AT_signature, &attribute), &definition))
            *ret_type = definition;
    }
    return true;
}

// Through typedefs and qualifiers; false: at a lock type, or nowhere.
static bool peel(Dwarf_Die *type)
{
    for (unsigned i = 0; i < NESTING; i++) {
        if (is_lock_type(dwarf_diename(type)))
            return false;
        switch (dwarf_tag(type)) {
        case DW_TAG_typedef:
        case DW_TAG_const_type:
        case DW_TAG_volatile_type:
        case DW_TAG_restrict_type:
        case DW_TAG_atomic_type:
            if (!type_of(type, type))
                return false;
            break;
        default:
            return true;
        }
    }
    return false;
}

static bool number_of(Dwarf_Die *die, unsigned attribute, uint64_t *ret_number)
{
    Dwarf_Attribute value;
    Dwarf_Word number;
    if (dwarf_formudata(dwarf_attr_integrate(die, attribute, &value), &number) != 0)
        return false;
    *ret_number = number;
    return true;
}

static uint64_t subrange_count(Dwarf_Die *subrange)
{
    uint64_t count, upper;
    if (number_of(subrange, DW_AT_count, &count))
        return count;
    return number_of(subrange, DW_AT_upper_bound, &upper) ? upper + 1 : 0;
}

// dwarf_aggregate_size() does not know type units.
static uint64_t size_of_type(Dwarf_Die *type, unsigned depth)
{
    uint64_t size;
    if (depth > NESTING)
        return 0;
    if (number_of(type, DW_AT_byte_size, &size))
        return size;
    Dwarf_Die inner, die;
    switch (dwarf_tag(type)) {
    case DW_TAG_typedef:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
        return type_of(type, &inner) ? size_of_type(&inner, depth + 1) : 0;
    case DW_TAG_array_type:
        size = type_of(type, &inner) ? size_of_type(&inner, depth + 1) : 0;
        if (dwarf_child(type, &die) != 0)
            return 0;
        do {
            if (dwarf_tag(&die) == DW_TAG_subrange_type &&
                __builtin_mul_overflow(size, subrange_count(&die), &size))
                return 0;
        } while (dwarf_die_next(&die));
        return size;
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return sizeof(void *);
    default:
        return 0;
    }
}

uint64_t dwarf_type_size_of(Dwarf_Die *variable)
{
    Dwarf_Die type;
    return type_of(variable, &type) ? size_of_type(&type, 0) : 0;
}

// The member, or base class, that offset lies in. Of several it is the largest, and then the last: empty bases and
// tags say that they take a byte at the same place.
static bool member_at(Dwarf_Die *type, uint64_t offset, Dwarf_Die *ret_member, uint64_t *ret_start)
{
    Dwarf_Die die;
    uint64_t largest = 0;
    if (dwarf_child(type, &die) != 0)
        return false;
    do {
        if (dwarf_tag(&die) != DW_TAG_member && dwarf_tag(&die) != DW_TAG_inheritance)
            continue;
        if (dwarf_hasattr(&die, DW_AT_declaration)) // a static member, before DWARF 5
            continue;
        uint64_t start = 0; // members of a union say none
        if (dwarf_hasattr(&die, DW_AT_data_member_location) &&
            !number_of(&die, DW_AT_data_member_location, &start))
            continue;
        uint64_t size = dwarf_type_size_of(&die);
        if (size == 0 && offset == start)
            size = 1; // of a type that is only declared in this unit; it begins here, at least
        if (offset >= start && offset - start < size && size >= largest) {
            *ret_member = die;
            *ret_start = start;
            largest = size;
        }
    } while (dwarf_die_next(&die));
    return largest > 0;
}

// Appends "[i][j]" and leaves the rest of the offset, within the element. False: nothing sensible.
static bool enter_array(Dwarf_Die *array, uint64_t *offset, GString *path, Dwarf_Die *ret_element)
{
    uint64_t counts[8];
    unsigned dimensions = 0;
    Dwarf_Die die;
    uint64_t element_size = type_of(array, ret_element) ? size_of_type(ret_element, 0) : 0;
    if (element_size == 0 || dwarf_child(array, &die) != 0)
        return false;
    do {
        if (dwarf_tag(&die) == DW_TAG_subrange_type && dimensions < G_N_ELEMENTS(counts))
            counts[dimensions++] = subrange_count(&die);
    } while (dwarf_die_next(&die));

    uint64_t index = *offset / element_size;
    *offset %= element_size;
    uint64_t elements = 1; // in one step of the dimension looked at
    for (unsigned i = 1; i < dimensions; i++)
        if (counts[i] == 0 || __builtin_mul_overflow(elements, counts[i], &elements))
            return false;
    for (unsigned i = 0; i < dimensions; i++) {
        g_string_append_printf(path, "[%" G_GUINT64_FORMAT "]", index / elements);
        index %= elements;
        elements = i + 1 < dimensions ? elements / counts[i + 1] : 1;
    }
    return true;
}

void dwarf_type_append_path(Dwarf_Die *variable, uint64_t offset, GString *path)
{
    Dwarf_Die type;
    if (!type_of(variable, &type))
        return;
    for (unsigned i = 0; i < NESTING && peel(&type); i++) {
        int tag = dwarf_tag(&type);
        if (tag == DW_TAG_array_type) {
            Dwarf_Die array = type;
            if (!enter_array(&array, &offset, path, &type))
                break;
        } else if (tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type) {
            Dwarf_Die member;
            uint64_t start;
            if (!member_at(&type, offset, &member, &start) || !type_of(&member, &type))
                break;
            offset -= start;
            const char *name = dwarf_diename(&member);
            bool reserved = name && name[0] == '_' && (name[1] == '_' || g_ascii_isupper(name[1]));
            if (name && !reserved && dwarf_tag(&member) == DW_TAG_member)
                g_string_append_printf(path, ".%s", name);
        } else {
            break;
        }
    }
    if (offset > 0)
        g_string_append_printf(path, "+0x%" G_GINT64_MODIFIER "x", offset);
}
