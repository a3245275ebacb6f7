// SPDX-License-Identifier: MIT
// Strongly connected components of a directed graph over small numbers.
#ifndef TRENZA_COMPONENTS_H
#define TRENZA_COMPONENTS_H

#include <stdbool.h>
#include <stdint.h>

struct components;
struct components *components_new(void);
void components_free(struct components *components);
void components_add_edge(struct components *components, uint32_t from, uint32_t to);
// Once, after the last edge. Linear in nodes and edges (Tarjan, "Depth-first search and linear graph algorithms", 1972),
// without recursion.
void components_find(struct components *components);
// Are the two on a common cycle? False for nodes without edges.
bool components_same(const struct components *components, uint32_t a, uint32_t b);

#endif
