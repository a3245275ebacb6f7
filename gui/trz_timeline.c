// SPDX-License-Identifier: MIT
// Keeps the last picture as a node and draws it anew only when what it shows has changed; the time cursor is laid over it, so
// moving the pointer costs nothing. Input changes the session's axis; the session tells everybody.
// Keys are in trz_timeline_keys.c.
#include "trz_timeline_private.h"

#include <math.h>

#include "describe.h"
#include "draw.h"

#define WHEEL_PX 60
#define CLICK_SLACK_PX 4

G_DEFINE_FINAL_TYPE(TrzTimeline, trz_timeline, GTK_TYPE_WIDGET)

static guint hovered_signal;

struct axis *trz_timeline_axis(TrzTimeline *self)
{
    return trz_session_get_axis(self->session);
}

const struct timeline *trz_timeline_get(TrzTimeline *self)
{
    const struct loaded *loaded = trz_session_get_loaded(self->session);
    return loaded ? loaded->timeline : NULL;
}

static void redraw(TrzTimeline *self)
{
    g_clear_pointer(&self->picture, gsk_render_node_unref);
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

// --- drawing ---

static void update_scene(TrzTimeline *self, double width, double height)
{
    struct scene *scene = &self->scene;
    const struct loaded *loaded = trz_session_get_loaded(self->session);
    if (!self->laid_out) {
        double scroll = scene->scroll; // it is the same trace when it has grown
        scene_done(scene);
        scene_init(scene, loaded->timeline, &theme_light);
        scene->by_lock = self->by_lock;
        scene->scroll = scroll;
        self->laid_out = true;
        scene_layout(scene, width, height);
    } else if (scene->width != width || scene->height != height) {
        scene_layout(scene, width, height);
    }
    scene->theme = self->dark ? &theme_dark : &theme_light;
    scene->axis = *trz_timeline_axis(self);
    scene->finding = trz_session_get_finding(self->session);
    scene->places = trz_session_get_places(self->session);
    scene->current_step = trz_session_get_step(self->session);
    scene->marks = trz_session_get_state(self->session) == TRZ_SESSION_READY ? loaded->marks : NULL;
    scene->selecting = trz_session_get_selection(self->session, &scene->select_from, &scene->select_to);
    scene->has_focus_span = trz_session_get_focus(self->session, &scene->focus_span);
    if (self->reveal && scene->current_step && scene->has_focus_span)
        scene_reveal_span(scene, scene->focus_span);
    else if (self->reveal)
        scene_reveal_places(scene);
    self->reveal = false;
}

void trz_timeline_draw(TrzTimeline *self, cairo_t *cr)
{
    struct paint paint;
    paint_init(&paint, cr, self->scene.theme);
    draw_timeline(&paint, &self->scene);
    paint_done(&paint);
}

static void free_surface(void *surface)
{
    cairo_surface_destroy(surface);
}

static GskRenderNode *draw_texture(TrzTimeline *self, const graphene_rect_t *bounds, int scale)
{
    int width = (int)bounds->size.width * scale;
    int height = (int)bounds->size.height * scale;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, scale, scale);
    trz_timeline_draw(self, cr);
    cairo_destroy(cr);
    cairo_surface_flush(surface);
    gsize stride = (gsize)cairo_image_surface_get_stride(surface);
    GBytes *bytes = g_bytes_new_with_free_func(
        cairo_image_surface_get_data(surface), stride * (gsize)height, free_surface, surface);
    GdkTexture *texture = gdk_memory_texture_new(width, height, GDK_MEMORY_DEFAULT, bytes, stride);
    GskRenderNode *node = gsk_texture_node_new(texture, bounds);
    g_bytes_unref(bytes);
    g_object_unref(texture);
    return node;
}

// Software rendering is spared a texture, which GTK would convert pixel by pixel through floating point and back: that takes
// longer than the drawing.
static GskRenderNode *draw_picture(TrzTimeline *self, const graphene_rect_t *bounds, int scale)
{
    GtkNative *native = gtk_widget_get_native(GTK_WIDGET(self));
    if (!GSK_IS_CAIRO_RENDERER(gtk_native_get_renderer(native)))
        return draw_texture(self, bounds, scale);
    GskRenderNode *node = gsk_cairo_node_new(bounds);
    cairo_t *cr = gsk_cairo_node_get_draw_context(node);
    trz_timeline_draw(self, cr);
    cairo_destroy(cr);
    return node;
}

static void snapshot_cursor(TrzTimeline *self, GtkSnapshot *snapshot, int width)
{
    const struct scene *scene = &self->scene;
    if (self->pointer_x < scene->gutter || self->pointer_x >= width)
        return;
    const struct theme *theme = scene->theme;
    GdkRGBA line = { (float)theme->accent.red, (float)theme->accent.green, (float)theme->accent.blue, 0.8f };
    float top = (float)scene->overview_height;
    float bottom = (float)(scene->height - scene->legend_height);
    gtk_snapshot_append_color(
        snapshot, &line, &GRAPHENE_RECT_INIT((float)floor(self->pointer_x), top, 1, bottom - top));

    double ticks = axis_time(&scene->axis, self->pointer_x - scene->gutter, scene_lanes_width(scene));
    double pixel_ns =
        (scene->axis.to - scene->axis.from) / scene_lanes_width(scene) * scene->axis.ns_per_tick;
    char text[48];
    axis_format_moment((ticks - scene->axis.begin) * scene->axis.ns_per_tick, pixel_ns, text, sizeof text);
    PangoLayout *layout = gtk_widget_create_pango_layout(GTK_WIDGET(self), text);
    int text_width;
    int text_height;
    pango_layout_get_pixel_size(layout, &text_width, &text_height);
    float x = (float)fmin(self->pointer_x + 6, width - text_width - 8);
    GdkRGBA back = { (float)theme->background.red, (float)theme->background.green,
        (float)theme->background.blue, 0.92f };
    GdkRGBA ink = { (float)theme->text.red, (float)theme->text.green, (float)theme->text.blue, 1 };
    gtk_snapshot_append_color(snapshot, &back,
        &GRAPHENE_RECT_INIT(x - 3, top + 2, (float)text_width + 6, (float)scene->ruler_height - 5));
    gtk_snapshot_save(snapshot);
    gtk_snapshot_translate(
        snapshot, &GRAPHENE_POINT_INIT(x, top + ((float)scene->ruler_height - (float)text_height) / 2));
    gtk_snapshot_append_layout(snapshot, layout, &ink);
    gtk_snapshot_restore(snapshot);
    g_object_unref(layout);
}

static void trz_timeline_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
    TrzTimeline *self = TRZ_TIMELINE(widget);
    int width = gtk_widget_get_width(widget);
    int height = gtk_widget_get_height(widget);
    if (!trz_timeline_get(self) || width < 1 || height < 1)
        return;
    int scale = gtk_widget_get_scale_factor(widget);
    graphene_rect_t bounds = GRAPHENE_RECT_INIT(0, 0, (float)width, (float)height);
    if (!self->picture || !graphene_rect_equal(&bounds, &self->picture_bounds) ||
        scale != self->picture_scale) {
        update_scene(self, width, height);
        g_clear_pointer(&self->picture, gsk_render_node_unref);
        self->picture = draw_picture(self, &bounds, scale);
        self->picture_bounds = bounds;
        self->picture_scale = scale;
    }
    gtk_snapshot_append_node(snapshot, self->picture);
    snapshot_cursor(self, snapshot, width);
    if (gtk_widget_has_visible_focus(widget))
        gtk_snapshot_render_focus(snapshot, gtk_widget_get_style_context(widget), 0, 0, width, height);
}

// --- telling ---

// To the status line and to screen readers.
static void say(TrzTimeline *self, const char *text)
{
    gtk_accessible_update_property(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
    g_signal_emit(self, hovered_signal, 0, text);
}

static void announce_focus(TrzTimeline *self)
{
    struct span_ref ref;
    if (!trz_session_get_focus(self->session, &ref))
        return;
    scene_reveal_span(&self->scene, ref);
    const struct timeline *timeline = trz_timeline_get(self);
    g_autofree char *span = describe_span(timeline, ref);
    g_autofree char *moment = describe_moment(timeline, timeline_span(timeline, ref)->begin);
    g_autofree char *text = moment ? g_strdup_printf("%s. Then %s", span, moment) : g_strdup(span);
    say(self, text);
    redraw(self);
}

// NULL: nothing is selected.
static char *selection_text(TrzTimeline *self)
{
    double from;
    double to;
    if (!trz_timeline_get(self) || !trz_session_get_selection(self->session, &from, &to))
        return NULL;
    return describe_stretch(trz_timeline_get(self), fmin(from, to), fmax(from, to));
}

void trz_timeline_say_selection(TrzTimeline *self)
{
    g_autofree char *text = selection_text(self);
    if (text)
        say(self, text);
}

void trz_timeline_go(TrzTimeline *self, bool found, struct span_ref ref)
{
    if (found)
        trz_session_set_focus(self->session, ref);
    announce_focus(self);
}

// --- the session ---

static void state_changed(TrzTimeline *self)
{
    enum trz_session_state state = trz_session_get_state(self->session);
    if (state != TRZ_SESSION_READY) {
        scene_done(&self->scene);
        self->laid_out = false;
    }
    if (state == TRZ_SESSION_LOADING)
        self->scene.scroll = 0;
    redraw(self);
}

// A step that was chosen elsewhere is told here.
static void finding_changed(TrzTimeline *self)
{
    unsigned step = trz_session_get_step(self->session);
    bool another = step && step != self->told_step;
    self->told_step = step;
    self->reveal = true;
    redraw(self);
    if (another && gtk_widget_get_mapped(GTK_WIDGET(self)) && self->laid_out)
        announce_focus(self);
}

void trz_timeline_set_dark(TrzTimeline *self, bool dark)
{
    self->dark = dark;
    redraw(self);
}

// --- moving ---

// What stays where it is while zooming, as a share of the width.
static double anchor_at(TrzTimeline *self, double x)
{
    double at = (x - self->scene.gutter) / scene_lanes_width(&self->scene);
    return at >= 0 && at <= 1 ? at : 0.5;
}

static double anchor_of(TrzTimeline *self)
{
    return anchor_at(self, self->pointer_x);
}

static void zoom(TrzTimeline *self, double factor, double anchor)
{
    axis_zoom(trz_timeline_axis(self), factor, anchor);
    trz_session_view_changed(self->session);
}

void trz_timeline_zoom(TrzTimeline *self, double factor)
{
    zoom(self, factor, anchor_of(self));
}

void trz_timeline_pan(TrzTimeline *self, double share)
{
    axis_pan(trz_timeline_axis(self), share);
    trz_session_view_changed(self->session);
}

static bool scroll_lanes(TrzTimeline *self, double px)
{
    struct scene *scene = &self->scene;
    double most = fmax(scene->content_height - scene_lanes_height(scene), 0);
    double scroll = fmin(fmax(scene->scroll + px, 0), most);
    if (most <= 0)
        return false;
    scene->scroll = scroll;
    redraw(self);
    return true;
}

static gboolean scrolled(GtkEventControllerScroll *controller, double dx, double dy, TrzTimeline *self)
{
    GdkModifierType state = gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(controller));
    if (!self->laid_out)
        return false;
    if (state & GDK_CONTROL_MASK)
        zoom(self, pow(ZOOM_STEP, dy), anchor_of(self));
    else if (state & GDK_SHIFT_MASK)
        trz_timeline_pan(self, PAN_STEP * (dx + dy));
    else if (dx != 0 || !scroll_lanes(self, dy * WHEEL_PX))
        trz_timeline_pan(self, PAN_STEP * (dx + dy));
    return true;
}

static void pinch_began(GtkGesture *gesture, GdkEventSequence *sequence, TrzTimeline *self)
{
    (void)gesture;
    (void)sequence;
    self->drag = DRAG_NONE; // what the first finger began
    self->pinch_from = trz_timeline_axis(self)->from;
    self->pinch_to = trz_timeline_axis(self)->to;
}

static void pinched(GtkGestureZoom *gesture, double scale, TrzTimeline *self)
{
    struct axis *axis = trz_timeline_axis(self);
    double x;
    double y;
    if (!self->laid_out)
        return;
    if (!gtk_gesture_get_bounding_box_center(GTK_GESTURE(gesture), &x, &y))
        x = self->pointer_x;
    axis_show(axis, self->pinch_from, self->pinch_to);
    zoom(self, 1 / fmax(scale, 1e-3), anchor_at(self, x));
}

// --- dragging: the ruler selects, the overview jumps, the lanes pan ---

static double time_at(TrzTimeline *self, double x)
{
    return axis_time(&self->scene.axis, x - self->scene.gutter, scene_lanes_width(&self->scene));
}

static void overview_to(TrzTimeline *self, double x)
{
    struct axis *axis = trz_timeline_axis(self);
    double share = (x - self->scene.gutter) / scene_lanes_width(&self->scene);
    double middle = axis->begin + share * (axis->end - axis->begin);
    double half = (axis->to - axis->from) / 2;
    axis_show(axis, middle - half, middle + half);
    trz_session_view_changed(self->session);
}

static void drag_began(GtkGestureDrag *gesture, double x, double y, TrzTimeline *self)
{
    if (!self->laid_out)
        return;
    GdkModifierType state = gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(gesture));
    gtk_widget_grab_focus(GTK_WIDGET(self));
    self->drag_x = x;
    self->drag_from = trz_timeline_axis(self)->from;
    self->drag_to = trz_timeline_axis(self)->to;
    self->drag_scroll = self->scene.scroll;
    if (x < self->scene.gutter)
        self->drag = DRAG_NONE;
    else if (y < self->scene.overview_height)
        self->drag = DRAG_OVERVIEW;
    else if (y < scene_top(&self->scene) || state & GDK_SHIFT_MASK)
        self->drag = DRAG_SELECT;
    else
        self->drag = DRAG_PAN;
    if (self->drag == DRAG_OVERVIEW)
        overview_to(self, x);
}

static void dragged(GtkGestureDrag *gesture, double dx, double dy, TrzTimeline *self)
{
    (void)gesture;
    if (self->drag == DRAG_NONE || (self->drag != DRAG_OVERVIEW && hypot(dx, dy) < CLICK_SLACK_PX))
        return;
    if (self->drag == DRAG_OVERVIEW) {
        overview_to(self, self->drag_x + dx);
    } else if (self->drag == DRAG_SELECT) {
        trz_session_set_selection(
            self->session, true, time_at(self, self->drag_x), time_at(self, self->drag_x + dx));
        trz_timeline_say_selection(self);
    } else {
        double by = dx / scene_lanes_width(&self->scene) * (self->drag_to - self->drag_from);
        axis_show(trz_timeline_axis(self), self->drag_from - by, self->drag_to - by);
        scroll_lanes(self, self->drag_scroll - dy - self->scene.scroll);
        trz_session_view_changed(self->session);
    }
}

static void drag_ended(GtkGestureDrag *gesture, double dx, double dy, TrzTimeline *self)
{
    (void)gesture;
    struct span_ref span;
    if (self->drag == DRAG_SELECT && hypot(dx, dy) < CLICK_SLACK_PX)
        trz_session_set_selection(self->session, false, 0, 0);
    else if (self->drag == DRAG_PAN && hypot(dx, dy) < CLICK_SLACK_PX && self->laid_out &&
             scene_span_at(&self->scene, self->pointer_x, self->pointer_y, &span))
        trz_timeline_go(self, true, span);
    self->drag = DRAG_NONE;
}

// --- hovering ---

static char *text_at(TrzTimeline *self, double x, double y)
{
    const struct timeline *timeline = trz_timeline_get(self);
    struct span_ref ref;
    if (!self->laid_out || !timeline)
        return NULL;
    if (scene_span_at(&self->scene, x, y, &ref))
        return describe_span(timeline, ref);
    const struct scene_row *row = scene_row_at(&self->scene, y);
    if (!row || row->kind != ROW_THREAD || x < self->scene.gutter)
        return NULL;
    const struct lane *lane = &timeline->lanes[row->id];
    uint32_t at = lane_find_mark(lane, (uint64_t)fmax(time_at(self, x - 4), 0));
    if (at < lane->n_marks && (double)lane->marks[at].ticks <= time_at(self, x + 4))
        return describe_mark(timeline, lane, &lane->marks[at]);
    return NULL;
}

static void moved(GtkEventControllerMotion *controller, double x, double y, TrzTimeline *self)
{
    (void)controller;
    if (x == self->pointer_x && y == self->pointer_y)
        return; // only what is below it has changed, as by a key that tells of something else
    self->pointer_x = x;
    self->pointer_y = y;
    g_autofree char *text = text_at(self, x, y);
    g_autofree char *selection = text ? NULL : selection_text(self);
    g_signal_emit(self, hovered_signal, 0, text ? text : selection ? selection : "");
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

static void left(GtkEventControllerMotion *controller, TrzTimeline *self)
{
    (void)controller;
    self->pointer_x = -1;
    g_signal_emit(self, hovered_signal, 0, "");
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

static gboolean trz_timeline_query_tooltip(
    GtkWidget *widget, int x, int y, gboolean keyboard, GtkTooltip *tooltip)
{
    g_autofree char *text = keyboard ? NULL : text_at(TRZ_TIMELINE(widget), x, y);
    gtk_tooltip_set_text(tooltip, text);
    return text != NULL;
}

// --- life ---

static void trz_timeline_dispose(GObject *object)
{
    TrzTimeline *self = TRZ_TIMELINE(object);
    g_clear_object(&self->session);
    g_clear_pointer(&self->picture, gsk_render_node_unref);
    scene_done(&self->scene);
    G_OBJECT_CLASS(trz_timeline_parent_class)->dispose(object);
}

static void trz_timeline_class_init(TrzTimelineClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = trz_timeline_dispose;
    widget_class->snapshot = trz_timeline_snapshot;
    widget_class->query_tooltip = trz_timeline_query_tooltip;
    hovered_signal = g_signal_new(
        "hovered", TRZ_TYPE_TIMELINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_css_name(widget_class, "timeline");
    gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_IMG);
    trz_timeline_install_keys(widget_class);
}

static void trz_timeline_init(TrzTimeline *self)
{
    GtkWidget *widget = GTK_WIDGET(self);
    self->pointer_x = -1;
    gtk_widget_set_focusable(widget, true);
    gtk_widget_set_hexpand(widget, true);
    gtk_widget_set_vexpand(widget, true);
    gtk_widget_set_has_tooltip(widget, true);
    gtk_widget_set_size_request(widget, 300, 160);

    GtkEventController *scroll = gtk_event_controller_scroll_new(GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
    g_signal_connect(scroll, "scroll", G_CALLBACK(scrolled), self);
    gtk_widget_add_controller(widget, scroll);
    GtkEventController *motion = gtk_event_controller_motion_new();
    g_signal_connect(motion, "motion", G_CALLBACK(moved), self);
    g_signal_connect(motion, "leave", G_CALLBACK(left), self);
    gtk_widget_add_controller(widget, motion);
    GtkGesture *drag = gtk_gesture_drag_new();
    g_signal_connect(drag, "drag-begin", G_CALLBACK(drag_began), self);
    g_signal_connect(drag, "drag-update", G_CALLBACK(dragged), self);
    g_signal_connect(drag, "drag-end", G_CALLBACK(drag_ended), self);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(drag));
    GtkGesture *pinch = gtk_gesture_zoom_new();
    g_signal_connect(pinch, "begin", G_CALLBACK(pinch_began), self);
    g_signal_connect(pinch, "scale-changed", G_CALLBACK(pinched), self);
    gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(pinch));
}

GtkWidget *trz_timeline_new(TrzSession *session, bool by_lock)
{
    TrzTimeline *self = g_object_new(TRZ_TYPE_TIMELINE, NULL);
    self->session = g_object_ref(session);
    self->by_lock = by_lock;
    g_signal_connect_object(session, "state-changed", G_CALLBACK(state_changed), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "view-changed", G_CALLBACK(redraw), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "finding-changed", G_CALLBACK(finding_changed), self, G_CONNECT_SWAPPED);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_PROPERTY_LABEL,
        by_lock ? "Timeline of locks" : "Timeline of threads", -1);
    return GTK_WIDGET(self);
}
