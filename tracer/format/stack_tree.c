// SPDX-License-Identifier: MIT
// A hash table from (parent node, frame) to node. Its memory grows with the different places of the program that call
// something, not with the events.
#include "stack_tree.h"

#include <errno.h>
#include <stdlib.h>

static size_t place_of(const struct stack_tree *tree, uint32_t parent, uint32_t frame)
{
    const uint64_t key = (uint64_t)parent << 32 | frame;
    size_t at = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (tree->capacity - 1);
    while (tree->slots[at].node != 0 && (tree->slots[at].parent != parent || tree->slots[at].frame != frame))
        at = (at + 1) & (tree->capacity - 1);
    return at;
}

static int grow(struct stack_tree *tree)
{
    struct stack_tree larger = { .capacity = tree->capacity ? tree->capacity * 2 : 1024 };
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < tree->capacity; i++)
        if (tree->slots[i].node != 0)
            larger.slots[place_of(&larger, tree->slots[i].parent, tree->slots[i].frame)] = tree->slots[i];
    free(tree->slots);
    tree->slots = larger.slots;
    tree->capacity = larger.capacity;
    return 0;
}

int stack_tree_add(struct stack_tree *tree, uint32_t parent, uint32_t frame, uint32_t *ret_node)
{
    if (tree->used * 2 >= tree->capacity && grow(tree) < 0)
        return -ENOMEM;
    struct stack_tree_slot *slot = &tree->slots[place_of(tree, parent, frame)];
    const int fresh = slot->node == 0;
    if (fresh) {
        *slot = (struct stack_tree_slot){ parent, frame, ++tree->last_node };
        tree->used++;
    }
    *ret_node = slot->node;
    return fresh;
}

void stack_tree_done(struct stack_tree *tree)
{
    free(tree->slots);
    *tree = (struct stack_tree){ 0 };
}
