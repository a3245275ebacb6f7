// SPDX-License-Identifier: MIT
// Pictures of graphs.
#ifndef TRENZA_DRAW_GRAPH_H
#define TRENZA_DRAW_GRAPH_H

#include "graph.h"
#include "paint.h"

struct rectangle {
    double x, y, width, height;
};

// order and, when it has nodes, waits beside it, each with its heading. chosen: an edge of either to be marked; NULL: none.
void draw_graphs(struct paint *paint, const struct graph *order, const struct graph *waits,
    const struct graph_edge *chosen, double width, double height);
// The edge at a point of that picture; *ret_graph is the graph it belongs to. NULL: none.
const struct graph_edge *draw_graphs_edge_at(const struct graph *order, const struct graph *waits,
    double width, double height, double x, double y, const struct graph **ret_graph);

#endif
