// SPDX-License-Identifier: MIT
// A column view; each column has a sorter of its own. The longest waited-for locks come first.
#include "trz_lock_table.h"

#include "draw_table.h"
#include "trz_lock_item.h"

struct _TrzLockTable {
    GtkBox parent_instance;
    TrzSession *session;
    GListStore *store;
    GtkWidget *view;
    bool dark;
    bool stale; // to be filled when it is looked at
};

G_DEFINE_FINAL_TYPE(TrzLockTable, trz_lock_table, GTK_TYPE_BOX)

static guint located_signal;

static void fill(TrzLockTable *self)
{
    self->stale = false;
    g_list_store_remove_all(self->store);
    const struct loaded *loaded = trz_session_get_loaded(self->session);
    if (!loaded)
        return;
    g_autoptr(GArray) rows = lock_table_new(loaded->timeline);
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_object_unref);
    for (unsigned i = 0; i < rows->len; i++)
        g_ptr_array_add(items, trz_lock_item_new(&g_array_index(rows, struct lock_row, i)));
    g_list_store_splice(self->store, 0, 0, items->pdata, items->len);
}

static void state_changed(TrzLockTable *self)
{
    g_list_store_remove_all(self->store);
    self->stale = true;
    if (gtk_widget_get_mapped(GTK_WIDGET(self)))
        fill(self);
}

static void trz_lock_table_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(trz_lock_table_parent_class)->map(widget);
    if (TRZ_LOCK_TABLE(widget)->stale)
        fill(TRZ_LOCK_TABLE(widget));
}

static void activated(GtkColumnView *view, guint position, TrzLockTable *self)
{
    g_autoptr(TrzLockItem) item =
        g_list_model_get_item(G_LIST_MODEL(gtk_column_view_get_model(view)), position);
    if (!item || !trz_lock_item_get(item)->has_worst)
        return;
    trz_session_set_focus(self->session, trz_lock_item_get(item)->worst);
    g_signal_emit(self, located_signal, 0);
}

static void setup_cell(GtkSignalListItemFactory *factory, GtkListItem *item, gpointer column)
{
    (void)factory;
    GtkWidget *label = gtk_label_new(NULL);
    bool text = lock_column_is_text(GPOINTER_TO_INT(column));
    gtk_label_set_xalign(GTK_LABEL(label), text ? 0 : 1);
    gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
    gtk_list_item_set_child(item, label);
}

static void bind_cell(GtkSignalListItemFactory *factory, GtkListItem *item, gpointer column)
{
    (void)factory;
    const struct lock_row *row = trz_lock_item_get(gtk_list_item_get_item(item));
    g_autofree char *text = lock_row_text(row, GPOINTER_TO_INT(column));
    gtk_label_set_text(GTK_LABEL(gtk_list_item_get_child(item)), text);
}

static int compare(gconstpointer a, gconstpointer b, gpointer column)
{
    return lock_row_compare(
        trz_lock_item_get((TrzLockItem *)a), trz_lock_item_get((TrzLockItem *)b), GPOINTER_TO_INT(column));
}

static GtkColumnViewColumn *add_column(GtkWidget *view, enum lock_column column)
{
    GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
    g_signal_connect(factory, "setup", G_CALLBACK(setup_cell), GINT_TO_POINTER(column));
    g_signal_connect(factory, "bind", G_CALLBACK(bind_cell), GINT_TO_POINTER(column));
    GtkColumnViewColumn *made = gtk_column_view_column_new(lock_column_title(column), factory);
    g_autoptr(GtkSorter) sorter = GTK_SORTER(gtk_custom_sorter_new(compare, GINT_TO_POINTER(column), NULL));
    gtk_column_view_column_set_sorter(made, sorter);
    gtk_column_view_column_set_resizable(made, true);
    gtk_column_view_column_set_expand(made, column == LOCK_NAME);
    gtk_column_view_append_column(GTK_COLUMN_VIEW(view), made);
    g_object_unref(made);
    return made;
}

void trz_lock_table_set_dark(TrzLockTable *self, bool dark)
{
    self->dark = dark;
}

void trz_lock_table_draw(TrzLockTable *self, cairo_t *cr)
{
    GListModel *model = G_LIST_MODEL(gtk_column_view_get_model(GTK_COLUMN_VIEW(self->view)));
    g_autoptr(GArray) rows = g_array_new(false, false, sizeof(struct lock_row));
    for (guint i = 0; i < g_list_model_get_n_items(model); i++) {
        g_autoptr(TrzLockItem) item = g_list_model_get_item(model, i);
        g_array_append_vals(rows, trz_lock_item_get(item), 1);
    }
    struct paint paint;
    paint_init(&paint, cr, self->dark ? &theme_dark : &theme_light);
    draw_table(&paint, rows, gtk_widget_get_width(GTK_WIDGET(self)), gtk_widget_get_height(GTK_WIDGET(self)));
    paint_done(&paint);
}

void trz_lock_table_focus(TrzLockTable *self)
{
    gtk_widget_grab_focus(self->view);
}

static void trz_lock_table_dispose(GObject *object)
{
    g_clear_object(&TRZ_LOCK_TABLE(object)->session);
    G_OBJECT_CLASS(trz_lock_table_parent_class)->dispose(object);
}

static void trz_lock_table_class_init(TrzLockTableClass *class)
{
    G_OBJECT_CLASS(class)->dispose = trz_lock_table_dispose;
    GTK_WIDGET_CLASS(class)->map = trz_lock_table_map;
    located_signal =
        g_signal_new("located", TRZ_TYPE_LOCK_TABLE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void trz_lock_table_init(TrzLockTable *self)
{
    self->store = g_list_store_new(TRZ_TYPE_LOCK_ITEM);
    self->view = gtk_column_view_new(NULL);
    GtkColumnViewColumn *waited = NULL;
    for (int i = 0; i < LOCK_COLUMNS; i++) {
        GtkColumnViewColumn *column = add_column(self->view, i);
        if (i == LOCK_WAIT_TIME)
            waited = column;
    }
    GtkSorter *sorter = gtk_column_view_get_sorter(GTK_COLUMN_VIEW(self->view));
    GtkSortListModel *sorted = gtk_sort_list_model_new(G_LIST_MODEL(self->store), g_object_ref(sorter));
    GtkSingleSelection *selection = gtk_single_selection_new(G_LIST_MODEL(sorted));
    gtk_column_view_set_model(GTK_COLUMN_VIEW(self->view), GTK_SELECTION_MODEL(selection));
    g_object_unref(selection);
    gtk_column_view_sort_by_column(GTK_COLUMN_VIEW(self->view), waited, GTK_SORT_DESCENDING);
    gtk_column_view_set_show_row_separators(GTK_COLUMN_VIEW(self->view), true);
    g_signal_connect(self->view, "activate", G_CALLBACK(activated), self);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->view), GTK_ACCESSIBLE_PROPERTY_LABEL, "Table of locks", -1);
    GtkWidget *scrolled = gtk_scrolled_window_new();
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), self->view);
    gtk_widget_set_hexpand(scrolled, true);
    gtk_widget_set_vexpand(scrolled, true);
    gtk_box_append(GTK_BOX(self), scrolled);
}

GtkWidget *trz_lock_table_new(TrzSession *session)
{
    TrzLockTable *self = g_object_new(TRZ_TYPE_LOCK_TABLE, NULL);
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "state-changed", G_CALLBACK(state_changed), self, G_CONNECT_SWAPPED);
    return GTK_WIDGET(self);
}
