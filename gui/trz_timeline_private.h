// SPDX-License-Identifier: MIT
// What the timeline's two halves share: the widget with its drawing and its pointer, and what the keys do.
#ifndef TRENZA_TRZ_TIMELINE_PRIVATE_H
#define TRENZA_TRZ_TIMELINE_PRIVATE_H

#include "scene.h"
#include "trz_timeline.h"

#define ZOOM_STEP 1.25
#define PAN_STEP 0.1
#define FAR 1e9 // beyond any end

enum trz_drag { DRAG_NONE, DRAG_PAN, DRAG_SELECT, DRAG_OVERVIEW };

struct _TrzTimeline {
    GtkWidget parent_instance;
    TrzSession *session;
    struct scene scene;
    bool laid_out; // the scene is that of the session's trace
    unsigned told_step;
    bool reveal; // the finding or step has changed: scroll there with the next picture
    GskRenderNode *picture; // NULL: has to be drawn
    graphene_rect_t picture_bounds;
    int picture_scale;
    double pointer_x; // px; negative: outside
    double pointer_y;
    enum trz_drag drag;
    double drag_x;
    double drag_from; // the axis when the drag began
    double drag_to;
    double drag_scroll;
    double pinch_from;
    double pinch_to;
    bool dark;
    bool by_lock;
};

struct axis *trz_timeline_axis(TrzTimeline *self);
// NULL: nothing is loaded.
const struct timeline *trz_timeline_get(TrzTimeline *self);
void trz_timeline_zoom(TrzTimeline *self, double factor);
void trz_timeline_pan(TrzTimeline *self, double share);
// Moves the keyboard's span when found, and says where it is in any case.
void trz_timeline_go(TrzTimeline *self, bool found, struct span_ref ref);
// Says how long the selection is.
void trz_timeline_say_selection(TrzTimeline *self);
// Actions and the keys for them.
void trz_timeline_install_keys(GtkWidgetClass *class);

#endif
