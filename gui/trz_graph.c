// SPDX-License-Identifier: MIT
// A drawing; below it what the chosen edge stands for, with the stacks with which its locks were taken.
#include "trz_graph.h"

#include "draw_graph.h"
#include "trz_stack.h"

#define SITES_MAX 8u
#define STACKS_HEIGHT 190 // px

struct _TrzGraph {
    GtkBox parent_instance;
    TrzSession *session;
    GtkWidget *area;
    GtkWidget *text;
    GtkWidget *stacks; // scrolled; a box for each way of taking the two locks
    struct graph *order;
    struct graph *waits;
    const struct finding *shown;
    const struct graph_edge *chosen;
    int position; // of the chosen one, for the keys
    bool dark;
};

G_DEFINE_FINAL_TYPE(TrzGraph, trz_graph, GTK_TYPE_BOX)

void trz_graph_draw(TrzGraph *self, cairo_t *cr)
{
    struct paint paint;
    if (!self->order)
        return;
    paint_init(&paint, cr, self->dark ? &theme_dark : &theme_light);
    draw_graphs(&paint, self->order, self->waits, self->chosen, gtk_widget_get_width(self->area),
        gtk_widget_get_height(self->area));
    paint_done(&paint);
}

static void draw(GtkDrawingArea *area, cairo_t *cr, int width, int height, gpointer data)
{
    (void)area;
    (void)width;
    (void)height;
    trz_graph_draw(data, cr);
}

static void add_side(GtkWidget *row, const char *title, const struct model *model, uint32_t stack)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 1);
    gtk_widget_set_hexpand(box, true);
    trz_stack_add_text(box, title, "step");
    trz_stack_add(box, model, stack);
    gtk_box_append(GTK_BOX(row), box);
}

static void add_site(
    GtkWidget *box, const struct graph *graph, const struct graph_edge *edge, const struct graph_site *site)
{
    const struct model_thread *thread = model_thread(graph->model, site->thread_id);
    const struct model_object *held = g_array_index(graph->nodes, struct graph_node, edge->from).object;
    const struct model_object *taken = g_array_index(graph->nodes, struct graph_node, edge->to).object;
    g_autofree char *outer = g_strdup_printf("holds '%s', taken in", held->label);
    g_autofree char *inner = g_strdup_printf("then takes '%s' in", taken->label);
    g_autofree char *who = g_strdup_printf("%u time%s, first by '%s' (thread %u)", site->count,
        site->count == 1 ? "" : "s", thread ? thread->label : "?", site->thread_id);
    trz_stack_add_text(box, who, "place");
    GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 16);
    gtk_box_set_homogeneous(GTK_BOX(row), true);
    add_side(row, outer, graph->model, site->held_stack);
    add_side(row, inner, graph->model, site->taken_stack);
    gtk_box_append(GTK_BOX(box), row);
}

static void show_stacks(TrzGraph *self, const struct graph *graph, const struct graph_edge *edge)
{
    const struct loaded *loaded = trz_session_get_loaded(self->session);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    gtk_widget_add_css_class(box, "story");
    if (edge && edge->order && edge->count) {
        bool more;
        g_autoptr(GArray) sites = graph_edge_sites(graph, loaded->timeline, edge, &more);
        for (unsigned i = 0; i < MIN(sites->len, SITES_MAX); i++)
            add_site(box, graph, edge, &g_array_index(sites, struct graph_site, i));
        if (sites->len > SITES_MAX) {
            g_autofree char *text = g_strdup_printf("and %u other ways", sites->len - SITES_MAX);
            trz_stack_add_text(box, text, "place");
        }
        if (more)
            trz_stack_add_text(box, "The history is long: only its beginning was looked at.", "place");
    } else if (edge && edge->step) {
        trz_stack_add(box, edge->finding->model, edge->step->stack);
    }
    gtk_widget_set_visible(self->stacks, gtk_widget_get_first_child(box) != NULL);
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(self->stacks), box);
}

static void choose(TrzGraph *self, const struct graph *graph, const struct graph_edge *edge)
{
    bool none = self->order && !self->order->edges->len && !self->waits->edges->len;
    g_autofree char *text =
        edge   ? graph_edge_text(graph, edge)
        : none ? g_strdup("")
               : g_strdup("Click an arrow, or use the arrow keys, to read where it comes from.");
    self->chosen = edge;
    gtk_label_set_text(GTK_LABEL(self->text), text);
    gtk_widget_set_visible(self->text, *text);
    show_stacks(self, graph, edge);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->area), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
    gtk_widget_queue_draw(self->area);
}

static void forget(TrzGraph *self)
{
    self->chosen = NULL;
    self->position = -1;
    g_clear_pointer(&self->order, graph_free);
    g_clear_pointer(&self->waits, graph_free);
}

static void update(TrzGraph *self)
{
    forget(self);
    self->shown = trz_session_get_finding(self->session);
    if (trz_session_get_state(self->session) == TRZ_SESSION_READY) {
        const struct loaded *loaded = trz_session_get_loaded(self->session);
        self->order = graph_new_order(loaded);
        self->waits = graph_new_waits(loaded, trz_session_get_finding(self->session));
    }
    choose(self, NULL, NULL);
}

// Another step of the same finding changes nothing here.
static void finding_changed(TrzGraph *self)
{
    if (!self->order || trz_session_get_finding(self->session) != self->shown)
        update(self);
}

static void clicked(GtkGestureClick *gesture, int presses, double x, double y, TrzGraph *self)
{
    (void)gesture;
    (void)presses;
    const struct graph *graph;
    gtk_widget_grab_focus(self->area);
    if (!self->order)
        return;
    const struct graph_edge *edge = draw_graphs_edge_at(self->order, self->waits,
        gtk_widget_get_width(self->area), gtk_widget_get_height(self->area), x, y, &graph);
    self->position = edge ? (int)(edge - (const struct graph_edge *)(const void *)graph->edges->data) +
                                (graph == self->waits ? (int)self->order->edges->len : 0)
                          : -1;
    choose(self, graph, edge);
}

static void act(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)parameter;
    TrzGraph *self = TRZ_GRAPH(widget);
    if (!self->order)
        return;
    int n_order = (int)self->order->edges->len;
    int n = n_order + (int)self->waits->edges->len;
    if (!n)
        return;
    bool next = g_str_equal(action, "graph.next");
    self->position = self->position < 0 ? (next ? 0 : n - 1) : (self->position + (next ? 1 : n - 1)) % n;
    const struct graph *graph = self->position < n_order ? self->order : self->waits;
    int at = self->position < n_order ? self->position : self->position - n_order;
    choose(self, graph, &g_array_index(graph->edges, struct graph_edge, at));
}

void trz_graph_set_dark(TrzGraph *self, bool dark)
{
    self->dark = dark;
    gtk_widget_queue_draw(self->area);
}

void trz_graph_focus(TrzGraph *self)
{
    gtk_widget_grab_focus(self->area);
}

static void trz_graph_dispose(GObject *object)
{
    forget(TRZ_GRAPH(object));
    g_clear_object(&TRZ_GRAPH(object)->session);
    G_OBJECT_CLASS(trz_graph_parent_class)->dispose(object);
}

static void trz_graph_class_init(TrzGraphClass *class)
{
    static const struct {
        const char *action;
        guint keys[2];
    } bindings[] = {
        { "graph.next", { GDK_KEY_Right, GDK_KEY_Down } },
        { "graph.previous", { GDK_KEY_Left, GDK_KEY_Up } },
    };
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = trz_graph_dispose;
    for (size_t i = 0; i < G_N_ELEMENTS(bindings); i++) {
        gtk_widget_class_install_action(widget_class, bindings[i].action, NULL, act);
        for (int j = 0; j < 2; j++)
            gtk_widget_class_add_binding_action(
                widget_class, bindings[i].keys[j], 0, bindings[i].action, NULL);
    }
}

static void trz_graph_init(TrzGraph *self)
{
    gtk_orientable_set_orientation(GTK_ORIENTABLE(self), GTK_ORIENTATION_VERTICAL);
    self->area = gtk_drawing_area_new();
    gtk_widget_set_focusable(self->area, true);
    gtk_widget_set_vexpand(self->area, true);
    gtk_widget_set_hexpand(self->area, true);
    gtk_drawing_area_set_draw_func(GTK_DRAWING_AREA(self->area), draw, self, NULL);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->area), GTK_ACCESSIBLE_PROPERTY_LABEL, "Graph of locks", -1);
    GtkGesture *click = gtk_gesture_click_new();
    g_signal_connect(click, "pressed", G_CALLBACK(clicked), self);
    gtk_widget_add_controller(self->area, GTK_EVENT_CONTROLLER(click));
    self->text = gtk_label_new(NULL);
    gtk_label_set_xalign(GTK_LABEL(self->text), 0);
    gtk_label_set_wrap(GTK_LABEL(self->text), true);
    gtk_widget_add_css_class(self->text, "status");
    gtk_box_append(GTK_BOX(self), self->area);
    gtk_box_append(GTK_BOX(self), self->text);
    self->stacks = gtk_scrolled_window_new();
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(self->stacks), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
    gtk_widget_set_size_request(self->stacks, -1, STACKS_HEIGHT);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->stacks), GTK_ACCESSIBLE_PROPERTY_LABEL, "Where the locks were taken", -1);
    gtk_box_append(GTK_BOX(self), self->stacks);
}

GtkWidget *trz_graph_new(TrzSession *session)
{
    TrzGraph *self = g_object_new(TRZ_TYPE_GRAPH, NULL);
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "finding-changed", G_CALLBACK(finding_changed), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "state-changed", G_CALLBACK(update), self, G_CONNECT_SWAPPED);
    update(self);
    return GTK_WIDGET(self);
}
