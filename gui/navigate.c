// SPDX-License-Identifier: MIT
// Steps through the spans of a timeline by bisection in their tracks.
#include "navigate.h"

bool navigate_first(const struct timeline *timeline, uint64_t ticks, struct span_ref *ref)
{
    for (uint32_t i = 0; i < timeline->n_lanes; i++) {
        for (unsigned j = 0; j < timeline->lanes[i].n_tracks; j++) {
            const struct track *track = &timeline->lanes[i].tracks[j];
            uint32_t at = track_find(track, ticks);
            if (at < track->count) {
                *ref = (struct span_ref){ i, at, (uint8_t)j };
                return true;
            }
        }
    }
    return false;
}

// The order of events in a lane: by beginning, then outer tracks first.
static bool comes_before(const struct lane *lane, struct span_ref a, struct span_ref b)
{
    uint64_t x = lane->tracks[a.track].spans[a.index].begin;
    uint64_t y = lane->tracks[b.track].spans[b.index].begin;
    if (x != y)
        return x < y;
    return a.track != b.track ? a.track < b.track : a.index < b.index;
}

bool navigate_event(const struct timeline *timeline, struct span_ref *ref, bool forward)
{
    const struct lane *lane = &timeline->lanes[ref->lane];
    uint64_t here = lane->tracks[ref->track].spans[ref->index].begin;
    struct span_ref best = *ref;
    bool found = false;
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        uint32_t at = track_find(track, here);
        // Around here lie at most a few candidates: spans of a track do not overlap.
        for (uint32_t j = at > 2 ? at - 2 : 0; j < track->count && j < at + 3; j++) {
            struct span_ref other = { ref->lane, j, (uint8_t)i };
            bool beyond = forward ? comes_before(lane, *ref, other) : comes_before(lane, other, *ref);
            bool nearer = forward ? comes_before(lane, other, best) : comes_before(lane, best, other);
            if (!beyond || (found && !nearer))
                continue;
            best = other;
            found = true;
        }
    }
    *ref = best;
    return found;
}

static bool comes_before_anywhere(const struct timeline *timeline, struct span_ref a, struct span_ref b)
{
    uint64_t x = timeline_span(timeline, a)->begin;
    uint64_t y = timeline_span(timeline, b)->begin;
    if (x != y)
        return x < y;
    return a.lane != b.lane ? a.lane < b.lane : comes_before(&timeline->lanes[a.lane], a, b);
}

// The nearest span of a track that comes after (or before) ref in the order of all.
static bool nearest_of_track(const struct timeline *timeline, const struct track *track, uint32_t lane,
    unsigned track_id, struct span_ref ref, bool forward, struct span_ref *ret_ref)
{
    uint32_t at = track_find(track, timeline_span(timeline, ref)->begin);
    uint32_t from = at > 2 ? at - 2 : 0;
    uint32_t to = MIN(track->count, at + 3);
    for (uint32_t i = from; i < to; i++) {
        struct span_ref other = { lane, forward ? i : to - 1 - (i - from), (uint8_t)track_id };
        if (forward ? comes_before_anywhere(timeline, ref, other)
                    : comes_before_anywhere(timeline, other, ref)) {
            *ret_ref = other;
            return true;
        }
    }
    return false;
}

bool navigate_any(const struct timeline *timeline, struct span_ref *ref, bool forward)
{
    struct span_ref best = *ref;
    bool found = false;
    for (uint32_t i = 0; i < timeline->n_lanes; i++) {
        const struct lane *lane = &timeline->lanes[i];
        for (unsigned j = 0; j < lane->n_tracks; j++) {
            struct span_ref other;
            if (!nearest_of_track(timeline, &lane->tracks[j], i, j, *ref, forward, &other))
                continue;
            if (found && !(forward ? comes_before_anywhere(timeline, other, best)
                                   : comes_before_anywhere(timeline, best, other)))
                continue;
            best = other;
            found = true;
        }
    }
    *ref = best;
    return found;
}

bool navigate_object(
    const struct timeline *timeline, uint32_t object_id, uint64_t ticks, struct span_ref *ref)
{
    const struct object_history *history = &timeline->histories[object_id];
    uint32_t until = timeline_history_until(timeline, history, ticks);
    for (uint32_t i = until; i-- > 0;)
        if (history->refs[i].track != TRACK_MARKS) {
            *ref = history->refs[i];
            return true;
        }
    for (uint32_t i = until; i < history->count; i++)
        if (history->refs[i].track != TRACK_MARKS) {
            *ref = history->refs[i];
            return true;
        }
    return false;
}

bool navigate_lane(const struct timeline *timeline, struct span_ref *ref, int by)
{
    uint64_t here = timeline_span(timeline, *ref)->begin;
    for (int64_t i = (int64_t)ref->lane + by; i >= 0 && i < timeline->n_lanes; i += by) {
        const struct track *track = &timeline->lanes[i].tracks[0];
        if (!track->count)
            continue;
        uint32_t at = track_find(track, here);
        *ref = (struct span_ref){ (uint32_t)i, at < track->count ? at : track->count - 1, 0 };
        return true;
    }
    return false;
}

static bool same_span(struct span_ref a, struct span_ref b)
{
    return a.lane == b.lane && a.track == b.track && a.index == b.index;
}

// A repaired acquisition begins a little later than its place in the history says, so the place is looked for around.
static bool history_find(
    const struct object_history *history, struct span_ref ref, uint32_t near, uint32_t *ret_at)
{
    for (uint32_t away = 0; away <= near || near + away < history->count; away++) {
        if (away <= near && near - away < history->count && same_span(history->refs[near - away], ref)) {
            *ret_at = near - away;
            return true;
        }
        if (near + away < history->count && same_span(history->refs[near + away], ref)) {
            *ret_at = near + away;
            return true;
        }
    }
    return false;
}

bool navigate_lock(const struct timeline *timeline, struct span_ref *ref, bool forward)
{
    const struct span *span = timeline_span(timeline, *ref);
    if (!span_names_object(span) || span->subject >= timeline->model->objects->len)
        return false;
    const struct object_history *history = &timeline->histories[span->subject];
    uint32_t at = timeline_history_until(timeline, history, span->begin);
    if (!history_find(history, *ref, at ? at - 1 : 0, &at))
        return false;
    while (forward ? at + 1 < history->count : at > 0) {
        at = forward ? at + 1 : at - 1;
        if (history->refs[at].track == TRACK_MARKS)
            continue;
        *ref = history->refs[at];
        return true;
    }
    return false;
}

static bool wait_during(const struct timeline *timeline, const struct span *hold, struct span_ref *ref)
{
    const struct lane *lane = &timeline->lanes[ref->lane];
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        const struct track *track = &lane->tracks[i];
        uint32_t at = track_find(track, hold->begin);
        for (; at < track->count && track->spans[at].begin <= hold->end; at++) {
            if (track->spans[at].kind != SPAN_WAIT_LOCK || track->spans[at].begin < hold->begin)
                continue;
            *ref = (struct span_ref){ ref->lane, at, (uint8_t)i };
            return true;
        }
    }
    return false;
}

bool navigate_owner(const struct timeline *timeline, struct span_ref *ref)
{
    const struct span *span = timeline_span(timeline, *ref);
    if (span->kind == SPAN_HOLD)
        return wait_during(timeline, span, ref);
    if (span->kind == SPAN_WAIT_JOIN) {
        const struct lane *lane = timeline_lane(timeline, span->subject);
        if (!lane || !lane->tracks[0].count)
            return false;
        *ref = (struct span_ref){ (uint32_t)(lane - timeline->lanes), lane->tracks[0].count - 1, 0 };
        return true;
    }
    struct span_ref owner;
    if (!timeline_find_owner(timeline, *ref, &owner))
        return false;
    *ref = owner;
    return true;
}
