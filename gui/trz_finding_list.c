// SPDX-License-Identifier: MIT
// A list view over the findings, the gravest first, as the detectors have sorted them.
#include "trz_finding_list.h"

#include "trz_finding_item.h"

struct _TrzFindingList {
    GtkBox parent_instance;
    TrzSession *session;
    GListStore *store;
    GtkFilter *filter;
    GtkSingleSelection *selection;
    GtkWidget *entry;
    GtkWidget *impossible; // check button
    GtkWidget *stack;      // the list, or a word about why it is empty
    GtkWidget *empty;
    bool updating;
};

G_DEFINE_FINAL_TYPE(TrzFindingList, trz_finding_list, GTK_TYPE_BOX)

static gboolean is_wanted(gpointer item, gpointer data)
{
    TrzFindingList *self = data;
    const char *text = gtk_editable_get_text(GTK_EDITABLE(self->entry));
    if (!loaded_is_shown(trz_finding_item_get(item)) &&
        !gtk_check_button_get_active(GTK_CHECK_BUTTON(self->impossible)))
        return false;
    return !*text || trz_finding_item_matches(item, text);
}

static void update_empty(TrzFindingList *self)
{
    bool any = g_list_model_get_n_items(G_LIST_MODEL(self->selection)) > 0;
    enum trz_session_state state = trz_session_get_state(self->session);
    const char *text =
        state != TRZ_SESSION_READY                          ? "Looking for trouble …"
        : *gtk_editable_get_text(GTK_EDITABLE(self->entry)) ? "No finding has this text"
        : trz_session_get_loaded(self->session)->file->model->n_lost
            ? "Nothing found in what was recorded.\nEvents were lost, so this is not the whole."
            : "Nothing found.\nThe locks of this run were taken in good order.";
    gtk_label_set_text(GTK_LABEL(self->empty), text);
    gtk_stack_set_visible_child_name(GTK_STACK(self->stack), any ? "list" : "empty");
}

static void filter_changed(TrzFindingList *self)
{
    gtk_filter_changed(self->filter, GTK_FILTER_CHANGE_DIFFERENT);
    update_empty(self);
}

static void fill(TrzFindingList *self)
{
    const struct loaded *loaded = trz_session_get_loaded(self->session);
    self->updating = true;
    g_list_store_remove_all(self->store);
    unsigned impossible = 0;
    if (trz_session_get_state(self->session) == TRZ_SESSION_READY) {
        const GPtrArray *all = loaded->result->findings->all;
        for (unsigned i = 0; i < all->len; i++) {
            g_autoptr(TrzFindingItem) item = trz_finding_item_new(all->pdata[i]);
            impossible += !loaded_is_shown(all->pdata[i]);
            g_list_store_append(self->store, item);
        }
    }
    self->updating = false;
    g_autofree char *label = g_strdup_printf("Show %u that cannot happen", impossible);
    gtk_check_button_set_label(GTK_CHECK_BUTTON(self->impossible), label);
    gtk_widget_set_visible(self->impossible, impossible > 0);
    update_empty(self);
}

static void selected(TrzFindingList *self)
{
    TrzFindingItem *item = gtk_single_selection_get_selected_item(self->selection);
    if (!self->updating && item)
        trz_session_choose(self->session, trz_finding_item_get(item));
}

static void finding_changed(TrzFindingList *self)
{
    const struct finding *finding = trz_session_get_finding(self->session);
    GListModel *model = G_LIST_MODEL(self->selection);
    guint position = GTK_INVALID_LIST_POSITION;
    for (guint i = 0; i < g_list_model_get_n_items(model); i++) {
        g_autoptr(TrzFindingItem) item = g_list_model_get_item(model, i);
        if (trz_finding_item_get(item) == finding)
            position = i;
    }
    self->updating = true;
    gtk_single_selection_set_selected(self->selection, position);
    self->updating = false;
}

// --- rows ---

static GtkWidget *add_label(GtkWidget *box, const char *class)
{
    GtkWidget *label = gtk_label_new(NULL);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    if (class)
        gtk_widget_add_css_class(label, class);
    gtk_box_append(GTK_BOX(box), label);
    return label;
}

static void setup_row(GtkSignalListItemFactory *factory, GtkListItem *item, TrzFindingList *self)
{
    (void)factory;
    (void)self;
    GtkWidget *row = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);
    GtkWidget *top = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    gtk_widget_add_css_class(row, "finding");
    gtk_box_append(GTK_BOX(row), top);
    GtkWidget *rule = add_label(top, "rule");
    gtk_widget_set_hexpand(rule, true);
    add_label(top, "verdict");
    GtkWidget *message = add_label(row, "message");
    gtk_label_set_wrap(GTK_LABEL(message), true);
    gtk_label_set_wrap_mode(GTK_LABEL(message), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_lines(GTK_LABEL(message), 5);
    gtk_label_set_ellipsize(GTK_LABEL(message), PANGO_ELLIPSIZE_END);
    gtk_list_item_set_child(item, row);
}

static void bind_row(GtkSignalListItemFactory *factory, GtkListItem *item, TrzFindingList *self)
{
    (void)factory;
    (void)self;
    const struct finding *finding = trz_finding_item_get(gtk_list_item_get_item(item));
    GtkWidget *row = gtk_list_item_get_child(item);
    GtkWidget *top = gtk_widget_get_first_child(row);
    GtkWidget *rule = gtk_widget_get_first_child(top);
    GtkWidget *verdict = gtk_widget_get_last_child(top);
    const char *level = finding_level_name(finding->level);
    gtk_label_set_text(GTK_LABEL(rule), finding->rule->id);
    gtk_label_set_text(GTK_LABEL(verdict), finding->verdict ? finding->verdict : level);
    gtk_label_set_text(GTK_LABEL(gtk_widget_get_last_child(row)), finding->message);
    const char *classes[] = { "rule", level, NULL };
    gtk_widget_set_css_classes(rule, classes);
    g_autofree char *name = g_strdup_printf("%s, %s, %s: %s", finding->rule->id, level,
        finding->verdict ? finding->verdict : "", finding->message);
    gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static GtkWidget *make_list(TrzFindingList *self)
{
    GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
    g_signal_connect(factory, "setup", G_CALLBACK(setup_row), self);
    g_signal_connect(factory, "bind", G_CALLBACK(bind_row), self);
    GtkWidget *view = gtk_list_view_new(GTK_SELECTION_MODEL(g_object_ref(self->selection)), factory);
    gtk_list_view_set_show_separators(GTK_LIST_VIEW(view), true);
    gtk_accessible_update_property(GTK_ACCESSIBLE(view), GTK_ACCESSIBLE_PROPERTY_LABEL, "Findings", -1);
    GtkWidget *scrolled = gtk_scrolled_window_new();
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), view);
    gtk_widget_set_vexpand(scrolled, true);
    return scrolled;
}

static void trz_finding_list_dispose(GObject *object)
{
    TrzFindingList *self = TRZ_FINDING_LIST(object);
    g_clear_object(&self->session);
    g_clear_object(&self->selection);
    G_OBJECT_CLASS(trz_finding_list_parent_class)->dispose(object);
}

static void trz_finding_list_class_init(TrzFindingListClass *class)
{
    G_OBJECT_CLASS(class)->dispose = trz_finding_list_dispose;
}

static void trz_finding_list_init(TrzFindingList *self)
{
    gtk_orientable_set_orientation(GTK_ORIENTABLE(self), GTK_ORIENTATION_VERTICAL);
    self->entry = gtk_search_entry_new();
    g_object_set(self->entry, "placeholder-text", "Filter by rule, verdict, thread, lock", NULL);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->entry), GTK_ACCESSIBLE_PROPERTY_LABEL, "Filter findings", -1);
    gtk_widget_add_css_class(self->entry, "filter");
    self->impossible = gtk_check_button_new_with_label("Show those that cannot happen");
    gtk_widget_add_css_class(self->impossible, "filter");

    self->store = g_list_store_new(TRZ_TYPE_FINDING_ITEM);
    self->filter = GTK_FILTER(gtk_custom_filter_new(is_wanted, self, NULL));
    GtkFilterListModel *filtered = gtk_filter_list_model_new(G_LIST_MODEL(self->store), self->filter);
    self->selection = gtk_single_selection_new(G_LIST_MODEL(filtered));
    gtk_single_selection_set_autoselect(self->selection, false);
    gtk_single_selection_set_can_unselect(self->selection, true);
    g_signal_connect_swapped(self->selection, "notify::selected-item", G_CALLBACK(selected), self);
    g_signal_connect_swapped(self->entry, "search-changed", G_CALLBACK(filter_changed), self);
    g_signal_connect_swapped(self->impossible, "toggled", G_CALLBACK(filter_changed), self);

    self->empty = gtk_label_new(NULL);
    gtk_label_set_wrap(GTK_LABEL(self->empty), true);
    gtk_label_set_justify(GTK_LABEL(self->empty), GTK_JUSTIFY_CENTER);
    gtk_widget_add_css_class(self->empty, "dim-label");
    self->stack = gtk_stack_new();
    gtk_stack_add_named(GTK_STACK(self->stack), make_list(self), "list");
    gtk_stack_add_named(GTK_STACK(self->stack), self->empty, "empty");
    gtk_widget_set_vexpand(self->stack, true);
    gtk_box_append(GTK_BOX(self), self->entry);
    gtk_box_append(GTK_BOX(self), self->stack);
    gtk_box_append(GTK_BOX(self), self->impossible);
}

GtkWidget *trz_finding_list_new(TrzSession *session)
{
    TrzFindingList *self = g_object_new(TRZ_TYPE_FINDING_LIST, NULL);
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "state-changed", G_CALLBACK(fill), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "finding-changed", G_CALLBACK(finding_changed), self, G_CONNECT_SWAPPED);
    fill(self);
    return GTK_WIDGET(self);
}

void trz_finding_list_focus_filter(TrzFindingList *list)
{
    gtk_widget_grab_focus(list->entry);
}
