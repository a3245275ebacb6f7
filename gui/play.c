// SPDX-License-Identifier: MIT
// Follows locks through a handful of steps.
#include "play.h"

#include <string.h>

#include "report.h"
#include "story.h"

static bool begins_with(const char *action, const char *word)
{
    return g_str_has_prefix(action, word);
}

unsigned play_lane(const struct play *play, uint32_t thread_id)
{
    for (unsigned i = 0; i < play->threads->len; i++)
        if (g_array_index(play->threads, uint32_t, i) == thread_id)
            return i;
    return play->threads->len;
}

static struct play_span *open_span(
    struct play *play, unsigned lane, const struct model_object *object, bool waits)
{
    for (unsigned i = play->spans->len; i-- > 0;) {
        struct play_span *span = &g_array_index(play->spans, struct play_span, i);
        bool same = object ? span->object == object : waits;
        if (span->lane == lane && same && span->waits == waits && span->to == play->steps->len)
            return span;
    }
    return NULL;
}

static unsigned free_track(const struct play *play, unsigned lane)
{
    for (unsigned track = 0;; track++) {
        bool taken = false;
        for (unsigned i = 0; i < play->spans->len; i++) {
            const struct play_span *span = &g_array_index(play->spans, struct play_span, i);
            taken = taken || (span->lane == lane && span->track == track && span->to == play->steps->len);
        }
        if (!taken)
            return track;
    }
}

static void begin_span(struct play *play, unsigned at, const struct finding_step *step, bool waits)
{
    unsigned lane = play_lane(play, step->thread_id);
    struct play_span span = {
        .lane = lane,
        .track = free_track(play, lane),
        .from = at,
        .to = play->steps->len,
        .object = step->object,
        .other_thread = step->other_thread,
        .waits = waits,
        .shared = strstr(step->action, "shared") != NULL,
    };
    play->n_tracks = MAX(play->n_tracks, span.track + 1);
    g_array_append_val(play->spans, span);
}

static void end_span(struct play_span *span, unsigned at)
{
    if (span)
        span->to = at;
}

static void follow(struct play *play, unsigned at)
{
    const struct finding_step *step = play_step(play, at);
    const char *action = step->action;
    unsigned lane = play_lane(play, step->thread_id);
    // A wait lasts until the thread does anything else.
    for (unsigned i = 0; i < play->spans->len; i++) {
        struct play_span *span = &g_array_index(play->spans, struct play_span, i);
        if (span->lane == lane && span->waits && span->to == play->steps->len)
            span->to = at;
    }
    bool takes = begins_with(action, "acquire") || strcmp(action, "once-begin") == 0 ||
                 strcmp(action, "take-permit") == 0;
    if (takes && step->object) {
        if (!open_span(play, lane, step->object, false))
            begin_span(play, at, step, false);
    } else if (begins_with(action, "request") || strcmp(action, "join-request") == 0 ||
               strcmp(action, "cond-wait") == 0 || strcmp(action, "barrier-arrive") == 0 ||
               strcmp(action, "once-request") == 0) {
        begin_span(play, at, step, true);
    } else if (strcmp(action, "release") == 0 && step->object) {
        end_span(open_span(play, lane, step->object, false), at);
    }
}

struct placed {
    const struct finding_step *step;
    uint64_t ticks;
    unsigned position;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a;
    const struct placed *y = b;
    if (x->ticks != y->ticks)
        return x->ticks < y->ticks ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

// The finding's own steps by the time at which they were seen; false when that is not known of all.
static bool add_own_steps(struct play *play, const GArray *places)
{
    const GArray *steps = play->finding->steps;
    g_autoptr(GArray) placed = g_array_new(false, false, sizeof(struct placed));
    for (unsigned i = 0; i < steps->len; i++) {
        const struct story_place *place = &g_array_index(places, struct story_place, i);
        struct placed one = { &g_array_index(steps, struct finding_step, i), place->ticks, i };
        if (!place->found)
            return false;
        g_array_append_val(placed, one);
    }
    g_array_sort(placed, compare_placed);
    for (unsigned i = 0; i < placed->len; i++)
        g_array_append_val(play->steps, g_array_index(placed, struct placed, i).step);
    return true;
}

struct play *play_new(const struct finding *finding, const GArray *places)
{
    struct play *play = g_new0(struct play, 1);
    play->finding = finding;
    play->is_witness = finding->witness->len > 0;
    play->steps = g_array_new(false, false, sizeof(const struct finding_step *));
    play->threads = g_array_new(false, false, sizeof(uint32_t));
    play->spans = g_array_new(false, false, sizeof(struct play_span));
    play->n_tracks = 1;
    for (unsigned i = 0; i < finding->witness->len; i++) {
        const struct finding_step *step = &g_array_index(finding->witness, struct finding_step, i);
        g_array_append_val(play->steps, step);
    }
    bool playable = play->is_witness ||
                    (places && g_strcmp0(finding->verdict, "observed") == 0 && add_own_steps(play, places));
    if (!playable || !play->steps->len) {
        play_free(play);
        return NULL;
    }
    for (unsigned i = 0; i < play->steps->len; i++) {
        uint32_t thread_id = play_step(play, i)->thread_id;
        if (play_lane(play, thread_id) == play->threads->len)
            g_array_append_val(play->threads, thread_id);
    }
    for (unsigned i = 0; i < play->steps->len; i++)
        follow(play, i);
    return play;
}

void play_free(struct play *play)
{
    if (!play)
        return;
    g_array_unref(play->steps);
    g_array_unref(play->threads);
    g_array_unref(play->spans);
    g_free(play);
}

char *play_step_text(const struct play *play, unsigned i)
{
    const struct finding_step *step = play_step(play, i);
    g_autofree char *thread = finding_thread_label(play->finding, step->thread_id);
    g_autofree char *words = report_step_text(play->finding, step);
    return g_strdup_printf("%s %s", thread, words);
}

char *play_wait_text(const struct play *play, const struct play_span *span)
{
    g_autofree char *thread =
        span->other_thread ? finding_thread_label(play->finding, span->other_thread) : NULL;
    if (!span->object)
        return g_strdup_printf("the end of %s", thread ? thread : "a thread");
    g_autofree char *label = finding_object_label(play->finding, span->object);
    switch (span->object->row.kind) {
    case OBJECT_COND:
        return g_strdup_printf("a signal of '%s'", label);
    case OBJECT_SEMAPHORE:
        return g_strdup_printf("a permit of '%s'", label);
    case OBJECT_BARRIER:
        return g_strdup_printf("the others at the barrier '%s'", label);
    case OBJECT_ONCE:
        return g_strdup_printf("the routine of '%s'", label);
    default:
        return g_strdup_printf("'%s'", label);
    }
}

static bool lasts(const struct play_span *span, unsigned done)
{
    return span->from < done && span->to >= done;
}

// Returns how many there are; held: that of the other list, told before.
static unsigned append_list(
    GString *text, const struct play *play, unsigned lane, unsigned done, bool waits, unsigned n_held)
{
    const char *begin = !waits ? " holds " : n_held ? ", waits for " : " waits for ";
    unsigned n = 0;
    for (unsigned i = 0; i < play->spans->len; i++) {
        const struct play_span *span = &g_array_index(play->spans, struct play_span, i);
        if (span->lane != lane || span->waits != waits || !lasts(span, done))
            continue;
        g_autofree char *held = !waits ? finding_object_label(play->finding, span->object) : NULL;
        g_autofree char *label = waits ? play_wait_text(play, span) : g_strdup_printf("'%s'", held);
        g_string_append_printf(text, "%s%s", n++ ? " and " : begin, label);
    }
    return n;
}

static bool is_idle(const struct play *play, unsigned lane, unsigned done)
{
    for (unsigned i = 0; i < play->spans->len; i++) {
        const struct play_span *span = &g_array_index(play->spans, struct play_span, i);
        if (span->lane == lane && lasts(span, done))
            return false;
    }
    return true;
}

char *play_state_text(const struct play *play, unsigned done)
{
    GString *text = g_string_new(NULL);
    for (unsigned lane = 0; lane < play->threads->len; lane++) {
        if (is_idle(play, lane, done))
            continue;
        g_autofree char *thread =
            finding_thread_label(play->finding, g_array_index(play->threads, uint32_t, lane));
        g_string_append_printf(text, "%s%s", text->len ? "\n" : "", thread);
        unsigned held = append_list(text, play, lane, done, false, 0);
        append_list(text, play, lane, done, true, held);
    }
    if (!text->len)
        g_string_append(text, "Nobody holds or waits for a lock.");
    if (play_is_stuck(play, done))
        g_string_append(text, "\nNobody can go on.");
    return g_string_free(text, false);
}

bool play_is_stuck(const struct play *play, unsigned done)
{
    unsigned waiting = 0;
    for (unsigned i = 0; i < play->spans->len; i++) {
        const struct play_span *span = &g_array_index(play->spans, struct play_span, i);
        waiting += span->waits && span->to == play->steps->len;
    }
    return done == play->steps->len && waiting > 0;
}
