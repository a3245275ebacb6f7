// SPDX-License-Identifier: MIT
// A window to drag files from, as a file manager is: drag_source FILE... Whatever is pressed in it begins a drag.
#include <gtk/gtk.h>

static void activate(GtkApplication *application, GdkFileList *files)
{
    GtkWidget *window = gtk_application_window_new(application);
    GtkWidget *label = gtk_label_new("drag me");
    GtkDragSource *source = gtk_drag_source_new();
    GdkContentProvider *content = gdk_content_provider_new_typed(GDK_TYPE_FILE_LIST, files);
    gtk_drag_source_set_content(source, content);
    gtk_drag_source_set_actions(source, GDK_ACTION_COPY);
    gtk_widget_add_controller(label, GTK_EVENT_CONTROLLER(source));
    gtk_window_set_child(GTK_WINDOW(window), label);
    gtk_window_set_title(GTK_WINDOW(window), "Source of files");
    gtk_window_set_default_size(GTK_WINDOW(window), 180, 120);
    gtk_window_present(GTK_WINDOW(window));
    g_object_unref(content);
}

int main(int argc, char **argv)
{
    g_autoptr(GtkApplication) application =
        gtk_application_new("org.trenza.DragSource", G_APPLICATION_NON_UNIQUE);
    GSList *files = NULL;
    for (int i = argc; i-- > 1;)
        files = g_slist_prepend(files, g_file_new_for_commandline_arg(argv[i]));
    GdkFileList *list = gdk_file_list_new_from_list(files);
    g_signal_connect(application, "activate", G_CALLBACK(activate), list);
    return g_application_run(G_APPLICATION(application), 1, argv);
}
