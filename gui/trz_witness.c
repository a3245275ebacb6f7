// SPDX-License-Identifier: MIT
// A picture with buttons beside it. The state in words is the picture's accessible description, so each step is spoken.
#include "trz_witness.h"

#include "draw_witness.h"
#include "theme.h"

struct _TrzWitness {
    GtkBox parent_instance;
    TrzSession *session;
    GtkWidget *picture;
    bool dark;
};

G_DEFINE_FINAL_TYPE(TrzWitness, trz_witness, GTK_TYPE_BOX)

void trz_witness_draw(TrzWitness *self, cairo_t *cr, double width, double height)
{
    const struct play *play = trz_session_get_play(self->session);
    if (!play)
        return;
    struct paint paint;
    paint_init(&paint, cr, self->dark ? &theme_dark : &theme_light);
    draw_witness(&paint, play, trz_session_get_witness_step(self->session), width, height);
    paint_done(&paint);
}

static void draw(GtkDrawingArea *area, cairo_t *cr, int width, int height, gpointer data)
{
    (void)area;
    trz_witness_draw(data, cr, width, height);
}

static void update(TrzWitness *self)
{
    const struct play *play = trz_session_get_play(self->session);
    gtk_widget_set_visible(GTK_WIDGET(self), play != NULL);
    if (!play)
        return;
    unsigned done = trz_session_get_witness_step(self->session);
    g_autofree char *step = done ? play_step_text(play, done - 1) : g_strdup("Before the first step");
    g_autofree char *state = play_state_text(play, done);
    g_autofree char *text = g_strdup_printf("%s. %s", step, state);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->picture), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
    gtk_widget_set_size_request(self->picture, 300, (int)MIN(draw_witness_height(play), 340));
    gtk_widget_queue_draw(self->picture);
}

static void act(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)parameter;
    TrzSession *session = TRZ_WITNESS(widget)->session;
    unsigned done = trz_session_get_witness_step(session);
    const struct play *play = trz_session_get_play(session);
    if (!play)
        return;
    if (g_str_equal(action, "witness.next"))
        done++;
    else if (g_str_equal(action, "witness.previous"))
        done -= done > 0;
    else if (g_str_equal(action, "witness.first"))
        done = 0;
    else
        done = play->steps->len;
    trz_session_set_witness_step(session, done);
}

void trz_witness_set_dark(TrzWitness *self, bool dark)
{
    self->dark = dark;
    gtk_widget_queue_draw(self->picture);
}

static void trz_witness_dispose(GObject *object)
{
    g_clear_object(&TRZ_WITNESS(object)->session);
    G_OBJECT_CLASS(trz_witness_parent_class)->dispose(object);
}

static void trz_witness_class_init(TrzWitnessClass *class)
{
    static const struct {
        const char *action;
        guint key;
    } bindings[] = {
        { "witness.next", GDK_KEY_Right },
        { "witness.previous", GDK_KEY_Left },
        { "witness.first", GDK_KEY_Home },
        { "witness.last", GDK_KEY_End },
    };
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = trz_witness_dispose;
    for (size_t i = 0; i < G_N_ELEMENTS(bindings); i++) {
        gtk_widget_class_install_action(widget_class, bindings[i].action, NULL, act);
        gtk_widget_class_add_binding_action(widget_class, bindings[i].key, 0, bindings[i].action, NULL);
    }
}

static void add_button(GtkWidget *box, const char *icon, const char *name, const char *action)
{
    GtkWidget *button = gtk_button_new_from_icon_name(icon);
    gtk_widget_set_tooltip_text(button, name);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
    gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
    gtk_box_append(GTK_BOX(box), button);
}

static void clicked(GtkGestureClick *gesture, int presses, double x, double y, TrzWitness *self)
{
    (void)gesture;
    (void)presses;
    (void)x;
    (void)y;
    gtk_widget_grab_focus(self->picture);
}

static void trz_witness_init(TrzWitness *self)
{
    gtk_orientable_set_orientation(GTK_ORIENTABLE(self), GTK_ORIENTATION_HORIZONTAL);
    gtk_widget_add_css_class(GTK_WIDGET(self), "witness");
    self->picture = gtk_drawing_area_new();
    gtk_widget_set_focusable(self->picture, true);
    gtk_widget_set_hexpand(self->picture, true);
    gtk_drawing_area_set_draw_func(GTK_DRAWING_AREA(self->picture), draw, self, NULL);
    gtk_accessible_update_property(
        GTK_ACCESSIBLE(self->picture), GTK_ACCESSIBLE_PROPERTY_LABEL, "Witness", -1);
    GtkGesture *click = gtk_gesture_click_new();
    g_signal_connect(click, "pressed", G_CALLBACK(clicked), self);
    gtk_widget_add_controller(self->picture, GTK_EVENT_CONTROLLER(click));
    gtk_box_append(GTK_BOX(self), self->picture);

    GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
    gtk_widget_set_valign(buttons, GTK_ALIGN_CENTER);
    gtk_widget_add_css_class(buttons, "buttons");
    add_button(buttons, "go-first-symbolic", "Before the first step (Home)", "witness.first");
    add_button(buttons, "go-previous-symbolic", "One step back (Left)", "witness.previous");
    add_button(buttons, "go-next-symbolic", "One step on (Right)", "witness.next");
    add_button(buttons, "go-last-symbolic", "After the last step (End)", "witness.last");
    gtk_box_append(GTK_BOX(self), buttons);
}

GtkWidget *trz_witness_new(TrzSession *session)
{
    TrzWitness *self = g_object_new(TRZ_TYPE_WITNESS, NULL);
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "finding-changed", G_CALLBACK(update), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "state-changed", G_CALLBACK(update), self, G_CONNECT_SWAPPED);
    update(self);
    return GTK_WIDGET(self);
}
