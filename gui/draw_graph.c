// SPDX-License-Identifier: MIT
// Nodes are boxes with names, edges bent a little to one side, so that an edge and its opposite are told apart.
#include "draw_graph.h"

#include <math.h>
#include <stdio.h>

#include "timeline.h"

#define NODE_WIDE 120 // half of a node's width, px
#define NODE_NARROW 44
#define NODE_HALF_HEIGHT 17
#define NODE_LETTER 8.5 // of a name, px
#define BEND 0.16
#define HEADING 34
#define HIT 12 // px; as near to an arrow counts as on it
#define CURVE_STEPS 24
#define LETTER 6.5 // of a label, px
#define LABEL_DISTANCE 7
#define LABEL_MAX 200
#define CLEAR_MAX 40u // of more edges those that are in no cycle step back

struct curve {
    double x1, y1, x2, y2; // ends, at the nodes' borders
    double cx, cy;         // control point
    double label_x, label_y;
    bool label_right;  // the text ends there
    bool label_centre; // it is centred there
};

// All nodes of a graph are as wide as the longest name asks for, and as there is room.
static double node_half(const struct graph *graph, const struct rectangle *area)
{
    glong longest = 0;
    for (unsigned i = 0; i < graph->nodes->len; i++) {
        char text[64];
        graph_node_text(&g_array_index(graph->nodes, struct graph_node, i), text, sizeof text);
        longest = MAX(longest, g_utf8_strlen(text, -1));
    }
    double wanted = (double)longest * NODE_LETTER / 2 + 12;
    double room = fmax(area->width / (graph->nodes->len > 12 ? 12 : 6) * 1.3, NODE_NARROW);
    return fmin(fmin(fmax(wanted, graph->nodes->len > 24 ? 0 : NODE_NARROW), NODE_WIDE), room);
}

static void node_centre(const struct graph *graph, const struct graph_node *node,
    const struct rectangle *area, double *ret_x, double *ret_y)
{
    double room_x = area->width - 2 * node_half(graph, area) - 20;
    double room_y = area->height - 2 * NODE_HALF_HEIGHT - 20;
    double side = fmin(room_x, room_y * 2);
    *ret_x = area->x + area->width / 2 + (node->x - 0.5) * fmax(side, room_x * 0.6);
    *ret_y = area->y + area->height / 2 + (node->y - 0.5) * room_y;
}

// Where the line from the node's centre towards (x, y) leaves its box.
static void leave_box(double *at_x, double *at_y, double x, double y, double half_width)
{
    double dx = x - *at_x;
    double dy = y - *at_y;
    double scale = fmin(fabs(dx) > 1e-6 ? (half_width + 3) / fabs(dx) : INFINITY,
        fabs(dy) > 1e-6 ? (NODE_HALF_HEIGHT + 3) / fabs(dy) : INFINITY);
    if (!isfinite(scale))
        return;
    *at_x += dx * fmin(scale, 1);
    *at_y += dy * fmin(scale, 1);
}

static struct curve edge_curve(
    const struct graph *graph, const struct graph_edge *edge, const struct rectangle *area)
{
    struct curve curve;
    node_centre(
        graph, &g_array_index(graph->nodes, struct graph_node, edge->from), area, &curve.x1, &curve.y1);
    node_centre(graph, &g_array_index(graph->nodes, struct graph_node, edge->to), area, &curve.x2, &curve.y2);
    double dx = curve.x2 - curve.x1;
    double dy = curve.y2 - curve.y1;
    // To the outside of a ring that is walked clockwise, where there is room for the label.
    curve.cx = (curve.x1 + curve.x2) / 2 + dy * BEND;
    curve.cy = (curve.y1 + curve.y2) / 2 - dx * BEND;
    leave_box(&curve.x1, &curve.y1, curve.cx, curve.cy, node_half(graph, area));
    leave_box(&curve.x2, &curve.y2, curve.cx, curve.cy, node_half(graph, area));
    // Beside the middle of the curve, on its outer side.
    double length = fmax(hypot(dx, dy), 1);
    double out_x = dy / length;
    double out_y = -dx / length;
    curve.label_x = (curve.x1 + 2 * curve.cx + curve.x2) / 4 + out_x * LABEL_DISTANCE;
    curve.label_y = (curve.y1 + 2 * curve.cy + curve.y2) / 4 + out_y * (LABEL_DISTANCE + 3);
    curve.label_centre = fabs(out_x) < 0.35;
    curve.label_right = !curve.label_centre && out_x < 0;
    return curve;
}

static struct colour edge_colour(const struct theme *theme, enum graph_edge_kind kind)
{
    switch (kind) {
    case GRAPH_CYCLE:
    case GRAPH_WAITS:
        return theme->error;
    case GRAPH_IMPOSSIBLE:
        return theme->faint;
    default:
        return theme->dim;
    }
}

static void edge_label(const struct graph_edge *edge, char *ret_text, size_t size)
{
    if (edge->kind == GRAPH_WAITS)
        snprintf(ret_text, size, "waits for");
    else if (edge->kind == GRAPH_HELD)
        snprintf(ret_text, size, "held by");
    else if (!edge->count)
        snprintf(ret_text, size, "in another run");
    else if (edge->kind == GRAPH_IMPOSSIBLE && edge->finding->reason)
        snprintf(ret_text, size, "%u× · %s", edge->count, edge->finding->reason);
    else
        snprintf(ret_text, size, "%u×", edge->count);
}

static void draw_edge(struct paint *paint, const struct graph *graph, const struct graph_edge *edge,
    const struct rectangle *area, bool chosen)
{
    struct curve curve = edge_curve(graph, edge, area);
    bool receding = !chosen && edge->kind == GRAPH_ORDER && graph->edges->len > CLEAR_MAX;
    struct colour colour = chosen     ? paint->theme->accent
                           : receding ? paint->theme->line
                                      : edge_colour(paint->theme, edge->kind);
    double width = chosen ? 3 : edge->kind == GRAPH_CYCLE || edge->kind == GRAPH_WAITS ? 2.4 : 1.4;
    static const double dashes[] = { 5, 4 };
    paint_colour(paint, colour);
    cairo_set_line_width(paint->cr, width);
    if (edge->kind == GRAPH_IMPOSSIBLE)
        cairo_set_dash(paint->cr, dashes, 2, 0);
    cairo_move_to(paint->cr, curve.x1, curve.y1);
    // A quadratic curve as a cubic one.
    cairo_curve_to(paint->cr, (curve.x1 + 2 * curve.cx) / 3, (curve.y1 + 2 * curve.cy) / 3,
        (curve.x2 + 2 * curve.cx) / 3, (curve.y2 + 2 * curve.cy) / 3, curve.x2, curve.y2);
    cairo_stroke(paint->cr);
    cairo_set_dash(paint->cr, NULL, 0, 0);
    double angle = atan2(curve.y2 - curve.cy, curve.x2 - curve.cx);
    paint_straight_arrow(
        paint, curve.x2 - cos(angle) * 9, curve.y2 - sin(angle) * 9, curve.x2, curve.y2, colour, width);
    if (receding)
        return;
    char text[160];
    edge_label(edge, text, sizeof text);
    paint_text(paint, text, curve.label_x, curve.label_y, LABEL_MAX,
        TEXT_SMALL | (curve.label_right       ? TEXT_RIGHT
                         : curve.label_centre ? TEXT_CENTRE
                                              : 0),
        edge->kind == GRAPH_IMPOSSIBLE && !chosen ? paint->theme->dim : colour);
}

// Somebody waits for it, and it is in nobody's hands.
static bool is_deserted(const struct graph *graph, const struct graph_node *node)
{
    const struct graph_node *nodes = (const struct graph_node *)(const void *)graph->nodes->data;
    bool awaited = false;
    for (unsigned i = 0; node->object && i < graph->edges->len; i++) {
        const struct graph_edge *edge = &g_array_index(graph->edges, struct graph_edge, i);
        bool observed = edge->finding && g_strcmp0(edge->finding->verdict, "observed") == 0;
        if (&nodes[edge->from] == node)
            return false;
        awaited = awaited || (edge->kind == GRAPH_WAITS && observed && &nodes[edge->to] == node);
    }
    return awaited;
}

// On a ground of its own, as arrows may pass there.
static void draw_remark(struct paint *paint, const char *text, double x, double y)
{
    double width = paint_text_width(paint, text, TEXT_SMALL | TEXT_BOLD);
    paint_fill(paint, x - width / 2 - 3, y - 8, width + 6, 16, colour_alpha(paint->theme->background, 0.9));
    paint_text(paint, text, x, y, 0, TEXT_SMALL | TEXT_BOLD | TEXT_CENTRE, paint->theme->error);
}

static void draw_node(struct paint *paint, const struct graph *graph, const struct graph_node *node,
    const struct rectangle *area)
{
    const struct theme *theme = paint->theme;
    double half = node_half(graph, area);
    double x;
    double y;
    node_centre(graph, node, area, &x, &y);
    struct colour fill =
        node->object ? theme_lock(theme, timeline_colour(node->object->row.id)) : theme->lane;
    paint_rounded(paint, x - half, y - NODE_HALF_HEIGHT, 2 * half, 2 * NODE_HALF_HEIGHT,
        node->object ? NODE_HALF_HEIGHT : 4);
    paint_colour(paint, fill);
    cairo_fill_preserve(paint->cr);
    paint_colour(paint, node->in_cycle ? theme->text : theme->line);
    cairo_set_line_width(paint->cr, 1.2);
    cairo_stroke(paint->cr);
    if (is_deserted(graph, node))
        draw_remark(paint, "nobody is left to come", x, y + NODE_HALF_HEIGHT + 20);
    char text[64];
    graph_node_text(node, text, sizeof text);
    paint_text(paint, text, x, y, 2 * half - 12, TEXT_BOLD | TEXT_CENTRE,
        node->object ? theme_text_on(fill) : theme->text);
}

static void draw_graph(struct paint *paint, const struct graph *graph, const char *heading, const char *empty,
    const struct rectangle *area, const struct graph_edge *chosen)
{
    const struct theme *theme = paint->theme;
    paint_text(
        paint, heading, area->x + 14, area->y - HEADING / 2.0, area->width - 20, TEXT_BOLD, theme->text);
    if (!graph->nodes->len)
        paint_text(paint, empty, area->x + area->width / 2, area->y + area->height / 2, area->width - 20,
            TEXT_CENTRE, theme->dim);
    for (unsigned i = 0; i < graph->edges->len; i++) {
        const struct graph_edge *edge = &g_array_index(graph->edges, struct graph_edge, i);
        draw_edge(paint, graph, edge, area, edge == chosen);
    }
    for (unsigned i = 0; i < graph->nodes->len; i++)
        draw_node(paint, graph, &g_array_index(graph->nodes, struct graph_node, i), area);
    if (g_hash_table_size(graph->left_out)) {
        char text[80];
        snprintf(text, sizeof text, "and %u more locks, in no cycle", g_hash_table_size(graph->left_out));
        paint_text(
            paint, text, area->x + 14, area->y + area->height - 12, area->width - 20, TEXT_SMALL, theme->dim);
    }
}

// Beside each other when both have something to show.
static void areas(const struct graph *order, const struct graph *waits, double width, double height,
    struct rectangle *ret_order, struct rectangle *ret_waits)
{
    bool has_waits = waits && waits->nodes->len;
    double split = !has_waits ? width : order->nodes->len ? floor(width / 2) : 0;
    *ret_order = (struct rectangle){ 0, HEADING, split, height - HEADING };
    *ret_waits = (struct rectangle){ split, HEADING, width - split, height - HEADING };
}

void draw_graphs(struct paint *paint, const struct graph *order, const struct graph *waits,
    const struct graph_edge *chosen, double width, double height)
{
    struct rectangle order_area;
    struct rectangle waits_area;
    areas(order, waits, width, height, &order_area, &waits_area);
    paint_fill(paint, 0, 0, width, height, paint->theme->background);
    if (order_area.width > 0)
        draw_graph(paint, order, "Lock order: from a lock held to one taken",
            "No lock was ever taken while another was held.", &order_area, chosen);
    if (!waits || !waits->nodes->len)
        return;
    if (order_area.width > 0)
        paint_line(paint, waits_area.x, 8, waits_area.x, height - 8, paint->theme->line, 1);
    draw_graph(paint, waits, "Who waits for whom", "", &waits_area, chosen);
}

// How far a point is from the line of an edge, or from its label, px.
static double edge_distance(const struct graph_edge *edge, const struct curve *curve, double x, double y)
{
    double least = INFINITY;
    for (int i = 0; i <= CURVE_STEPS; i++) {
        double t = (double)i / CURVE_STEPS;
        double at_x = (1 - t) * (1 - t) * curve->x1 + 2 * t * (1 - t) * curve->cx + t * t * curve->x2;
        double at_y = (1 - t) * (1 - t) * curve->y1 + 2 * t * (1 - t) * curve->cy + t * t * curve->y2;
        least = fmin(least, hypot(at_x - x, at_y - y));
    }
    char text[160];
    edge_label(edge, text, sizeof text);
    double width = fmin((double)g_utf8_strlen(text, -1) * LETTER, LABEL_MAX);
    double left = curve->label_x - (curve->label_right ? width : curve->label_centre ? width / 2 : 0);
    double beside = fmax(fmax(left - x, x - left - width), 0);
    return fmin(least, hypot(beside, fmax(fabs(curve->label_y - y) - LABEL_DISTANCE, 0)));
}

static const struct graph_edge *edge_at(
    const struct graph *graph, const struct rectangle *area, double x, double y)
{
    const struct graph_edge *nearest = NULL;
    double least = HIT;
    for (unsigned i = 0; i < graph->edges->len; i++) {
        const struct graph_edge *edge = &g_array_index(graph->edges, struct graph_edge, i);
        struct curve curve = edge_curve(graph, edge, area);
        double distance = edge_distance(edge, &curve, x, y);
        if (distance < least) {
            least = distance;
            nearest = edge;
        }
    }
    return nearest;
}

const struct graph_edge *draw_graphs_edge_at(const struct graph *order, const struct graph *waits,
    double width, double height, double x, double y, const struct graph **ret_graph)
{
    struct rectangle order_area;
    struct rectangle waits_area;
    areas(order, waits, width, height, &order_area, &waits_area);
    *ret_graph = order;
    const struct graph_edge *edge = edge_at(order, &order_area, x, y);
    if (!edge && waits && waits->nodes->len) {
        *ret_graph = waits;
        edge = edge_at(waits, &waits_area, x, y);
    }
    return edge;
}
