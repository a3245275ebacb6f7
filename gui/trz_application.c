// SPDX-License-Identifier: MIT
// Options first: with --render nothing of GTK is started, as there may be no display.
#include "trz_application.h"

#include <stdio.h>

#include "render.h"
#include "settings.h"
#include "style.h"
#include "trz_window.h"

struct _TrzApplication {
    GtkApplication parent_instance;
};

G_DEFINE_FINAL_TYPE(TrzApplication, trz_application, GTK_TYPE_APPLICATION)

#define EXIT_TROUBLE 125 // as the other commands

static const GOptionEntry entries[] = {
    { "render", 0, 0, G_OPTION_ARG_FILENAME, NULL,
        "draw into a file (.png, .svg, .pdf) instead of opening a window", "FILE" },
    { "view", 0, 0, G_OPTION_ARG_STRING, NULL,
        "what to draw: timeline (default), locks, graph, table, witness", "VIEW" },
    { "finding", 0, 0, G_OPTION_ARG_STRING, NULL,
        "the finding to show, by the beginning of its id; `none` for none", "ID" },
    { "from", 0, 0, G_OPTION_ARG_STRING, NULL, "where to begin, as in 12.5ms", "TIME" },
    { "to", 0, 0, G_OPTION_ARG_STRING, NULL, "where to end", "TIME" },
    { "size", 0, 0, G_OPTION_ARG_STRING, NULL, "of the picture, in pixels (default 1600x900)", "WxH" },
    { "dark", 0, 0, G_OPTION_ARG_NONE, NULL, "in dark colours", NULL },
    { "with", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, NULL,
        "compare with another run of the program: what they give together is found, too", "TRACE" },
    { "follow", 0, 0, G_OPTION_ARG_NONE, NULL, "keep up with a trace that is being recorded", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, NULL, "print the version", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, NULL, NULL, "[TRACE]" },
    { NULL },
};

static int render(GVariantDict *options, char **traces)
{
    struct render_options render_options = { 0 };
    g_variant_dict_lookup(options, "render", "^&ay", &render_options.output);
    g_variant_dict_lookup(options, "view", "&s", &render_options.view);
    g_variant_dict_lookup(options, "finding", "&s", &render_options.finding);
    g_variant_dict_lookup(options, "from", "&s", &render_options.from);
    g_variant_dict_lookup(options, "to", "&s", &render_options.to);
    g_variant_dict_lookup(options, "size", "&s", &render_options.size);
    gboolean dark = false;
    g_autofree const char **with = NULL;
    g_variant_dict_lookup(options, "dark", "b", &dark);
    g_variant_dict_lookup(options, "with", "^a&ay", &with);
    render_options.dark = dark;
    render_options.with = (const char *const *)with;
    g_autoptr(GError) error = NULL;
    if (!traces || !traces[0] || traces[1]) {
        fprintf(stderr, "trenza-gui: --render needs one trace\n");
        return EXIT_TROUBLE;
    }
    if (render_file(traces[0], &render_options, &error))
        return 0;
    fprintf(stderr, "trenza-gui: %s\n", error->message);
    return EXIT_TROUBLE;
}

static int trz_application_handle_local_options(GApplication *application, GVariantDict *options)
{
    g_autofree char **traces = NULL;
    (void)application;
    if (g_variant_dict_contains(options, "version")) {
        printf("trenza-gui %s\n", TRENZA_VERSION);
        return 0;
    }
    g_variant_dict_lookup(options, G_OPTION_REMAINING, "^a&ay", &traces);
    if (g_variant_dict_contains(options, "render"))
        return render(options, traces);
    return -1;
}

static TrzWindow *find_empty_window(GtkApplication *application)
{
    for (GList *at = gtk_application_get_windows(application); at; at = at->next)
        if (TRZ_IS_WINDOW(at->data) && trz_window_is_empty(at->data))
            return at->data;
    return trz_window_new(application);
}

static void trz_application_activate(GApplication *application)
{
    gtk_window_present(GTK_WINDOW(find_empty_window(GTK_APPLICATION(application))));
}

// Of the traces to compare with; NULL: none. They are given as from where the caller is.
static GStrv absolute_paths(GVariantDict *options, GApplicationCommandLine *line)
{
    g_autofree const char **given = NULL;
    if (!g_variant_dict_lookup(options, "with", "^a&ay", &given))
        return NULL;
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    for (size_t i = 0; given[i]; i++) {
        g_autoptr(GFile) file = g_application_command_line_create_file_for_arg(line, given[i]);
        g_autofree char *path = g_file_get_path(file);
        g_strv_builder_add(paths, path ? path : given[i]);
    }
    return g_strv_builder_end(paths);
}

static int trz_application_command_line(GApplication *application, GApplicationCommandLine *line)
{
    g_autofree const char **traces = NULL;
    GVariantDict *options = g_application_command_line_get_options_dict(line);
    g_variant_dict_lookup(options, G_OPTION_REMAINING, "^a&ay", &traces);
    gboolean follow = false;
    g_variant_dict_lookup(options, "follow", "b", &follow);
    g_auto(GStrv) with = absolute_paths(options, line);
    for (size_t i = 0; traces && traces[i]; i++) {
        g_autoptr(GFile) file = g_application_command_line_create_file_for_arg(line, traces[i]);
        TrzWindow *window = find_empty_window(GTK_APPLICATION(application));
        trz_window_compare(window, (const char *const *)with);
        trz_window_open(window, file);
        trz_window_follow(window, follow);
        gtk_window_present(GTK_WINDOW(window));
    }
    if (!traces || !traces[0])
        g_application_activate(application);
    return 0;
}

static void new_window(GSimpleAction *action, GVariant *parameter, void *data)
{
    (void)action;
    (void)parameter;
    gtk_window_present(GTK_WINDOW(trz_window_new(data)));
}

static void quit(GSimpleAction *action, GVariant *parameter, void *data)
{
    (void)action;
    (void)parameter;
    GList *windows = g_list_copy(gtk_application_get_windows(data));
    for (GList *at = windows; at; at = at->next)
        gtk_window_close(at->data);
    g_list_free(windows);
}

static void about(GSimpleAction *action, GVariant *parameter, void *data)
{
    (void)action;
    (void)parameter;
    gtk_show_about_dialog(gtk_application_get_active_window(data), "program-name", "Trenza", "version",
        TRENZA_VERSION, "comments", "See how threads cross, and where they can knot.", "license-type",
        GTK_LICENSE_MIT_X11, "logo-icon-name", "org.trenza.Trenza", NULL);
}

struct shortcut {
    const char *action; // NULL: a key of the timeline, only told
    const char *key;
    const char *title;
    const char *group; // begins with this one; NULL: as the one before
};
// Groups are columns of the shortcuts' window, two beside each other: they and their texts must fit a small screen.
static const struct shortcut shortcuts[] = {
    { "win.open", "<Control>o", "Open a trace", "Window" },
    { "win.reload", "<Control>r", "Read the trace again", NULL },
    { "win.follow", "F8", "Follow a recording as it grows", NULL },
    { "win.compare", "<Control>m", "Compare with another run", NULL },
    { "win.export", "<Control>e", "Export the picture", NULL },
    { "app.new-window", "<Control>n", "New window", NULL },
    { "window.close", "<Control>w", "Close the window", NULL },
    { "app.quit", "<Control>q", "Quit", NULL },
    { "app.shortcuts", "<Control>question", "These keys", NULL },
    { "win.view::timeline", "<Alt>1", "Threads", "Views" },
    { "win.view::locks", "<Alt>2", "Locks", NULL },
    { "win.view::graph", "<Alt>3", "Graph of locks", NULL },
    { "win.view::table", "<Alt>4", "Table of locks", NULL },
    { "win.search", "<Control>l", "Find a thread, lock, function", NULL },
    { "win.sidebar", "F9", "Show or hide the findings", NULL },
    { "win.find", "<Control>f", "Filter the findings", "Findings" },
    { "win.next-step", "<Alt>Down", "Next step of the finding", NULL },
    { "win.previous-step", "<Alt>Up", "Previous step of the finding", NULL },
    { "win.witness-next", "<Alt>Right", "Next step of the witness", NULL },
    { "win.witness-previous", "<Alt>Left", "Previous step of the witness", NULL },
    { NULL, "plus", "Zoom in (or Ctrl and the wheel)", "Time" },
    { NULL, "minus", "Zoom out", NULL },
    { NULL, "f", "The whole trace", NULL },
    { NULL, "m", "Measure: the event, then up to another", NULL },
    { NULL, "z", "To the selection (drag on the ruler)", NULL },
    { NULL, "Escape", "Drop the selection", NULL },
    { NULL, "Home", "The beginning", NULL },
    { NULL, "End", "The end", NULL },
    { NULL, "<Shift>Left", "Earlier", NULL },
    { NULL, "<Shift>Right", "Later", NULL },
    { NULL, "Left", "Previous event in the lane", "Events" },
    { NULL, "Right", "Next event in the lane", NULL },
    { NULL, "<Control>Left", "Previous event of the lock", NULL },
    { NULL, "<Control>Right", "Next event of the lock", NULL },
    { NULL, "comma", "Previous event of any thread", NULL },
    { NULL, "period", "Next event of any thread", NULL },
    { NULL, "Up", "Lane above", NULL },
    { NULL, "Down", "Lane below", NULL },
    { NULL, "o", "From who waits to the owner", NULL },
};

// Shortcut windows can be made from a description only; this one has a line for each shortcut.
static void show_shortcuts(GSimpleAction *action, GVariant *parameter, void *data)
{
    (void)action;
    (void)parameter;
    g_autoptr(GString) xml = g_string_new(
        "<interface><object class='GtkShortcutsWindow' id='w'><property name='modal'>1</property>"
        "<child><object class='GtkShortcutsSection'><property name='section-name'>s</property><property "
        "name='max-height'>10</property>");
    for (size_t i = 0; i < G_N_ELEMENTS(shortcuts); i++) {
        if (shortcuts[i].group)
            g_string_append_printf(xml,
                "%s<child><object class='GtkShortcutsGroup'><property name='title'>%s</property>",
                i ? "</object></child>" : "", shortcuts[i].group);
        g_autofree char *line =
            g_markup_printf_escaped("<child><object class='GtkShortcutsShortcut'>"
                                    "<property name='title'>%s</property>"
                                    "<property name='accelerator'>%s</property></object></child>",
                shortcuts[i].title, shortcuts[i].key);
        g_string_append(xml, line);
    }
    g_string_append(xml, "</object></child></object></child></object></interface>");
    g_autoptr(GtkBuilder) builder = gtk_builder_new_from_string(xml->str, -1);
    GtkWindow *window = GTK_WINDOW(gtk_builder_get_object(builder, "w"));
    gtk_window_set_title(window, "Shortcuts");
    gtk_window_set_transient_for(window, gtk_application_get_active_window(data));
    gtk_window_present(window);
}

static void dark_changed(GSimpleAction *action, GVariant *state, void *data)
{
    gboolean dark = g_variant_get_boolean(state);
    g_object_set(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", dark, NULL);
    g_simple_action_set_state(action, state);
    for (GList *at = gtk_application_get_windows(data); at; at = at->next)
        (dark ? gtk_widget_add_css_class : gtk_widget_remove_css_class)(at->data, "dark");
}

static void window_added(GtkApplication *application, GtkWindow *window)
{
    gboolean dark;
    GTK_APPLICATION_CLASS(trz_application_parent_class)->window_added(application, window);
    g_object_get(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", &dark, NULL);
    if (dark)
        gtk_widget_add_css_class(GTK_WIDGET(window), "dark");
}

static void load_style(void)
{
    GtkCssProvider *provider = gtk_css_provider_new();
    gtk_css_provider_load_from_data(provider, style_css, -1);
    gtk_style_context_add_provider_for_display(
        gdk_display_get_default(), GTK_STYLE_PROVIDER(provider), GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
    g_object_unref(provider);
}

static void trz_application_startup(GApplication *application)
{
    static const GActionEntry actions[] = {
        { .name = "new-window", .activate = new_window },
        { .name = "quit", .activate = quit },
        { .name = "about", .activate = about },
        { .name = "shortcuts", .activate = show_shortcuts },
    };
    G_APPLICATION_CLASS(trz_application_parent_class)->startup(application);
    load_style();
    gtk_window_set_default_icon_name("org.trenza.Trenza");
    struct settings settings;
    settings_load(&settings);
    if (settings.dark_chosen)
        g_object_set(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", settings.dark, NULL);
    settings_done(&settings);
    gboolean dark;
    g_object_get(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", &dark, NULL);
    g_action_map_add_action_entries(G_ACTION_MAP(application), actions, G_N_ELEMENTS(actions), application);
    g_autoptr(GSimpleAction) dark_action =
        g_simple_action_new_stateful("dark", NULL, g_variant_new_boolean(dark));
    g_signal_connect(dark_action, "change-state", G_CALLBACK(dark_changed), application);
    g_action_map_add_action(G_ACTION_MAP(application), G_ACTION(dark_action));
    for (size_t i = 0; i < G_N_ELEMENTS(shortcuts); i++)
        if (shortcuts[i].action)
            gtk_application_set_accels_for_action(GTK_APPLICATION(application), shortcuts[i].action,
                (const char *[]){ shortcuts[i].key, NULL });
}

static void trz_application_class_init(TrzApplicationClass *class)
{
    GApplicationClass *application_class = G_APPLICATION_CLASS(class);
    application_class->handle_local_options = trz_application_handle_local_options;
    application_class->activate = trz_application_activate;
    application_class->command_line = trz_application_command_line;
    application_class->startup = trz_application_startup;
    GTK_APPLICATION_CLASS(class)->window_added = window_added;
}

static void trz_application_init(TrzApplication *application)
{
    g_application_add_main_option_entries(G_APPLICATION(application), entries);
    g_application_set_option_context_parameter_string(G_APPLICATION(application), "[TRACE...]");
    g_application_set_option_context_summary(
        G_APPLICATION(application), "See how the threads of a recorded program cross.");
}

TrzApplication *trz_application_new(void)
{
    return g_object_new(TRZ_TYPE_APPLICATION, "application-id", "org.trenza.Trenza", "flags",
        G_APPLICATION_HANDLES_COMMAND_LINE, NULL);
}
