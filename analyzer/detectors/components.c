// SPDX-License-Identifier: MIT
// Tarjan's algorithm with a stack of its own, because a chain of locks may be longer than the C stack is deep.
#include "components.h"

#include <glib.h>

struct node {
    GArray *targets; // of unsigned: node numbers
    unsigned index;  // in order of discovery, from 1; 0: not seen
    unsigned low;    // smallest index that can be reached
    unsigned next;   // the target to look at next
    unsigned component;
    bool on_stack;
};

struct components {
    GHashTable *numbers; // id -> node number + 1
    GArray *nodes;       // of struct node
};

static void node_clear(void *data)
{
    g_array_unref(((struct node *)data)->targets);
}

struct components *components_new(void)
{
    struct components *components = g_new0(struct components, 1);
    components->numbers = g_hash_table_new(NULL, NULL);
    components->nodes = g_array_new(false, true, sizeof(struct node));
    g_array_set_clear_func(components->nodes, node_clear);
    return components;
}

void components_free(struct components *components)
{
    if (!components)
        return;
    g_hash_table_unref(components->numbers);
    g_array_unref(components->nodes);
    g_free(components);
}

static struct node *node_at(const struct components *components, unsigned number)
{
    return &g_array_index(components->nodes, struct node, number);
}

static unsigned number_of(struct components *components, uint32_t id)
{
    unsigned number = GPOINTER_TO_UINT(g_hash_table_lookup(components->numbers, GUINT_TO_POINTER(id)));
    if (number)
        return number - 1;
    struct node node = { .targets = g_array_new(false, false, sizeof(unsigned)) };
    g_array_append_val(components->nodes, node);
    g_hash_table_insert(components->numbers, GUINT_TO_POINTER(id), GUINT_TO_POINTER(components->nodes->len));
    return components->nodes->len - 1;
}

void components_add_edge(struct components *components, uint32_t from, uint32_t to)
{
    unsigned a = number_of(components, from);
    unsigned b = number_of(components, to);
    GArray *targets = node_at(components, a)->targets;
    for (unsigned i = 0; i < targets->len && i < 16;
         i++) // the many patterns of a few locks need not all be stored
        if (g_array_index(targets, unsigned, i) == b)
            return;
    g_array_append_val(targets, b);
}

static void discover(
    struct components *components, unsigned number, unsigned *counter, GArray *path, GArray *open)
{
    struct node *node = node_at(components, number);
    node->index = node->low = ++*counter;
    node->on_stack = true;
    g_array_append_val(path, number);
    g_array_append_val(open, number);
}

static void close_component(struct components *components, unsigned root, GArray *open)
{
    unsigned number;
    do {
        number = g_array_index(open, unsigned, open->len - 1);
        g_array_set_size(open, open->len - 1);
        node_at(components, number)->on_stack = false;
        node_at(components, number)->component = node_at(components, root)->index;
    } while (number != root);
}

static void find_from(
    struct components *components, unsigned root, unsigned *counter, GArray *path, GArray *open)
{
    discover(components, root, counter, path, open);
    while (path->len) {
        unsigned number = g_array_index(path, unsigned, path->len - 1);
        struct node *node = node_at(components, number);
        if (node->next < node->targets->len) {
            unsigned target = g_array_index(node->targets, unsigned, node->next++);
            const struct node *other = node_at(components, target);
            if (!other->index)
                discover(components, target, counter, path, open);
            else if (other->on_stack)
                node->low = MIN(node->low, other->index);
            continue;
        }
        g_array_set_size(path, path->len - 1);
        if (path->len) {
            struct node *parent = node_at(components, g_array_index(path, unsigned, path->len - 1));
            parent->low = MIN(parent->low, node->low);
        }
        if (node->low == node->index)
            close_component(components, number, open);
    }
}

void components_find(struct components *components)
{
    g_autoptr(GArray) path = g_array_new(false, false, sizeof(unsigned));
    g_autoptr(GArray) open = g_array_new(false, false, sizeof(unsigned));
    unsigned counter = 0;
    for (unsigned i = 0; i < components->nodes->len; i++)
        if (!node_at(components, i)->index)
            find_from(components, i, &counter, path, open);
}

bool components_same(const struct components *components, uint32_t a, uint32_t b)
{
    unsigned number_a = GPOINTER_TO_UINT(g_hash_table_lookup(components->numbers, GUINT_TO_POINTER(a)));
    unsigned number_b = GPOINTER_TO_UINT(g_hash_table_lookup(components->numbers, GUINT_TO_POINTER(b)));
    return number_a && number_b &&
           node_at(components, number_a - 1)->component == node_at(components, number_b - 1)->component;
}
