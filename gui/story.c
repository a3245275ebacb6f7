// SPDX-License-Identifier: MIT
// Finds a finding's steps on the timeline: by thread, object, stack and what was held. A finding stands for all its instances;
// what is shown is the last one where it was seen to happen, else the first.
#include "story.h"

#include <string.h>

static bool step_is_request(const struct finding_step *step)
{
    return g_str_has_prefix(step->action, "request");
}

// A finding over several processes has a model of its own, in which a lock stands for all of its class.
static bool is_object(
    const struct timeline *timeline, const struct model_object *object, const struct span *span)
{
    const struct model_object *other =
        span_names_object(span) ? model_object(timeline->model, span->subject) : NULL;
    return other && (other == object || (model_object(timeline->model, object->row.id) != object &&
                                            g_strcmp0(other->class_key, object->class_key) == 0));
}

static bool held_at(const struct timeline *timeline, const struct lane *lane,
    const struct model_object *object, uint64_t ticks, struct span_ref *ret_ref)
{
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        uint32_t at = track_find(track, ticks);
        // One that ends just then counts: the next one may begin at the same tick.
        for (uint32_t j = at ? at - 1 : 0; j < MIN(at + 1, track->count); j++) {
            const struct span *span = &track->spans[j];
            if (span->kind == SPAN_HOLD && span->begin <= ticks && span->end >= ticks &&
                is_object(timeline, object, span)) {
                *ret_ref = (struct span_ref){ (uint32_t)(lane - timeline->lanes), j, (uint8_t)i };
                return true;
            }
        }
    }
    return false;
}

static bool all_held(
    const struct timeline *timeline, const struct lane *lane, const struct finding_step *step, uint64_t ticks)
{
    struct span_ref ref;
    for (unsigned i = 0; i < step->n_holding; i++)
        if (!held_at(timeline, lane, step->holding[i], ticks, &ref))
            return false;
    return true;
}

// How well a span fits a step, 0: not at all.
static unsigned fit(
    const struct timeline *timeline, const struct finding_step *step, uint32_t stack, const struct span *span)
{
    if (!step->object || !is_object(timeline, step->object, span))
        return 0;
    unsigned score = 1;
    if (stack && span->stack == stack)
        score += 4;
    if (step_is_request(step) == (span->kind != SPAN_HOLD))
        score += 2;
    return score;
}

static struct story_place best_place(const struct timeline *timeline, const struct lane *lane,
    const struct finding_step *step, uint32_t stack, bool last)
{
    struct story_place best = { .found = false };
    unsigned best_score = 0;
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        for (uint32_t j = 0; j < track->count; j++) {
            const struct span *span = &track->spans[j];
            unsigned score = fit(timeline, step, stack, span);
            if (!score || score < best_score)
                continue;
            score += all_held(timeline, lane, step, span->begin);
            bool better = last ? span->begin >= best.ticks : span->begin < best.ticks;
            if (score > best_score || (score == best_score && better)) {
                best_score = score;
                best = (struct story_place){ { (uint32_t)(lane - timeline->lanes), j, (uint8_t)i },
                    span->begin, true };
            }
        }
    }
    return best;
}

// What an event is called that takes no time; NULL: the step is about a span.
static const char *mark_name(const char *action)
{
    static const char *const names[][2] = {
        { "create", "create" },
        { "post", "post" },
        { "release", "release" },
        { "cond-signal", "cond-signal" },
        { "cond-broadcast", "cond-broadcast" },
        { "init", "init" },
        { "destroy", "destroy" },
        { "free", "object-end" },
        { "end", "thread-end" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(names[i][0], action) == 0)
            return names[i][1];
    return NULL;
}

static bool is_subject(const struct timeline *timeline, const struct finding_step *step,
    uint32_t other_thread, const struct span_mark *mark)
{
    if (step->object && model_subject_is_object(mark->kind))
        return model_object(timeline->model, mark->subject) == step->object;
    return !other_thread || !model_subject_is_thread(mark->kind) || mark->subject == other_thread;
}

// The event itself, by its stack when that is known.
static bool mark_place(const struct timeline *timeline, const struct lane *lane,
    const struct finding_step *step, uint32_t stack, bool last, struct story_place *ret_place)
{
    const char *name = mark_name(step->action);
    bool found = false;
    for (uint32_t i = 0; name && i < lane->n_marks && (last || !found); i++) {
        const struct span_mark *mark = &lane->marks[i];
        const char *other = event_name(mark->kind);
        if (!other || strcmp(other, name) != 0 || (stack && mark->stack != stack) ||
            !is_subject(timeline, step, step->other_thread, mark))
            continue;
        *ret_place =
            (struct story_place){ { (uint32_t)(lane - timeline->lanes), i, TRACK_MARKS }, mark->ticks, true };
        found = true;
    }
    return found;
}

// A step that names no object is mostly a wait for a thread.
static bool last_join(const struct timeline *timeline, const struct lane *lane, struct span_ref *ret_ref)
{
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        uint32_t last = lane->tracks[i].count;
        if (!last || lane->tracks[i].spans[last - 1].kind != SPAN_WAIT_JOIN)
            continue;
        *ret_ref = (struct span_ref){ (uint32_t)(lane - timeline->lanes), last - 1, (uint8_t)i };
        return true;
    }
    return false;
}

static struct story_place step_place(const struct timeline *timeline, const struct united_model *united,
    const struct finding *finding, const GArray *places, unsigned at)
{
    const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, at);
    bool own = finding->model == timeline->model;
    uint32_t thread_id = own      ? step->thread_id
                         : united ? united_model_thread_origin(united, timeline->model, step->thread_id)
                                  : 0;
    uint32_t stack = own      ? step->stack
                     : united ? united_model_stack_origin(united, timeline->model, step->stack)
                              : 0;
    const struct lane *lane = timeline_lane(timeline, thread_id);
    struct story_place place = { .found = false };
    bool last = g_strcmp0(finding->verdict, "observed") == 0;
    if (!lane || (own && mark_place(timeline, lane, step, stack, last, &place)))
        return place;
    // The acquisition that a later step of the same thread builds on.
    for (unsigned i = at + 1; i < finding->steps->len && step->object; i++) {
        const struct finding_step *later = &g_array_index(finding->steps, struct finding_step, i);
        const struct story_place *known = &g_array_index(places, struct story_place, i);
        if (later->thread_id == step->thread_id && known->found && !step_is_request(step) &&
            held_at(timeline, lane, step->object, known->ticks, &place.ref)) {
            place.ticks = timeline_span(timeline, place.ref)->begin;
            place.found = true;
            return place;
        }
    }
    if (step->object)
        return best_place(timeline, lane, step, stack, last);
    if (last_join(timeline, lane, &place.ref)) {
        place.ticks = timeline_span(timeline, place.ref)->begin;
        place.found = true;
    } else if (lane->n_tracks && lane->tracks[0].count) {
        place.ref = (struct span_ref){ (uint32_t)(lane - timeline->lanes), lane->tracks[0].count - 1, 0 };
        place.ticks = lane->end;
        place.found = true;
    }
    return place;
}

GArray *story_locate(
    const struct timeline *timeline, const struct united_model *united, const struct finding *finding)
{
    GArray *places = g_array_new(false, true, sizeof(struct story_place));
    g_array_set_size(places, finding->steps->len);
    for (unsigned i = finding->steps->len; i-- > 0;)
        g_array_index(places, struct story_place, i) = step_place(timeline, united, finding, places, i);
    return places;
}

bool story_range(const GArray *places, double *ret_from, double *ret_to)
{
    bool any = false;
    for (unsigned i = 0; i < places->len; i++) {
        const struct story_place *place = &g_array_index(places, struct story_place, i);
        if (!place->found)
            continue;
        *ret_from = any ? MIN(*ret_from, (double)place->ticks) : (double)place->ticks;
        *ret_to = any ? MAX(*ret_to, (double)place->ticks) : (double)place->ticks;
        any = true;
    }
    return any;
}

const char *story_verdict(const struct finding *finding)
{
    static const char *const meanings[][2] = {
        { "observed", "it happened in this run" },
        { "confirmed", "a steered run reached it" },
        { "predicted", "another order of this very run reaches it: see the witness" },
        { "potential", "nothing recorded keeps these threads apart" },
        { "impossible", "it cannot happen" },
    };
    for (size_t i = 0; finding->verdict && i < G_N_ELEMENTS(meanings); i++)
        if (strcmp(meanings[i][0], finding->verdict) == 0)
            return meanings[i][1];
    return finding->verdict;
}
