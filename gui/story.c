// SPDX-License-Identifier: MIT
// Finds a finding's steps on the timeline: by thread, object, stack and what was held. A finding stands for all its instances;
// what is shown is the last one where it was seen to happen, else the first.
#include "story.h"

#include <string.h>

static bool step_is_request(const struct finding_step *step)
{
    return g_str_has_prefix(step->action, "request");
}

static bool held_at(const struct timeline *timeline, const struct lane *lane, uint32_t object_id,
    uint64_t ticks, struct span_ref *ret_ref)
{
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        uint32_t at = track_find(track, ticks);
        // One that ends just then counts: the next one may begin at the same tick.
        for (uint32_t j = at ? at - 1 : 0; j < MIN(at + 1, track->count); j++) {
            const struct span *span = &track->spans[j];
            if (span->kind == SPAN_HOLD && span->subject == object_id && span->begin <= ticks &&
                span->end >= ticks) {
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
        if (!held_at(timeline, lane, step->holding[i]->row.id, ticks, &ref))
            return false;
    return true;
}

// How well a span fits a step, 0: not at all.
static unsigned fit(const struct finding_step *step, const struct span *span)
{
    if (!step->object || !span_names_object(span) || span->subject != step->object->row.id)
        return 0;
    unsigned score = 1;
    if (step->stack && span->stack == step->stack)
        score += 4;
    if (step_is_request(step) == (span->kind != SPAN_HOLD))
        score += 2;
    return score;
}

static struct story_place best_place(
    const struct timeline *timeline, const struct lane *lane, const struct finding_step *step, bool last)
{
    struct story_place best = { .found = false };
    unsigned best_score = 0;
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        for (uint32_t j = 0; j < track->count; j++) {
            const struct span *span = &track->spans[j];
            unsigned score = fit(step, span);
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

static struct story_place step_place(
    const struct timeline *timeline, const struct finding *finding, const GArray *places, unsigned at)
{
    const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, at);
    const struct lane *lane = timeline_lane(timeline, step->thread_id);
    struct story_place place = { .found = false };
    if (!lane)
        return place;
    // The acquisition that a later step of the same thread builds on.
    for (unsigned i = at + 1; i < finding->steps->len && step->object; i++) {
        const struct finding_step *later = &g_array_index(finding->steps, struct finding_step, i);
        const struct story_place *known = &g_array_index(places, struct story_place, i);
        if (later->thread_id == step->thread_id && known->found && !step_is_request(step) &&
            held_at(timeline, lane, step->object->row.id, known->ticks, &place.ref)) {
            place.ticks = timeline_span(timeline, place.ref)->begin;
            place.found = true;
            return place;
        }
    }
    bool last = g_strcmp0(finding->verdict, "observed") == 0;
    if (step->object)
        return best_place(timeline, lane, step, last);
    if (lane->n_tracks && lane->tracks[0].count) {
        place.ref = (struct span_ref){ (uint32_t)(lane - timeline->lanes), lane->tracks[0].count - 1, 0 };
        place.ticks = lane->end;
        place.found = true;
    }
    return place;
}

GArray *story_locate(const struct timeline *timeline, const struct finding *finding)
{
    GArray *places = g_array_new(false, true, sizeof(struct story_place));
    g_array_set_size(places, finding->steps->len);
    for (unsigned i = finding->steps->len; i-- > 0;)
        g_array_index(places, struct story_place, i) = step_place(timeline, finding, places, i);
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

static const char *verb(const char *action)
{
    static const char *const verbs[][2] = {
        { "acquire", "takes" },
        { "acquire-shared", "takes, for reading," },
        { "acquire-timed", "takes" },
        { "acquire-try", "takes (by trylock)" },
        { "request", "wants" },
        { "request-shared", "wants, for reading," },
        { "join-request", "waits for the end of" },
        { "join", "has joined" },
        { "create", "creates" },
        { "release", "gives back" },
        { "cond-wait", "waits on" },
        { "cond-wake", "wakes from" },
        { "cond-signal", "signals" },
        { "cond-broadcast", "wakes all waiters of" },
        { "barrier-arrive", "arrives at" },
        { "barrier-leave", "leaves" },
        { "init", "makes" },
        { "end", "ends" },
        { "exit", "ends the program" },
        { "destroy", "destroys" },
        { "free", "ends the life of the memory of" },
        { "post", "posts" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(verbs[i][0], action) == 0)
            return verbs[i][1];
    return action;
}

char *story_step_text(const struct finding *finding, const struct finding_step *step)
{
    GString *text = g_string_new(verb(step->action));
    if (step->object) {
        g_autofree char *label = finding_object_label(finding, step->object);
        g_string_append_printf(text, " '%s'", label);
    }
    if (step->other_thread) {
        g_autofree char *label = finding_thread_label(finding, step->other_thread);
        g_string_append_printf(text, " %s", label);
    }
    for (unsigned i = 0; i < step->n_holding; i++) {
        g_autofree char *label = finding_object_label(finding, step->holding[i]);
        g_string_append_printf(text, "%s'%s'",
            i == 0                    ? ", holding "
            : i + 1 < step->n_holding ? ", "
                                      : " and ",
            label);
    }
    return g_string_free(text, false);
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
