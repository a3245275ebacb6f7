// SPDX-License-Identifier: MIT
// What is to be drawn, and where things lie in the picture. Window and renderer fill it in alike; drawing and hit-testing
// read it.
//
//   +-------------+--------------------------------+
//   |             | overview                       |
//   |             | ruler                          |
//   | gutter      | lanes, scrolled by `scroll`    |
//   +-------------+--------------------------------+
//   | legend                                       |
//   +----------------------------------------------+
#ifndef TRENZA_SCENE_H
#define TRENZA_SCENE_H

#include "axis.h"
#include "story.h"
#include "theme.h"

#define SCENE_EXACT_MAX 120u // of spans in view of a row that are told apart

enum scene_row_kind {
    ROW_PROCESS,
    ROW_THREAD,
    ROW_LOCK,
};
struct scene_row {
    enum scene_row_kind kind;
    uint32_t id; // of the process, the lane (an index) or the object
    double y;    // in the content, px
    double height;
    unsigned n_tracks;
    unsigned n_owners; // of a lock: so many of the tracks are for those who hold it
};

// Where in time a finding is; for the marks of the overview.
struct scene_mark {
    const struct finding *finding;
    double ticks;
};

struct scene {
    const struct timeline *timeline;
    const struct theme *theme;
    struct axis axis;
    double width;
    double height;
    double scroll; // px

    bool by_lock;                  // a lane per lock instead of per thread
    const struct finding *finding; // the chosen one; NULL: none
    const GArray *places;          // story_locate of it
    unsigned current_step;         // from 1; 0: none
    const GArray *marks;           // of struct scene_mark; NULL: none
    bool selecting;
    double select_from; // ticks
    double select_to;
    bool has_focus_span;
    struct span_ref focus_span; // the one the keyboard is at

    GArray *rows;    // of struct scene_row
    bool *namesakes; // by lane: another thread has the same name
    double content_height;
    double track_height;
    double gutter;
    double overview_height;
    double ruler_height;
    double legend_height;
};

void scene_init(struct scene *scene, const struct timeline *timeline, const struct theme *theme);
void scene_done(struct scene *scene);
// Lays the rows out for the picture's size; to be called when that, the timeline or by_lock has changed.
void scene_layout(struct scene *scene, double width, double height);
// Scrolls as little as needed to show the row that a span is drawn in.
void scene_reveal_span(struct scene *scene, struct span_ref ref);
// Scrolls to the lanes of the chosen finding's places, the first one last.
void scene_reveal_places(struct scene *scene);
// Shows the time of a finding's places, with some room around them; the whole for what is only a note.
void scene_axis_to_places(
    struct axis *axis, const struct timeline *timeline, const struct finding *finding, const GArray *places);

static inline double scene_top(const struct scene *scene)
{
    return scene->overview_height + scene->ruler_height;
}
static inline double scene_lanes_height(const struct scene *scene)
{
    return scene->height - scene_top(scene) - scene->legend_height;
}
static inline double scene_lanes_width(const struct scene *scene)
{
    return scene->width - scene->gutter;
}
// The row at a point of the picture, NULL: none.
const struct scene_row *scene_row_at(const struct scene *scene, double y);
// The row's top in the picture.
static inline double scene_row_y(const struct scene *scene, const struct scene_row *row)
{
    return scene_top(scene) + row->y - scene->scroll;
}
const struct scene_row *scene_row_of_lane(const struct scene *scene, uint32_t lane);
const struct scene_row *scene_row_of_object(const struct scene *scene, uint32_t object_id);
// Where a span is drawn: the row and the track in it; of a mark the row counts. False: nowhere in this picture.
bool scene_place_of(
    const struct scene *scene, struct span_ref ref, const struct scene_row **ret_row, unsigned *ret_track);
// "worker", or "worker (3)" when there are several of that name.
void scene_thread_name(const struct scene *scene, uint32_t lane, char *ret_text, size_t size);
// The top of a track in the picture.
double scene_track_y(const struct scene *scene, const struct scene_row *row, unsigned track);
// The span at a point, within a pixel or two. False: none.
bool scene_span_at(const struct scene *scene, double x, double y, struct span_ref *ret_span);

#endif
