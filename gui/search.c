// SPDX-License-Identifier: MIT
// First the names are searched, of which there are few; then spans are matched by number.
#include "search.h"

#include <string.h>

#include "call_stack.h"

struct search {
    const struct timeline *timeline;
    char *text;    // case-folded
    bool *lanes;   // by number
    bool *objects; // by id
    bool *stacks;  // by id
};

static bool contains(const struct search *search, const char *name)
{
    if (!name)
        return false;
    g_autofree char *folded = g_utf8_casefold(name, -1);
    return strstr(folded, search->text) != NULL;
}

static bool stack_contains(const struct search *search, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(search->timeline->model, stack_id, frames);
    for (unsigned i = 0; i < frames->len; i++)
        if (contains(search, g_array_index(frames, struct call_frame, i).function))
            return true;
    return false;
}

struct search *search_new(const struct timeline *timeline, const char *text)
{
    const struct model *model = timeline->model;
    struct search *search = g_new0(struct search, 1);
    search->timeline = timeline;
    search->text = g_utf8_casefold(text, -1);
    search->lanes = g_new0(bool, timeline->n_lanes + 1);
    search->objects = g_new0(bool, model->objects->len + 1);
    search->stacks = g_new0(bool, model->stacks->len + 1);
    for (unsigned i = 0; i < timeline->n_lanes; i++)
        search->lanes[i] = contains(search, timeline->lanes[i].thread->label);
    for (uint32_t i = 0; i < model->objects->len; i++)
        search->objects[i] = model_object(model, i) && contains(search, model_object(model, i)->label);
    for (uint32_t i = 0; i < model->stacks->len; i++)
        search->stacks[i] = model_stack(model, i) && stack_contains(search, i);
    return search;
}

void search_free(struct search *search)
{
    if (!search)
        return;
    g_free(search->text);
    g_free(search->lanes);
    g_free(search->objects);
    g_free(search->stacks);
    g_free(search);
}

static bool matches(const struct search *search, uint32_t lane, const struct span *span)
{
    const struct model *model = search->timeline->model;
    if (search->lanes[lane] || (span->stack < model->stacks->len && search->stacks[span->stack]))
        return true;
    return span_names_object(span) && span->subject < model->objects->len && search->objects[span->subject];
}

static bool comes_before(const struct timeline *timeline, struct span_ref a, struct span_ref b)
{
    uint64_t x = timeline_span(timeline, a)->begin;
    uint64_t y = timeline_span(timeline, b)->begin;
    if (x != y)
        return x < y;
    return a.lane != b.lane ? a.lane < b.lane : a.track != b.track ? a.track < b.track : a.index < b.index;
}

bool search_next(const struct search *search, bool after, struct span_ref *ref)
{
    const struct timeline *timeline = search->timeline;
    struct span_ref best = *ref;
    bool found = false;
    for (uint32_t i = 0; i < timeline->n_lanes; i++) {
        for (unsigned j = 0; j < timeline->lanes[i].n_tracks; j++) {
            const struct track *track = &timeline->lanes[i].tracks[j];
            for (uint32_t k = after ? track_find(track, timeline_span(timeline, *ref)->begin) : 0;
                 k < track->count; k++) {
                struct span_ref other = { i, k, (uint8_t)j };
                if (found && !comes_before(timeline, other, best))
                    break;
                if ((after && !comes_before(timeline, *ref, other)) || !matches(search, i, &track->spans[k]))
                    continue;
                best = other;
                found = true;
                break;
            }
        }
    }
    *ref = best;
    return found;
}
