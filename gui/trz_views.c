// SPDX-License-Identifier: MIT
// A stack of the views over the witness.
#include "trz_views.h"

#include "theme.h"
#include "trz_graph.h"
#include "trz_lock_table.h"
#include "trz_timeline.h"
#include "trz_witness.h"

struct _TrzViews {
    GtkBox parent_instance;
    TrzSession *session;
    GtkWidget *stack;
    GtkWidget *timeline;
    GtkWidget *locks;
    GtkWidget *graph;
    GtkWidget *table;
    GtkWidget *witness;
    bool dark;
};

G_DEFINE_FINAL_TYPE(TrzViews, trz_views, GTK_TYPE_BOX)

static guint told_signal;

GtkStack *trz_views_get_stack(TrzViews *self)
{
    return GTK_STACK(self->stack);
}

void trz_views_show(TrzViews *self, const char *name)
{
    if (gtk_stack_get_child_by_name(GTK_STACK(self->stack), name))
        gtk_stack_set_visible_child_name(GTK_STACK(self->stack), name);
}

const char *trz_views_get_shown(TrzViews *self)
{
    return gtk_stack_get_visible_child_name(GTK_STACK(self->stack));
}

void trz_views_set_dark(TrzViews *self, bool dark)
{
    self->dark = dark;
    trz_timeline_set_dark(TRZ_TIMELINE(self->timeline), dark);
    trz_timeline_set_dark(TRZ_TIMELINE(self->locks), dark);
    trz_graph_set_dark(TRZ_GRAPH(self->graph), dark);
    trz_witness_set_dark(TRZ_WITNESS(self->witness), dark);
    trz_lock_table_set_dark(TRZ_LOCK_TABLE(self->table), dark);
}

static GtkWidget *shown(TrzViews *self)
{
    return gtk_stack_get_visible_child(GTK_STACK(self->stack));
}

void trz_views_focus(TrzViews *self)
{
    GtkWidget *view = shown(self);
    if (TRZ_IS_TIMELINE(view))
        gtk_widget_grab_focus(view);
    else if (TRZ_IS_GRAPH(view))
        trz_graph_focus(TRZ_GRAPH(view));
    else
        trz_lock_table_focus(TRZ_LOCK_TABLE(view));
}

void trz_views_show_timeline(TrzViews *self)
{
    trz_views_show(self, "timeline");
    trz_views_focus(self);
}

bool trz_views_search(TrzViews *self, const char *text)
{
    if (!TRZ_IS_TIMELINE(shown(self)))
        trz_views_show(self, "timeline");
    return trz_timeline_search(TRZ_TIMELINE(shown(self)), text);
}

// --- as a picture ---

static double witness_height(TrzViews *self)
{
    bool seen = gtk_widget_get_mapped(self->witness) && TRZ_IS_TIMELINE(shown(self));
    return seen ? gtk_widget_get_height(self->witness) : 0;
}

void trz_views_get_size(TrzViews *self, double *ret_width, double *ret_height)
{
    *ret_width = gtk_widget_get_width(shown(self));
    *ret_height = gtk_widget_get_height(shown(self)) + witness_height(self);
}

void trz_views_draw(cairo_t *cr, void *data)
{
    TrzViews *self = data;
    GtkWidget *view = shown(self);
    const struct colour back = (self->dark ? &theme_dark : &theme_light)->background;
    cairo_set_source_rgb(cr, back.red, back.green, back.blue);
    cairo_paint(cr);
    if (TRZ_IS_GRAPH(view)) {
        trz_graph_draw(TRZ_GRAPH(view), cr);
    } else if (TRZ_IS_LOCK_TABLE(view)) {
        trz_lock_table_draw(TRZ_LOCK_TABLE(view), cr);
    } else {
        trz_timeline_draw(TRZ_TIMELINE(view), cr);
        cairo_translate(cr, 0, gtk_widget_get_height(view));
        if (witness_height(self) > 0)
            trz_witness_draw(
                TRZ_WITNESS(self->witness), cr, gtk_widget_get_width(view), witness_height(self));
    }
}

// --- life ---

static gboolean is_timeline(GBinding *binding, const GValue *from, GValue *to, gpointer data)
{
    (void)binding;
    (void)data;
    g_value_set_boolean(to, TRZ_IS_TIMELINE(g_value_get_object(from)));
    return true;
}

static void hovered(TrzViews *self, const char *text)
{
    g_signal_emit(self, told_signal, 0, text);
}

static void trz_views_dispose(GObject *object)
{
    g_clear_object(&TRZ_VIEWS(object)->session);
    G_OBJECT_CLASS(trz_views_parent_class)->dispose(object);
}

static void trz_views_class_init(TrzViewsClass *class)
{
    G_OBJECT_CLASS(class)->dispose = trz_views_dispose;
    told_signal = g_signal_new(
        "told", TRZ_TYPE_VIEWS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void trz_views_init(TrzViews *self)
{
    gtk_orientable_set_orientation(GTK_ORIENTABLE(self), GTK_ORIENTATION_VERTICAL);
    self->stack = gtk_stack_new();
    gtk_box_append(GTK_BOX(self), self->stack);
}

// Beside a graph or a table the witness would only take room.
static void add_witness(TrzViews *self)
{
    self->witness = trz_witness_new(self->session);
    GtkWidget *room = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    gtk_box_append(GTK_BOX(room), self->witness);
    gtk_box_append(GTK_BOX(self), room);
    g_object_bind_property_full(
        self->stack, "visible-child", room, "visible", G_BINDING_SYNC_CREATE, is_timeline, NULL, NULL, NULL);
}

GtkWidget *trz_views_new(TrzSession *session)
{
    TrzViews *self = g_object_new(TRZ_TYPE_VIEWS, NULL);
    GtkStack *stack = GTK_STACK(self->stack);
    self->session = g_object_ref(session);
    self->timeline = trz_timeline_new(session, false);
    self->locks = trz_timeline_new(session, true);
    self->graph = trz_graph_new(session);
    self->table = trz_lock_table_new(session);
    gtk_stack_add_titled(stack, self->timeline, "timeline", "Threads");
    gtk_stack_add_titled(stack, self->locks, "locks", "Locks");
    gtk_stack_add_titled(stack, self->graph, "graph", "Graph");
    gtk_stack_add_titled(stack, self->table, "table", "Table");
    g_signal_connect_swapped(self->table, "located", G_CALLBACK(trz_views_show_timeline), self);
    g_signal_connect_swapped(self->timeline, "hovered", G_CALLBACK(hovered), self);
    g_signal_connect_swapped(self->locks, "hovered", G_CALLBACK(hovered), self);
    add_witness(self);
    return GTK_WIDGET(self);
}
