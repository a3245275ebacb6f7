// SPDX-License-Identifier: MIT
// The play of a finding: a lane per thread, a column per step, the steps still to come veiled, and in words what holds now.
//
// When there are more columns than fit, those around the current step are shown.
#include "draw_witness.h"

#include <math.h>

#include "draw.h"
#include "report.h"
#include "story.h"

#define COLUMN_MIN 66
#define HEADER 56
#define TRACK_HIGH 26
#define TRACK_LOW 16
#define LINE 18
#define GUTTER 170

struct columns {
    double left; // px
    double width;
    unsigned first;
    unsigned count; // shown
    double right;
};

static struct columns columns_of(const struct play *play, unsigned done, double width)
{
    struct columns columns = { .left = width < 700 ? GUTTER * 0.75 : GUTTER, .right = width };
    double room = width - columns.left - 12;
    unsigned n = play->steps->len + 1; // one more, to see what the last step leaves
    columns.count = (unsigned)fmax(fmin(n, floor(room / COLUMN_MIN)), 1);
    columns.width = room / columns.count;
    unsigned middle = done > columns.count / 2 ? done - columns.count / 2 : 0;
    columns.first = (unsigned)fmin(middle, n - columns.count);
    return columns;
}

static double column_x(const struct columns *columns, unsigned step)
{
    return columns->left + ((double)step - columns->first) * columns->width;
}

// Steps of the story keep the numbers they have there.
static unsigned step_number(const struct play *play, unsigned i)
{
    if (play->is_witness)
        return i + 1;
    const struct finding_step *first = &g_array_index(play->finding->steps, struct finding_step, 0);
    return (unsigned)(play_step(play, i) - first) + 1;
}

static void draw_header(
    struct paint *paint, const struct play *play, const struct columns *columns, unsigned done)
{
    const struct theme *theme = paint->theme;
    char text[200];
    g_snprintf(text, sizeof text, "%s, step %u of %u",
        play->is_witness ? "How it can happen" : "How it happened", done, play->steps->len);
    double used = paint_text(paint, text, 12, 17, 0, TEXT_BOLD, theme->text);
    const char *note = play->finding->note;
    if (!note && play->is_witness)
        note = "an order of this run's events that leads there";
    if (note)
        paint_text(paint, note, 24 + used, 17, columns->right - used - 36, TEXT_SMALL, theme->dim);
    for (unsigned i = columns->first; i < MIN(columns->first + columns->count, play->steps->len); i++) {
        struct colour colour = i < done ? theme->accent : theme->faint;
        paint_badge(paint, step_number(play, i), column_x(columns, i) + 8, HEADER - 14,
            i + 1 == done ? theme->error : colour);
    }
    if (columns->first > 0)
        paint_text(paint, "…", columns->left - 12, HEADER - 14, 0, TEXT_BOLD, theme->dim);
}

// Waits look as they do on the timeline.
static enum span_kind span_kind_of(const struct play_span *span)
{
    bool lock =
        span->object && (span->object->row.kind == OBJECT_MUTEX || span->object->row.kind == OBJECT_RWLOCK ||
                            span->object->row.kind == OBJECT_SPINLOCK);
    return lock ? SPAN_WAIT_LOCK : SPAN_WAIT_COND;
}

static void draw_spans(struct paint *paint, const struct play *play, const struct columns *columns,
    unsigned lane, double y, double track_height)
{
    for (unsigned i = 0; i < play->spans->len; i++) {
        const struct play_span *span = &g_array_index(play->spans, struct play_span, i);
        double to = span->to == play->steps->len ? columns->right + 2 : column_x(columns, span->to) + 2;
        double from = fmax(column_x(columns, span->from), columns->left - 3);
        if (span->lane != lane || to <= columns->left)
            continue;
        bool lock = span->object && span_kind_of(span) == SPAN_WAIT_LOCK;
        g_autofree char *name = span->object ? finding_object_label(play->finding, span->object) : NULL;
        g_autofree char *wait = span->waits ? play_wait_text(play, span) : NULL;
        g_autofree char *label = !span->waits ? g_strdup(name)
                                 : lock       ? g_strdup_printf("wants %s", name)
                                              : g_strdup_printf("waits for %s", wait);
        struct draw_box box = {
            .x = from,
            .y = y + span->track * track_height + 1,
            .width = to - from,
            .height = track_height - 2,
            .colour = span->object ? theme_lock(paint->theme, timeline_colour(span->object->row.id))
                                   : paint->theme->wait,
            .kind = span->waits ? span_kind_of(span) : SPAN_HOLD,
            .flags = span->shared ? SPAN_SHARED : 0,
            .label = label,
        };
        draw_box(paint, &box);
    }
}

// What leaves no span behind is told by its words.
static void draw_actions(struct paint *paint, const struct play *play, const struct columns *columns,
    unsigned lane, double y, double height)
{
    for (unsigned i = columns->first; i < MIN(columns->first + columns->count, play->steps->len); i++) {
        const struct finding_step *step = play_step(play, i);
        bool has_span = false;
        for (unsigned j = 0; j < play->spans->len; j++)
            has_span = has_span || g_array_index(play->spans, struct play_span, j).from == i;
        if (play_lane(play, step->thread_id) != lane || has_span)
            continue;
        g_autofree char *words = report_step_text(play->finding, step);
        double x = column_x(columns, i);
        paint_fill(paint, x, y + 2, 3, height - 4, paint->theme->dim);
        paint_text(paint, words, x + 7, y + height / 2, columns->width - 10, TEXT_SMALL, paint->theme->text);
    }
}

static double lane_height(const struct play *play, unsigned lane, double track_height)
{
    unsigned tracks = 1;
    for (unsigned i = 0; i < play->spans->len; i++) {
        const struct play_span *span = &g_array_index(play->spans, struct play_span, i);
        if (span->lane == lane)
            tracks = MAX(tracks, span->track + 1);
    }
    return tracks * track_height + 10;
}

static double all_lanes(const struct play *play, double track_height)
{
    double sum = 0;
    for (unsigned i = 0; i < play->threads->len; i++)
        sum += lane_height(play, i, track_height);
    return sum;
}

double draw_witness_height(const struct play *play)
{
    return HEADER + all_lanes(play, TRACK_HIGH) + (play->threads->len + 1) * LINE + 14;
}

static const struct trace_process *process_of(const struct play *play, uint32_t thread_id)
{
    const struct model_thread *thread = model_thread(play->finding->model, thread_id);
    return thread ? model_process(play->finding->model, thread->row.process_id) : NULL;
}

static bool is_of_several_processes(const struct play *play)
{
    for (unsigned i = 1; i < play->threads->len; i++)
        if (process_of(play, g_array_index(play->threads, uint32_t, i)) !=
            process_of(play, g_array_index(play->threads, uint32_t, 0)))
            return true;
    return false;
}

// With its process, when not all are of one.
static void draw_name(
    struct paint *paint, const struct play *play, uint32_t thread_id, double middle, double room)
{
    g_autofree char *label = finding_thread_label(play->finding, thread_id);
    const struct trace_process *process = is_of_several_processes(play) ? process_of(play, thread_id) : NULL;
    paint_text(paint, label, 12, middle - (process ? 8 : 0), room, TEXT_BOLD, paint->theme->text);
    if (!process)
        return;
    char text[64];
    g_snprintf(text, sizeof text, "process %" G_GINT64_FORMAT, process->pid);
    paint_text(paint, text, 12, middle + 8, room, TEXT_SMALL, paint->theme->dim);
}

static double draw_lanes(
    struct paint *paint, const struct play *play, const struct columns *columns, double room)
{
    const struct theme *theme = paint->theme;
    double track_height = all_lanes(play, TRACK_HIGH) <= room ? TRACK_HIGH : TRACK_LOW;
    double y = HEADER;
    for (unsigned i = 0; i < play->threads->len; i++) {
        double height = lane_height(play, i, track_height);
        uint32_t thread_id = g_array_index(play->threads, uint32_t, i);
        paint_fill(
            paint, columns->left - 4, y + 2, columns->right - columns->left + 4, height - 4, theme->lane);
        draw_spans(paint, play, columns, i, y + 5, track_height);
        draw_actions(paint, play, columns, i, y + 5, height - 10);
        paint_fill(paint, 0, y, columns->left - 4, height, theme->background);
        draw_name(paint, play, thread_id, y + height / 2, columns->left - 24);
        y += height;
    }
    return y;
}

void draw_witness(struct paint *paint, const struct play *play, unsigned done, double width, double height)
{
    const struct theme *theme = paint->theme;
    struct columns columns = columns_of(play, done, width);
    double words = (play->threads->len + 1) * LINE + 10;
    paint_fill(paint, 0, 0, width, height, theme->background);
    double bottom = draw_lanes(paint, play, &columns, height - HEADER - words);
    double now = column_x(&columns, done);
    // After the last step nothing is to come: what is left lasts for ever.
    if (now < width && done < play->steps->len) {
        paint_fill(paint, now, HEADER, width - now, bottom - HEADER, colour_alpha(theme->background, 0.82));
        paint_line(paint, now, HEADER - 4, now, bottom, theme->accent, 2);
    }
    draw_header(paint, play, &columns, done);
    g_autofree char *state = play_state_text(play, done);
    paint_paragraph(paint, state, 12, bottom + 6, width - 24, play_is_stuck(play, done) ? TEXT_BOLD : 0,
        play_is_stuck(play, done) ? theme->error : theme->text);
}
