// SPDX-License-Identifier: MIT
// Pinches a timeline: pinch TRACE. Events of a touch screen cannot be made from outside, so the widget's own gestures are given
// the signals that they emit when two fingers move. Blind to how GTK recognises fingers.
#include <math.h>

#include "trz_timeline.h"

static GtkEventController *find_gesture(GtkWidget *widget, GType type)
{
    g_autoptr(GListModel) controllers = gtk_widget_observe_controllers(widget);
    for (guint i = 0; i < g_list_model_get_n_items(controllers); i++) {
        g_autoptr(GtkEventController) controller = g_list_model_get_item(controllers, i);
        if (G_TYPE_CHECK_INSTANCE_TYPE(controller, type))
            return controller; // the widget keeps it
    }
    return NULL;
}

static void wait_for(TrzSession *session, GtkWidget *timeline)
{
    gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while ((trz_session_get_state(session) != TRZ_SESSION_READY || gtk_widget_get_width(timeline) < 100) &&
           g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, false);
    end = g_get_monotonic_time() + G_USEC_PER_SEC / 2; // for a first picture
    while (g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, false);
}

static int problems;

static void expect(const char *what, double got, double expected)
{
    if (fabs(got - expected) <= 0.01 * fabs(expected))
        return;
    g_print("%s: %g instead of %g\n", what, got, expected);
    problems++;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    gtk_init();
    TrzSession *session = trz_session_new();
    GtkWidget *window = gtk_window_new();
    GtkWidget *timeline = trz_timeline_new(session, false);
    gtk_window_set_default_size(GTK_WINDOW(window), 900, 500);
    gtk_window_set_child(GTK_WINDOW(window), timeline);
    gtk_window_present(GTK_WINDOW(window));
    trz_session_open(session, argv[1]);
    wait_for(session, timeline);

    GtkEventController *pinch = find_gesture(timeline, GTK_TYPE_GESTURE_ZOOM);
    GtkEventController *drag = find_gesture(timeline, GTK_TYPE_GESTURE_DRAG);
    if (!pinch || !drag)
        return 3;
    struct axis *axis = trz_session_get_axis(session);
    double whole = axis->end - axis->begin;
    axis_show(axis, axis->begin + whole * 0.4, axis->begin + whole * 0.6);
    double width = axis->to - axis->from;
    double middle = (axis->from + axis->to) / 2;

    // The first finger comes down before the second one: it must not drag.
    g_signal_emit_by_name(drag, "drag-begin", 400.0, 200.0);
    g_signal_emit_by_name(pinch, "begin", NULL);
    g_signal_emit_by_name(drag, "drag-update", 120.0, 0.0);
    expect("the middle after a finger has moved", (axis->from + axis->to) / 2, middle);
    g_signal_emit_by_name(pinch, "scale-changed", 2.0);
    expect("the width after spreading", axis->to - axis->from, width / 2);
    expect("the middle after spreading", (axis->from + axis->to) / 2, middle);
    g_signal_emit_by_name(pinch, "scale-changed", 4.0);
    expect("the width after spreading on", axis->to - axis->from, width / 4);
    g_signal_emit_by_name(pinch, "scale-changed", 0.5);
    expect("the width after pinching", axis->to - axis->from, width * 2);
    gtk_window_destroy(GTK_WINDOW(window));
    g_object_unref(session);
    return problems > 0;
}
