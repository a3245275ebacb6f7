// SPDX-License-Identifier: MIT
// What the keys of the timeline do. They are actions of the class, so assistive technology can see and do them.
#include <math.h>

#include "navigate.h"
#include "search.h"
#include "trz_timeline_private.h"

static void step_event(TrzTimeline *self, bool forward)
{
    const struct timeline *timeline = trz_timeline_get(self);
    struct span_ref ref;
    bool found = trz_session_get_focus(self->session, &ref)
                     ? navigate_event(timeline, &ref, forward)
                     : navigate_first(timeline, (uint64_t)fmax(trz_timeline_axis(self)->from, 0), &ref);
    trz_timeline_go(self, found, ref);
}

static void step_lock(TrzTimeline *self, bool forward)
{
    struct span_ref ref;
    if (trz_session_get_focus(self->session, &ref))
        trz_timeline_go(self, navigate_lock(trz_timeline_get(self), &ref, forward), ref);
    else
        step_event(self, forward);
}

static void step_any(TrzTimeline *self, bool forward)
{
    struct span_ref ref;
    if (trz_session_get_focus(self->session, &ref))
        trz_timeline_go(self, navigate_any(trz_timeline_get(self), &ref, forward), ref);
    else
        step_event(self, forward);
}

// To the lock of the row above or below.
static bool lock_beside(TrzTimeline *self, struct span_ref *ref, int by)
{
    const struct timeline *timeline = trz_timeline_get(self);
    const struct span *span = timeline_span(timeline, *ref);
    const struct scene_row *row =
        span_names_object(span) ? scene_row_of_object(&self->scene, span->subject) : NULL;
    const struct scene_row *first = &g_array_index(self->scene.rows, struct scene_row, 0);
    ptrdiff_t at = row ? row - first + by : 0;
    if (at < 0 || at >= (ptrdiff_t)self->scene.rows->len)
        return false;
    return navigate_object(timeline, first[at].id, span->begin, ref);
}

static void step_row(TrzTimeline *self, int by)
{
    struct span_ref ref;
    if (!trz_session_get_focus(self->session, &ref))
        step_event(self, true);
    else if (self->by_lock)
        trz_timeline_go(self, lock_beside(self, &ref, by), ref);
    else
        trz_timeline_go(self, navigate_lane(trz_timeline_get(self), &ref, by), ref);
}

// The keys are those of the lane, whatever that is a lane of.
static void step_lane(TrzTimeline *self, bool forward, bool across)
{
    if (self->by_lock != across)
        step_lock(self, forward);
    else
        step_event(self, forward);
}

static void follow_owner(TrzTimeline *self)
{
    struct span_ref ref;
    if (trz_session_get_focus(self->session, &ref))
        trz_timeline_go(self, navigate_owner(trz_timeline_get(self), &ref), ref);
}

bool trz_timeline_search(TrzTimeline *self, const char *text)
{
    struct span_ref ref;
    if (!self->laid_out || !*text)
        return false;
    struct search *search = search_new(trz_timeline_get(self), text);
    bool after = trz_session_get_focus(self->session, &ref);
    bool found = search_next(search, after, &ref) || search_next(search, false, &ref);
    search_free(search);
    if (found)
        trz_timeline_go(self, true, ref);
    return found;
}

// The first time the span the keyboard is at, then from there to the one it has come to.
static void measure(TrzTimeline *self)
{
    struct span_ref ref;
    double from;
    double to;
    if (!trz_session_get_focus(self->session, &ref))
        return;
    const struct span *span = timeline_span(trz_timeline_get(self), ref);
    double begin = (double)span->begin;
    double end = (double)span->end;
    if (trz_session_get_selection(self->session, &from, &to)) {
        begin = fmin(begin, fmin(from, to));
        end = fmax(end, fmax(from, to));
    }
    trz_session_set_selection(self->session, true, begin, end);
    trz_timeline_say_selection(self);
}

static void zoom_to_selection(TrzTimeline *self)
{
    double from;
    double to;
    struct span_ref ref;
    if (trz_session_get_selection(self->session, &from, &to)) {
        axis_show(trz_timeline_axis(self), fmin(from, to), fmax(from, to));
    } else if (trz_session_get_focus(self->session, &ref)) {
        const struct span *span = timeline_span(trz_timeline_get(self), ref);
        double margin = (double)(span->end - span->begin) * 0.2;
        axis_show(trz_timeline_axis(self), (double)span->begin - margin, (double)span->end + margin);
    }
    trz_session_view_changed(self->session);
}

static void act(GtkWidget *widget, const char *action, GVariant *parameter)
{
    (void)parameter;
    TrzTimeline *self = TRZ_TIMELINE(widget);
    if (!self->laid_out)
        return;
    if (g_str_equal(action, "timeline.zoom-in")) {
        trz_timeline_zoom(self, 1 / (ZOOM_STEP * ZOOM_STEP));
    } else if (g_str_equal(action, "timeline.zoom-out")) {
        trz_timeline_zoom(self, ZOOM_STEP * ZOOM_STEP);
    } else if (g_str_equal(action, "timeline.fit")) {
        axis_fit(trz_timeline_axis(self));
        trz_session_view_changed(self->session);
    } else if (g_str_equal(action, "timeline.zoom-selection")) {
        zoom_to_selection(self);
    } else if (g_str_equal(action, "timeline.earlier")) {
        trz_timeline_pan(self, -PAN_STEP);
    } else if (g_str_equal(action, "timeline.later")) {
        trz_timeline_pan(self, PAN_STEP);
    } else if (g_str_equal(action, "timeline.begin")) {
        trz_timeline_pan(self, -FAR);
    } else if (g_str_equal(action, "timeline.end")) {
        trz_timeline_pan(self, FAR);
    } else if (g_str_equal(action, "timeline.previous")) {
        step_lane(self, false, false);
    } else if (g_str_equal(action, "timeline.next")) {
        step_lane(self, true, false);
    } else if (g_str_equal(action, "timeline.previous-across")) {
        step_lane(self, false, true);
    } else if (g_str_equal(action, "timeline.next-across")) {
        step_lane(self, true, true);
    } else if (g_str_equal(action, "timeline.previous-of-any")) {
        step_any(self, false);
    } else if (g_str_equal(action, "timeline.next-of-any")) {
        step_any(self, true);
    } else if (g_str_equal(action, "timeline.lane-above")) {
        step_row(self, -1);
    } else if (g_str_equal(action, "timeline.lane-below")) {
        step_row(self, 1);
    } else if (g_str_equal(action, "timeline.measure")) {
        measure(self);
    } else if (g_str_equal(action, "timeline.owner")) {
        follow_owner(self);
    } else if (g_str_equal(action, "timeline.clear")) {
        trz_session_set_selection(self->session, false, 0, 0);
    }
}

void trz_timeline_install_keys(GtkWidgetClass *class)
{
    static const struct {
        const char *action;
        guint keys[3];
        GdkModifierType modifiers;
    } bindings[] = {
        { "timeline.zoom-in", { GDK_KEY_plus, GDK_KEY_KP_Add, GDK_KEY_equal }, 0 },
        { "timeline.zoom-out", { GDK_KEY_minus, GDK_KEY_KP_Subtract }, 0 },
        { "timeline.fit", { GDK_KEY_f }, 0 },
        { "timeline.zoom-selection", { GDK_KEY_z, GDK_KEY_Return }, 0 },
        { "timeline.earlier", { GDK_KEY_Left, GDK_KEY_KP_Left }, GDK_SHIFT_MASK },
        { "timeline.later", { GDK_KEY_Right, GDK_KEY_KP_Right }, GDK_SHIFT_MASK },
        { "timeline.begin", { GDK_KEY_Home, GDK_KEY_KP_Home }, 0 },
        { "timeline.end", { GDK_KEY_End, GDK_KEY_KP_End }, 0 },
        { "timeline.previous", { GDK_KEY_Left, GDK_KEY_KP_Left }, 0 },
        { "timeline.next", { GDK_KEY_Right, GDK_KEY_KP_Right }, 0 },
        { "timeline.previous-across", { GDK_KEY_Left, GDK_KEY_KP_Left }, GDK_CONTROL_MASK },
        { "timeline.next-across", { GDK_KEY_Right, GDK_KEY_KP_Right }, GDK_CONTROL_MASK },
        { "timeline.previous-of-any", { GDK_KEY_comma }, 0 },
        { "timeline.next-of-any", { GDK_KEY_period }, 0 },
        { "timeline.lane-above", { GDK_KEY_Up, GDK_KEY_KP_Up }, 0 },
        { "timeline.lane-below", { GDK_KEY_Down, GDK_KEY_KP_Down }, 0 },
        { "timeline.owner", { GDK_KEY_o }, 0 },
        { "timeline.measure", { GDK_KEY_m }, 0 },
        { "timeline.clear", { GDK_KEY_Escape }, 0 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bindings); i++) {
        gtk_widget_class_install_action(class, bindings[i].action, NULL, act);
        for (int j = 0; j < 3 && bindings[i].keys[j]; j++) {
            GdkModifierType modifiers = bindings[i].modifiers;
            gtk_widget_class_add_binding_action(
                class, bindings[i].keys[j], modifiers, bindings[i].action, NULL);
            if (bindings[i].keys[j] == GDK_KEY_plus)
                gtk_widget_class_add_binding_action(
                    class, GDK_KEY_plus, GDK_SHIFT_MASK, bindings[i].action, NULL);
        }
    }
}
