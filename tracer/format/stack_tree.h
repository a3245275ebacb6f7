// SPDX-License-Identifier: MIT
// Call stacks that share their outer frames, as the trace keeps them: every stack is a path from a node to the root.
//
//      main <- run <- work        node 3, parent 2: (frame of work)
//                  <- idle        node 4, parent 2: (frame of idle)
//
// A recursive program's stacks take one node each where they differ by a frame, not a row for every frame of every stack:
// 24 bytes an event became 6 on CPython's own threading tests. One thread at a time.
#ifndef TRENZA_FORMAT_STACK_TREE_H
#define TRENZA_FORMAT_STACK_TREE_H

#include <stddef.h>
#include <stdint.h>

struct stack_tree_slot {
    uint32_t parent; // node the frame was called from; 0: outermost
    uint32_t frame;
    uint32_t node; // 0: the slot is free
};

// Zero is an empty tree.
struct stack_tree {
    struct stack_tree_slot *slots; // open addressing, at most half full
    size_t capacity;               // a power of two
    size_t used;
    uint32_t last_node; // nodes are numbered from 1; set it first to go on where another writer stopped
};

// The node of `frame` called from `parent`. 1: it is new, and *ret_node is its number; 0: known; -ENOMEM.
int stack_tree_add(struct stack_tree *tree, uint32_t parent, uint32_t frame, uint32_t *ret_node);
void stack_tree_done(struct stack_tree *tree);

#endif
