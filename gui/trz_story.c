// SPDX-License-Identifier: MIT
// Builds the story's widgets anew for each finding: it has a few dozen lines at most.
#include "trz_story.h"

#include <string.h>

#include "call_stack.h"
#include "story.h"

#define FRAMES_MAX 12u
#define CONTEXT_LINES 1 // of source before and after the marked line

struct _TrzStory {
    GtkBox parent_instance;
    TrzSession *session;
    GtkWidget *content; // a box, made anew
    GtkWidget *scrolled;
    GtkWidget *steps; // list box
    const struct finding *shown;
};

G_DEFINE_FINAL_TYPE(TrzStory, trz_story, GTK_TYPE_BOX)

static GtkWidget *add_text(GtkWidget *box, const char *text, const char *class)
{
    GtkWidget *label = gtk_label_new(text);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_label_set_wrap(GTK_LABEL(label), true);
    gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_selectable(GTK_LABEL(label), false);
    if (class)
        gtk_widget_add_css_class(label, class);
    gtk_box_append(GTK_BOX(box), label);
    return label;
}

static void append_source(GString *text, const struct model *model, const struct call_frame *frame)
{
    for (int64_t line = frame->line - CONTEXT_LINES; line <= frame->line + CONTEXT_LINES; line++) {
        const char *source = model_source(model, frame->file, line);
        if (!source)
            continue;
        g_autofree char *escaped = g_markup_printf_escaped("%4" G_GINT64_FORMAT "  %s", line, source);
        if (text->len)
            g_string_append_c(text, '\n');
        g_string_append_printf(
            text, line == frame->line ? "<b>%s</b>" : "<span alpha='60%%'>%s</span>", escaped);
    }
}

// The innermost frame of the program's own with its source, then the others by name.
static void add_stack(GtkWidget *box, const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    const struct call_frame *site = call_stack_site_of(frames);
    for (unsigned i = 0; i < MIN(frames->len, FRAMES_MAX); i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        g_autofree char *place = call_frame_text(model, frame);
        add_text(box, place, "place");
        if (frame != site)
            continue;
        g_autoptr(GString) source = g_string_new(NULL);
        append_source(source, model, frame);
        if (source->len) {
            GtkWidget *label = add_text(box, NULL, "source");
            gtk_label_set_wrap(GTK_LABEL(label), false);
            gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
            gtk_label_set_markup(GTK_LABEL(label), source->str);
        }
    }
    if (frames->len > FRAMES_MAX) {
        g_autofree char *more = g_strdup_printf("and %u outer frames", frames->len - FRAMES_MAX);
        add_text(box, more, "place");
    }
}

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
    g_autofree char *words = story_step_text(finding, step);
    g_autofree char *sentence = g_strdup_printf("%s %s", thread, words);
    add_text(box, sentence, "step");
    add_stack(box, finding->model, step->stack);
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
        g_autofree char *text = g_strdup_printf("'%s' is a %s%s%s", label, kind ? kind : "lock",
            object->created_in
                ? (object->row.flags & OBJECT_BY_INIT ? ", initialised in " : ", first used in ")
                : "",
            object->created_in ? object->created_in : "");
        add_text(box, text, "place");
    }
}

static void tell(TrzStory *self, const struct finding *finding)
{
    GtkWidget *box = self->content;
    g_autofree char *title = g_strdup_printf("%s: %s", finding_level_name(finding->level), finding->rule->id);
    add_text(box, title, finding_level_name(finding->level));
    gtk_label_set_selectable(GTK_LABEL(add_text(box, finding->message, "message")), true);
    if (finding->verdict) {
        g_autofree char *verdict = g_strdup_printf(
            "%s: %s", finding->verdict, finding->reason ? finding->reason : story_verdict(finding));
        add_text(box, verdict, "verdict");
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
    if (finding->rule->help) {
        g_autofree char *help = g_strdup_printf("What to do: %s", finding->rule->help);
        add_text(box, help, "help");
    }
    g_autofree char *id = g_strdup_printf("finding %s", finding->id);
    gtk_label_set_selectable(GTK_LABEL(add_text(box, id, "dim-label")), true);
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
