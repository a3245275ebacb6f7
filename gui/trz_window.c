// SPDX-License-Identifier: MIT
// Puts the widgets of a session together: the findings and their story at the side, the views beside them; or a word of welcome, the
// progress of loading, or what went wrong.
#include "trz_window.h"

#include "call_stack.h"
#include "render.h"
#include "settings.h"
#include "trz_dialog.h"
#include "trz_finding_list.h"
#include "trz_session.h"
#include "trz_story.h"
#include "trz_views.h"
#include "trz_welcome.h"

#define PROGRESS_MS 80

struct _TrzWindow {
    GtkApplicationWindow parent_instance;
    TrzSession *session;
    struct settings settings;
    GtkWidget *pages; // "welcome", "loading", "failed", "trace"
    GtkWidget *title;
    GtkWidget *switcher;
    GtkWidget *progress;
    GtkWidget *cancel;  // button
    GtkWidget *failure; // label
    GtkWidget *list;
    GtkWidget *views;
    GtkWidget *side;    // paned: list above, story below
    GtkWidget *divided; // paned: side, views
    GtkWidget *status;
    GtkWidget *welcome;
    GtkWidget *search; // entry
    guint progress_source;
    enum trz_session_state shown_state;
};

enum { PROPERTY_NONE, PROPERTY_FOLLOW, PROPERTIES };
static GParamSpec *properties[PROPERTIES];

G_DEFINE_FINAL_TYPE(TrzWindow, trz_window, GTK_TYPE_APPLICATION_WINDOW)

// --- states ---

static gboolean show_progress(gpointer data)
{
    TrzWindow *self = data;
    gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(self->progress), trz_session_get_progress(self->session));
    return G_SOURCE_CONTINUE;
}

static void watch_progress(TrzWindow *self, bool watch)
{
    if (watch && !self->progress_source)
        self->progress_source = g_timeout_add(PROGRESS_MS, show_progress, self);
    else if (!watch)
        g_clear_handle_id(&self->progress_source, g_source_remove);
    show_progress(self);
}

static void show_summary(TrzWindow *self)
{
    // While it is read anew there is none, and the pointer may leave a view that goes.
    const struct loaded *loaded = trz_session_get_loaded(self->session);
    if (!loaded)
        return;
    const struct model *model = loaded->file->model;
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%" G_GUINT64_FORMAT " events of %u thread%s on %u object%s",
        model->n_events, model->n_threads, model->n_threads == 1 ? "" : "s", model->n_objects,
        model->n_objects == 1 ? "" : "s");
    if (trz_session_is_following(self->session))
        g_string_append(text, " so far; followed as it is recorded");
    else if (!model->complete)
        g_string_append(text, "; the recording was not closed in order, or goes on");
    bool ready = trz_session_get_state(self->session) == TRZ_SESSION_READY;
    char **others = loaded->other_paths;
    if (ready && loaded->not_compared)
        g_string_append_printf(text, "; not compared: %s", loaded->not_compared);
    for (size_t i = 0; !(ready && loaded->not_compared) && others && others[i]; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "; compared with ", path_base(others[i]));
    if (model->n_lost)
        g_string_append_printf(text, "; %" G_GUINT64_FORMAT " events were lost", model->n_lost);
    if (trz_session_get_state(self->session) == TRZ_SESSION_READY &&
        trz_session_get_loaded(self->session)->result->left_out)
        g_string_append(text, "; a bound was reached: there may be more to find");
    gtk_label_set_text(GTK_LABEL(self->status), text->str);
}

static void show_title(TrzWindow *self)
{
    const char *path = trz_session_get_path(self->session);
    const struct loaded *loaded = trz_session_get_loaded(self->session);
    g_autofree char *command = loaded ? g_strjoinv(" ", loaded->file->model->command_line) : NULL;
    g_autofree char *title = !path ? g_strdup("Trenza")
                             : command && *command
                                 ? g_strdup_printf("%s – %s", path_base(path), path_base(command))
                                 : g_strdup(path_base(path));
    g_strdelimit(title, "\n\t", ' '); // a command may hold a script
    gtk_window_set_title(GTK_WINDOW(self), title);
    gtk_label_set_text(GTK_LABEL(self->title), path ? path_base(path) : "Trenza");
    gtk_widget_set_tooltip_text(self->title, path ? title : NULL);
}

static void state_changed(TrzWindow *self)
{
    enum trz_session_state state = trz_session_get_state(self->session);
    static const char *const pages[] = { "welcome", "loading", "failed", "trace", "trace" };
    watch_progress(self, state == TRZ_SESSION_LOADING);
    if (state == TRZ_SESSION_FAILED)
        gtk_label_set_text(GTK_LABEL(self->failure), trz_session_get_error(self->session));
    else if (state >= TRZ_SESSION_ANALYSING)
        show_summary(self);
    show_title(self);
    gtk_stack_set_visible_child_name(GTK_STACK(self->pages), pages[state]);
    if (state == TRZ_SESSION_LOADING)
        gtk_widget_grab_focus(self->cancel);
    gtk_widget_set_visible(self->switcher, state >= TRZ_SESSION_ANALYSING);
    gtk_widget_set_visible(self->search, state >= TRZ_SESSION_ANALYSING);
    if (state == TRZ_SESSION_ANALYSING && self->shown_state != TRZ_SESSION_READY) {
        g_autoptr(GFile) file = g_file_new_for_path(trz_session_get_path(self->session));
        trz_welcome_remember(file);
        trz_views_focus(TRZ_VIEWS(self->views));
    }
    self->shown_state = state;
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROPERTY_FOLLOW]);
}

static void hovered(TrzWindow *self, const char *text)
{
    if (*text)
        gtk_label_set_text(GTK_LABEL(self->status), text);
    else
        show_summary(self);
}

static void theme_changed(TrzWindow *self)
{
    gboolean dark;
    g_object_get(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", &dark, NULL);
    trz_views_set_dark(TRZ_VIEWS(self->views), dark);
}

// --- opening ---

void trz_window_open(TrzWindow *self, GFile *file)
{
    g_autofree char *path = g_file_get_path(file);
    if (!path)
        return;
    trz_session_open(self->session, path);
}

void trz_window_follow(TrzWindow *self, bool follow)
{
    trz_session_follow(self->session, follow);
    if (trz_session_get_state(self->session) >= TRZ_SESSION_ANALYSING)
        show_summary(self);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROPERTY_FOLLOW]);
}

void trz_window_compare(TrzWindow *self, const char *const *others)
{
    trz_session_compare(self->session, others);
}

bool trz_window_is_empty(TrzWindow *self)
{
    enum trz_session_state state = trz_session_get_state(self->session);
    return state == TRZ_SESSION_EMPTY || state == TRZ_SESSION_FAILED;
}

TrzSession *trz_window_get_session(TrzWindow *self)
{
    return self->session;
}

static void open_chosen(GtkWindow *window, GFile *file)
{
    trz_window_open(TRZ_WINDOW(window), file);
}

static void open_dialog(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    (void)parameter;
    trz_dialog_open(GTK_WINDOW(widget), "Open a trace", open_chosen);
}

static void other_run_chosen(GtkWindow *window, GFile *file)
{
    g_autofree char *path = g_file_get_path(file);
    trz_window_compare(TRZ_WINDOW(window), (const char *const[]){ path, NULL });
}

static void compare_dialog(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    (void)parameter;
    if (trz_session_get_state(TRZ_WINDOW(widget)->session) >= TRZ_SESSION_ANALYSING)
        trz_dialog_open(GTK_WINDOW(widget), "Compare with another run", other_run_chosen);
}

static void reload(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    (void)parameter;
    TrzWindow *self = TRZ_WINDOW(widget);
    if (trz_session_get_path(self->session))
        trz_session_open(self->session, trz_session_get_path(self->session));
}

// The first one here, each other one in a window of its own.
static gboolean dropped(GtkDropTarget *target, const GValue *value, double x, double y, TrzWindow *self)
{
    (void)target;
    (void)x;
    (void)y;
    GSList *files = gdk_file_list_get_files(g_value_get_boxed(value));
    for (GSList *at = files; at; at = at->next) {
        TrzWindow *window = at == files ? self : trz_window_new(gtk_window_get_application(GTK_WINDOW(self)));
        trz_window_open(window, at->data);
        gtk_window_present(GTK_WINDOW(window));
    }
    g_slist_free(files);
    return files != NULL;
}

// --- export ---

static void export_to(GtkWindow *window, GFile *file)
{
    TrzWindow *self = TRZ_WINDOW(window);
    g_autofree char *path = g_file_get_path(file);
    g_autoptr(GError) error = NULL;
    double width;
    double height;
    trz_views_get_size(TRZ_VIEWS(self->views), &width, &height);
    bool done = render_to(path, width, height, trz_views_draw, self->views, &error);
    g_autofree char *text = done ? g_strdup_printf("Written: %s", path) : g_strdup(error->message);
    gtk_label_set_text(GTK_LABEL(self->status), text);
}

static void export_dialog(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    (void)parameter;
    if (trz_session_get_state(TRZ_WINDOW(widget)->session) >= TRZ_SESSION_ANALYSING)
        trz_dialog_save(GTK_WINDOW(widget), "Export the picture", "trenza.png", export_to);
}

// --- other actions ---

static void focus_filter(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    (void)parameter;
    trz_finding_list_focus_filter(TRZ_FINDING_LIST(TRZ_WINDOW(widget)->list));
}

static void toggle_sidebar(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    (void)parameter;
    GtkWidget *side = TRZ_WINDOW(widget)->side;
    gtk_widget_set_visible(side, !gtk_widget_get_visible(side));
}

static void show_view(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    TrzViews *views = TRZ_VIEWS(TRZ_WINDOW(widget)->views);
    trz_views_show(views, g_variant_get_string(parameter, NULL));
    trz_views_focus(views);
}

static void step(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)parameter;
    TrzWindow *self = TRZ_WINDOW(widget);
    const struct finding *finding = trz_session_get_finding(self->session);
    unsigned at = trz_session_get_step(self->session);
    if (!finding)
        return;
    if (g_str_equal(action, "win.next-step"))
        trz_session_choose_step(self->session, MIN(at + 1, finding->steps->len));
    else
        trz_session_choose_step(self->session, at > 1 ? at - 1 : 1);
}

static void step_witness(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)parameter;
    TrzSession *session = TRZ_WINDOW(widget)->session;
    unsigned done = trz_session_get_witness_step(session);
    trz_session_set_witness_step(
        session, g_str_equal(action, "win.witness-next") ? done + 1 : done - (done > 0));
}

static void cancel(TrzWindow *self)
{
    trz_session_cancel(self->session);
}

static void leave_search(TrzWindow *self)
{
    trz_views_focus(TRZ_VIEWS(self->views));
}

// --- building ---

static GtkWidget *make_message_page(const char *icon, const char *title, GtkWidget **ret_label)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 14);
    gtk_widget_set_valign(box, GTK_ALIGN_CENTER);
    gtk_widget_set_halign(box, GTK_ALIGN_CENTER);
    GtkWidget *image = gtk_image_new_from_icon_name(icon);
    gtk_image_set_pixel_size(GTK_IMAGE(image), 64);
    gtk_widget_add_css_class(image, "dim-label");
    gtk_box_append(GTK_BOX(box), image);
    GtkWidget *heading = gtk_label_new(title);
    gtk_widget_add_css_class(heading, "title-2");
    gtk_box_append(GTK_BOX(box), heading);
    *ret_label = gtk_label_new(NULL);
    gtk_label_set_wrap(GTK_LABEL(*ret_label), true);
    gtk_label_set_max_width_chars(GTK_LABEL(*ret_label), 60);
    gtk_label_set_justify(GTK_LABEL(*ret_label), GTK_JUSTIFY_CENTER);
    gtk_label_set_selectable(GTK_LABEL(*ret_label), true);
    gtk_widget_set_focusable(*ret_label, false);
    gtk_box_append(GTK_BOX(box), *ret_label);
    return box;
}

static GtkWidget *make_failed_page(TrzWindow *self)
{
    GtkWidget *box =
        make_message_page("dialog-warning-symbolic", "This trace cannot be shown", &self->failure);
    GtkWidget *button = gtk_button_new_with_mnemonic("_Open another …");
    gtk_widget_set_halign(button, GTK_ALIGN_CENTER);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "win.open");
    gtk_box_append(GTK_BOX(box), button);
    return box;
}

static GtkWidget *make_loading_page(TrzWindow *self)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);
    gtk_widget_set_valign(box, GTK_ALIGN_CENTER);
    gtk_widget_set_halign(box, GTK_ALIGN_CENTER);
    gtk_box_append(GTK_BOX(box), gtk_label_new("Reading the trace …"));
    self->progress = gtk_progress_bar_new();
    gtk_widget_set_size_request(self->progress, 320, -1);
    gtk_progress_bar_set_show_text(GTK_PROGRESS_BAR(self->progress), true);
    gtk_box_append(GTK_BOX(box), self->progress);
    self->cancel = gtk_button_new_with_mnemonic("_Cancel");
    gtk_widget_set_halign(self->cancel, GTK_ALIGN_CENTER);
    g_signal_connect_swapped(self->cancel, "clicked", G_CALLBACK(cancel), self);
    gtk_box_append(GTK_BOX(box), self->cancel);
    return box;
}

static GtkWidget *make_views(TrzWindow *self)
{
    self->views = trz_views_new(self->session);
    g_signal_connect_swapped(self->views, "told", G_CALLBACK(hovered), self);
    self->status = gtk_label_new(NULL);
    gtk_label_set_xalign(GTK_LABEL(self->status), 0);
    gtk_label_set_ellipsize(GTK_LABEL(self->status), PANGO_ELLIPSIZE_END);
    gtk_widget_add_css_class(self->status, "status");
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    gtk_box_append(GTK_BOX(box), self->views);
    gtk_box_append(GTK_BOX(box), self->status);
    return box;
}

static GtkWidget *make_trace_page(TrzWindow *self)
{
    self->list = trz_finding_list_new(self->session);
    self->side = gtk_paned_new(GTK_ORIENTATION_VERTICAL);
    gtk_paned_set_start_child(GTK_PANED(self->side), self->list);
    gtk_paned_set_end_child(GTK_PANED(self->side), trz_story_new(self->session));
    gtk_paned_set_position(GTK_PANED(self->side), self->settings.story);
    gtk_widget_set_size_request(self->side, 220, -1);
    gtk_widget_set_visible(self->side, self->settings.findings);
    self->divided = gtk_paned_new(GTK_ORIENTATION_HORIZONTAL);
    gtk_paned_set_start_child(GTK_PANED(self->divided), self->side);
    gtk_paned_set_resize_start_child(GTK_PANED(self->divided), false);
    gtk_paned_set_shrink_start_child(GTK_PANED(self->divided), false);
    gtk_paned_set_end_child(GTK_PANED(self->divided), make_views(self));
    gtk_paned_set_shrink_end_child(GTK_PANED(self->divided), false);
    gtk_paned_set_position(GTK_PANED(self->divided), self->settings.sidebar);
    return self->divided;
}

static GMenuModel *make_menu(void)
{
    static const char *const entries[][2] = {
        { "_Open …", "win.open" },
        { "_Reload", "win.reload" },
        { "_Follow the Recording", "win.follow" },
        { "_Compare with Another Run …", "win.compare" },
        { "_New Window", "app.new-window" },
        { "_Export Picture …", "win.export" },
        { "_Dark", "app.dark" },
        { "_Keyboard Shortcuts", "app.shortcuts" },
        { "_About Trenza", "app.about" },
    };
    GMenu *menu = g_menu_new();
    for (size_t i = 0; i < G_N_ELEMENTS(entries); i++)
        g_menu_append(menu, entries[i][0], entries[i][1]);
    return G_MENU_MODEL(menu);
}

static GtkWidget *icon_button(const char *icon, const char *name, const char *action)
{
    GtkWidget *button = gtk_button_new_from_icon_name(icon);
    gtk_widget_set_tooltip_text(button, name);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
    return button;
}

static void search(TrzWindow *self)
{
    const char *text = gtk_editable_get_text(GTK_EDITABLE(self->search));
    if (*text && !trz_views_search(TRZ_VIEWS(self->views), text))
        gtk_label_set_text(GTK_LABEL(self->status), "Nothing has this in its name");
}

static void make_search(TrzWindow *self, GtkWidget *header)
{
    self->search = gtk_search_entry_new();
    g_object_set(self->search, "placeholder-text", "Thread, lock, function", "width-chars", 16, NULL);
    gtk_widget_set_tooltip_text(
        self->search, "Enter goes to the next span with this in a name, Escape to the timeline");
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->search), GTK_ACCESSIBLE_PROPERTY_LABEL, "Search the timeline", -1);
    g_signal_connect_swapped(self->search, "activate", G_CALLBACK(search), self);
    g_signal_connect_swapped(self->search, "stop-search", G_CALLBACK(leave_search), self);
    g_signal_connect_swapped(self->search, "next-match", G_CALLBACK(search), self);
    gtk_header_bar_pack_end(GTK_HEADER_BAR(header), self->search);
}

static void focus_search(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)action;
    (void)parameter;
    gtk_widget_grab_focus(TRZ_WINDOW(widget)->search);
}

static GtkWidget *make_header(TrzWindow *self)
{
    GtkWidget *header = gtk_header_bar_new();
    self->title = gtk_label_new("Trenza");
    gtk_widget_add_css_class(self->title, "title");
    gtk_label_set_ellipsize(GTK_LABEL(self->title), PANGO_ELLIPSIZE_MIDDLE);
    gtk_header_bar_set_title_widget(GTK_HEADER_BAR(header), self->title);
    gtk_header_bar_pack_start(
        GTK_HEADER_BAR(header), icon_button("document-open-symbolic", "Open a trace", "win.open"));
    gtk_header_bar_pack_start(GTK_HEADER_BAR(header),
        icon_button("sidebar-show-symbolic", "Show or hide the findings", "win.sidebar"));
    self->switcher = gtk_stack_switcher_new();
    gtk_stack_switcher_set_stack(
        GTK_STACK_SWITCHER(self->switcher), trz_views_get_stack(TRZ_VIEWS(self->views)));
    gtk_header_bar_pack_start(GTK_HEADER_BAR(header), self->switcher);

    GtkWidget *menu = gtk_menu_button_new();
    g_autoptr(GMenuModel) model = make_menu();
    gtk_menu_button_set_icon_name(GTK_MENU_BUTTON(menu), "open-menu-symbolic");
    gtk_menu_button_set_primary(GTK_MENU_BUTTON(menu), true);
    gtk_menu_button_set_menu_model(GTK_MENU_BUTTON(menu), model);
    gtk_widget_set_tooltip_text(menu, "Main menu");
    gtk_header_bar_pack_end(GTK_HEADER_BAR(header), menu);
    make_search(self, header);
    return header;
}

static gboolean close_request(GtkWindow *window)
{
    TrzWindow *self = TRZ_WINDOW(window);
    struct settings *settings = &self->settings;
    gtk_window_get_default_size(window, &settings->width, &settings->height);
    settings->maximized = gtk_window_is_maximized(window);
    settings->findings = gtk_widget_get_visible(self->side);
    settings->sidebar = gtk_paned_get_position(GTK_PANED(self->divided));
    settings->story = gtk_paned_get_position(GTK_PANED(self->side));
    g_free(settings->view);
    settings->view = g_strdup(trz_views_get_shown(TRZ_VIEWS(self->views)));
    gboolean dark;
    g_object_get(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", &dark, NULL);
    settings->dark_chosen = settings->dark_chosen || dark != settings->dark;
    settings->dark = dark;
    settings_save(settings);
    return GTK_WINDOW_CLASS(trz_window_parent_class)->close_request(window);
}

static void trz_window_get_property(GObject *object, guint property, GValue *value, GParamSpec *spec)
{
    if (property == PROPERTY_FOLLOW)
        g_value_set_boolean(value, trz_session_is_following(TRZ_WINDOW(object)->session));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
}

static void trz_window_set_property(GObject *object, guint property, const GValue *value, GParamSpec *spec)
{
    if (property == PROPERTY_FOLLOW)
        trz_window_follow(TRZ_WINDOW(object), g_value_get_boolean(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
}

static void trz_window_dispose(GObject *object)
{
    TrzWindow *self = TRZ_WINDOW(object);
    g_clear_handle_id(&self->progress_source, g_source_remove);
    if (self->session)
        g_signal_handlers_disconnect_by_data(self->session, self);
    g_clear_object(&self->session);
    settings_done(&self->settings);
    G_OBJECT_CLASS(trz_window_parent_class)->dispose(object);
}

static void trz_window_class_init(TrzWindowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = trz_window_dispose;
    G_OBJECT_CLASS(class)->get_property = trz_window_get_property;
    G_OBJECT_CLASS(class)->set_property = trz_window_set_property;
    properties[PROPERTY_FOLLOW] = g_param_spec_boolean(
        "follow", NULL, NULL, false, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
    g_object_class_install_properties(G_OBJECT_CLASS(class), PROPERTIES, properties);
    gtk_widget_class_install_property_action(widget_class, "win.follow", "follow");
    GTK_WINDOW_CLASS(class)->close_request = close_request;
    gtk_widget_class_install_action(widget_class, "win.open", NULL, open_dialog);
    gtk_widget_class_install_action(widget_class, "win.compare", NULL, compare_dialog);
    gtk_widget_class_install_action(widget_class, "win.reload", NULL, reload);
    gtk_widget_class_install_action(widget_class, "win.export", NULL, export_dialog);
    gtk_widget_class_install_action(widget_class, "win.find", NULL, focus_filter);
    gtk_widget_class_install_action(widget_class, "win.search", NULL, focus_search);
    gtk_widget_class_install_action(widget_class, "win.sidebar", NULL, toggle_sidebar);
    gtk_widget_class_install_action(widget_class, "win.view", "s", show_view);
    gtk_widget_class_install_action(widget_class, "win.next-step", NULL, step);
    gtk_widget_class_install_action(widget_class, "win.previous-step", NULL, step);
    gtk_widget_class_install_action(widget_class, "win.witness-next", NULL, step_witness);
    gtk_widget_class_install_action(widget_class, "win.witness-previous", NULL, step_witness);
}

static void trz_window_init(TrzWindow *self)
{
    GtkWindow *window = GTK_WINDOW(self);
    self->session = trz_session_new();
    settings_load(&self->settings);
    gtk_window_set_default_size(window, self->settings.width, self->settings.height);
    if (self->settings.maximized)
        gtk_window_maximize(window);

    self->pages = gtk_stack_new();
    self->welcome = trz_welcome_new();
    gtk_stack_add_named(GTK_STACK(self->pages), self->welcome, "welcome");
    gtk_stack_add_named(GTK_STACK(self->pages), make_loading_page(self), "loading");
    gtk_stack_add_named(GTK_STACK(self->pages), make_failed_page(self), "failed");
    gtk_stack_add_named(GTK_STACK(self->pages), make_trace_page(self), "trace");
    gtk_window_set_titlebar(window, make_header(self));
    gtk_window_set_child(window, self->pages);
    if (self->settings.view)
        trz_views_show(TRZ_VIEWS(self->views), self->settings.view);

    g_signal_connect_swapped(self->session, "state-changed", G_CALLBACK(state_changed), self);
    g_signal_connect_object(gtk_settings_get_default(), "notify::gtk-application-prefer-dark-theme",
        G_CALLBACK(theme_changed), self, G_CONNECT_SWAPPED);
    GtkDropTarget *drop = gtk_drop_target_new(GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);
    g_signal_connect(drop, "drop", G_CALLBACK(dropped), self);
    gtk_widget_add_controller(GTK_WIDGET(self), GTK_EVENT_CONTROLLER(drop));
    theme_changed(self);
    state_changed(self);
}

TrzWindow *trz_window_new(GtkApplication *application)
{
    return g_object_new(TRZ_TYPE_WINDOW, "application", application, NULL);
}
