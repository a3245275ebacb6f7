// SPDX-License-Identifier: MIT
// Builds the story's widgets anew for each finding: it has a few dozen lines at most.
#include "trz_story.h"

#include "explain.h"
#include "report.h"
#include "story.h"
#include "trz_stack.h"

struct _TrzStory {
    GtkBox parent_instance;
    TrzSession *session;
    GtkWidget *content; // a box, made anew
    GtkWidget *scrolled;
    GtkWidget *steps; // list box
    const struct finding *shown;
};

G_DEFINE_FINAL_TYPE(TrzStory, trz_story, GTK_TYPE_BOX)

static GtkWidget *make_step(const struct finding *finding, unsigned number, const struct finding_step *step)
{
    GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
    g_autofree char *digits = g_strdup_printf("%u", number);
    GtkWidget *badge = gtk_label_new(digits);
    gtk_widget_add_css_class(badge, "badge");
    gtk_widget_set_valign(badge, GTK_ALIGN_START);
    gtk_box_append(GTK_BOX(row), badge);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 1);
    gtk_widget_set_hexpand(box, true);
    gtk_box_append(GTK_BOX(row), box);
    g_autofree char *thread = finding_thread_label(finding, step->thread_id);
    g_autofree char *words = report_step_text(finding, step);
    g_autofree char *sentence = g_strdup_printf("%s %s", thread, words);
    trz_stack_add_text(box, sentence, "step");
    trz_stack_add(box, finding->model, step->stack);
    g_autofree char *name = g_strdup_printf("Step %u: %s", number, sentence);
    gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
    return row;
}

static void step_chosen(GtkListBox *list, GtkListBoxRow *row, TrzStory *self)
{
    (void)list;
    trz_session_choose_step(self->session, (unsigned)gtk_list_box_row_get_index(row) + 1);
}

static void add_objects(GtkWidget *box, const struct finding *finding)
{
    for (unsigned i = 0; i < finding->objects->len; i++) {
        const struct model_object *object = finding->objects->pdata[i];
        g_autofree char *label = finding_object_label(finding, object);
        const char *kind = object_kind_name(object->row.kind);
        g_autofree char *text = g_strdup_printf("'%s' is a %s%s%s", label,
            object->row.kind == OBJECT_COND ? "condition"
            : kind                          ? kind
                                            : "lock",
            object->created_in
                ? (object->row.flags & OBJECT_BY_INIT ? ", initialised in " : ", first used in ")
                : "",
            object->created_in ? object->created_in : "");
        trz_stack_add_text(box, text, "place");
    }
}

// With the names of this finding where there are some, else what helps against its like.
static void add_remedies(GtkWidget *box, const struct finding *finding)
{
    g_autoptr(GString) text = g_string_new(NULL);
    explain_remedies(text, finding);
    g_auto(GStrv) lines = g_strsplit(g_strstrip(text->str), "\n", -1);
    if (lines[0]) {
        trz_stack_add_text(box, "What to do, one of these:", "help");
        for (size_t i = 0; lines[i]; i++) {
            g_autofree char *line = g_strdup_printf("• %s", g_strstrip(lines[i]));
            trz_stack_add_text(box, line, "help");
        }
    } else if (finding->rule->help) {
        g_autofree char *help = g_strdup_printf("What to do: %s", finding->rule->help);
        trz_stack_add_text(box, help, "help");
    }
}

static void tell(TrzStory *self, const struct finding *finding)
{
    GtkWidget *box = self->content;
    g_autofree char *title = g_strdup_printf("%s: %s", finding_level_name(finding->level), finding->rule->id);
    trz_stack_add_text(box, title, finding_level_name(finding->level));
    gtk_label_set_selectable(GTK_LABEL(trz_stack_add_text(box, finding->message, "message")), true);
    if (finding->verdict) {
        g_autofree char *verdict = g_strdup_printf(
            "%s: %s", finding->verdict, finding->reason ? finding->reason : story_verdict(finding));
        trz_stack_add_text(box, verdict, "verdict");
    }
    self->steps = gtk_list_box_new();
    gtk_widget_add_css_class(self->steps, "steps");
    gtk_list_box_set_activate_on_single_click(GTK_LIST_BOX(self->steps), true);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->steps), GTK_ACCESSIBLE_PROPERTY_LABEL, "Steps of the finding", -1);
    for (unsigned i = 0; i < finding->steps->len; i++)
        gtk_list_box_append(GTK_LIST_BOX(self->steps),
            make_step(finding, i + 1, &g_array_index(finding->steps, struct finding_step, i)));
    g_signal_connect(self->steps, "row-activated", G_CALLBACK(step_chosen), self);
    gtk_box_append(GTK_BOX(box), self->steps);
    add_objects(box, finding);
    add_remedies(box, finding);
    g_autofree char *id = g_strdup_printf("finding %s", finding->id);
    gtk_label_set_selectable(GTK_LABEL(trz_stack_add_text(box, id, "dim-label")), true);
}

static void update(TrzStory *self)
{
    const struct finding *finding = trz_session_get_finding(self->session);
    gtk_widget_set_visible(GTK_WIDGET(self), finding != NULL);
    unsigned step = trz_session_get_step(self->session);
    if (finding != self->shown) {
        self->shown = finding;
        self->steps = NULL;
        self->content = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
        gtk_widget_add_css_class(self->content, "story");
        gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(self->scrolled), self->content);
        if (finding)
            tell(self, finding);
    }
    if (self->steps && step)
        gtk_list_box_select_row(GTK_LIST_BOX(self->steps),
            gtk_list_box_get_row_at_index(GTK_LIST_BOX(self->steps), (int)step - 1));
}

static void state_changed(TrzStory *self)
{
    // Whatever was shown belongs to the trace before.
    if (trz_session_get_state(self->session) == TRZ_SESSION_LOADING)
        update(self);
}

static void trz_story_dispose(GObject *object)
{
    g_clear_object(&TRZ_STORY(object)->session);
    G_OBJECT_CLASS(trz_story_parent_class)->dispose(object);
}

static void trz_story_class_init(TrzStoryClass *class)
{
    G_OBJECT_CLASS(class)->dispose = trz_story_dispose;
}

static void trz_story_init(TrzStory *self)
{
    self->scrolled = gtk_scrolled_window_new();
    gtk_scrolled_window_set_policy(
        GTK_SCROLLED_WINDOW(self->scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
    gtk_widget_set_vexpand(self->scrolled, true);
    gtk_widget_set_hexpand(self->scrolled, true);
    gtk_box_append(GTK_BOX(self), self->scrolled);
    self->content = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(self->scrolled), self->content);
}

GtkWidget *trz_story_new(TrzSession *session)
{
    TrzStory *self = g_object_new(TRZ_TYPE_STORY, NULL);
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "finding-changed", G_CALLBACK(update), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "state-changed", G_CALLBACK(state_changed), self, G_CONNECT_SWAPPED);
    update(self);
    return GTK_WIDGET(self);
}
