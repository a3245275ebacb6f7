// SPDX-License-Identifier: MIT
// The desktop's list of recent files, as far as they were opened with this application.
#include "trz_welcome.h"

#include "trz_window.h"

#define APPLICATION "trenza-gui"
#define RECENT_MAX 8

struct _TrzWelcome {
    GtkBox parent_instance;
    GtkWidget *recent; // list box
    GtkWidget *heading;
};

G_DEFINE_FINAL_TYPE(TrzWelcome, trz_welcome, GTK_TYPE_BOX)

void trz_welcome_remember(GFile *file)
{
    g_autofree char *uri = g_file_get_uri(file);
    GtkRecentData data = {
        .mime_type = (char *)"application/x-trenza-trace",
        .app_name = (char *)APPLICATION,
        .app_exec = (char *)APPLICATION " %u",
    };
    gtk_recent_manager_add_full(gtk_recent_manager_get_default(), uri, &data);
}

static void row_activated(GtkListBox *list, GtkListBoxRow *row, TrzWelcome *self)
{
    (void)list;
    g_autoptr(GFile) file = g_file_new_for_uri(g_object_get_data(G_OBJECT(row), "uri"));
    trz_window_open(TRZ_WINDOW(gtk_widget_get_root(GTK_WIDGET(self))), file);
}

static void add_row(TrzWelcome *self, GtkRecentInfo *info)
{
    GtkWidget *row = gtk_list_box_row_new();
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 1);
    g_autofree char *path = gtk_recent_info_get_uri_display(info);
    GtkWidget *name = gtk_label_new(gtk_recent_info_get_display_name(info));
    GtkWidget *where = gtk_label_new(path);
    gtk_label_set_xalign(GTK_LABEL(name), 0);
    gtk_label_set_xalign(GTK_LABEL(where), 0);
    gtk_label_set_ellipsize(GTK_LABEL(where), PANGO_ELLIPSIZE_START);
    gtk_widget_add_css_class(where, "dim-label");
    gtk_widget_add_css_class(box, "recent");
    gtk_box_append(GTK_BOX(box), name);
    gtk_box_append(GTK_BOX(box), where);
    gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), box);
    g_object_set_data_full(G_OBJECT(row), "uri", g_strdup(gtk_recent_info_get_uri(info)), g_free);
    gtk_list_box_append(GTK_LIST_BOX(self->recent), row);
}

static int by_visit(gconstpointer a, gconstpointer b)
{
    return g_date_time_compare(
        gtk_recent_info_get_visited((GtkRecentInfo *)b), gtk_recent_info_get_visited((GtkRecentInfo *)a));
}

static void fill(TrzWelcome *self)
{
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(self->recent)))
        gtk_list_box_remove(GTK_LIST_BOX(self->recent), child);
    GList *items = g_list_sort(gtk_recent_manager_get_items(gtk_recent_manager_get_default()), by_visit);
    int n = 0;
    for (GList *at = items; at; at = at->next)
        if (n < RECENT_MAX && gtk_recent_info_has_application(at->data, APPLICATION) &&
            gtk_recent_info_exists(at->data)) {
            add_row(self, at->data);
            n++;
        }
    g_list_free_full(items, (GDestroyNotify)gtk_recent_info_unref);
    gtk_widget_set_visible(self->recent, n > 0);
    gtk_widget_set_visible(self->heading, n > 0);
}

static void trz_welcome_map(GtkWidget *widget)
{
    fill(TRZ_WELCOME(widget));
    GTK_WIDGET_CLASS(trz_welcome_parent_class)->map(widget);
}

static void trz_welcome_class_init(TrzWelcomeClass *class)
{
    GTK_WIDGET_CLASS(class)->map = trz_welcome_map;
}

static GtkWidget *add_label(TrzWelcome *self, const char *text, const char *class)
{
    GtkWidget *label = gtk_label_new(text);
    gtk_label_set_wrap(GTK_LABEL(label), true);
    if (class)
        gtk_widget_add_css_class(label, class);
    gtk_box_append(GTK_BOX(self), label);
    return label;
}

static void trz_welcome_init(TrzWelcome *self)
{
    gtk_orientable_set_orientation(GTK_ORIENTABLE(self), GTK_ORIENTATION_VERTICAL);
    gtk_box_set_spacing(GTK_BOX(self), 12);
    gtk_widget_set_valign(GTK_WIDGET(self), GTK_ALIGN_CENTER);
    gtk_widget_set_halign(GTK_WIDGET(self), GTK_ALIGN_CENTER);
    add_label(self, "See how threads cross", "title-1");
    add_label(self, "Record a program, then open its trace here, or drop it on this window.", NULL);
    GtkWidget *command = add_label(self, "trenza record -- ./your-program", "source");
    gtk_label_set_selectable(GTK_LABEL(command), true);
    gtk_widget_set_focusable(command, false); // else it would be selected whole at first
    GtkWidget *button = gtk_button_new_with_mnemonic("_Open a trace …");
    gtk_widget_add_css_class(button, "suggested-action");
    gtk_widget_set_halign(button, GTK_ALIGN_CENTER);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "win.open");
    gtk_box_append(GTK_BOX(self), button);
    self->heading = add_label(self, "Recent", "dim-label");
    self->recent = gtk_list_box_new();
    gtk_list_box_set_selection_mode(GTK_LIST_BOX(self->recent), GTK_SELECTION_NONE);
    gtk_widget_set_size_request(self->recent, 420, -1);
    gtk_widget_add_css_class(self->recent, "frame");
    g_signal_connect(self->recent, "row-activated", G_CALLBACK(row_activated), self);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->recent), GTK_ACCESSIBLE_PROPERTY_LABEL, "Recent traces", -1);
    gtk_box_append(GTK_BOX(self), self->recent);
}

GtkWidget *trz_welcome_new(void)
{
    return g_object_new(TRZ_TYPE_WELCOME, NULL);
}
