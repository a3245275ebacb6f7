// SPDX-License-Identifier: MIT
// Entries come by beginning and take the first free track of their kind. Where a history is long, only what is just before the
// view is looked at, so a track may change as the view moves.
#include "lock_lane.h"

#include <math.h>

#define OWNERS_MAX 4u
#define WAITERS_MAX 6u
#define WHOLE_MAX 4096u // a history up to so long is laid out from its beginning
#define LOOK_BACK 64u   // entries before the view that may reach into it, of a longer one

struct group {
    uint64_t ends[MAX(OWNERS_MAX, WAITERS_MAX)];
    unsigned n; // tracks it has
    unsigned used;
};

static unsigned take_track(struct group *group, const struct span *span, bool *ret_crowded)
{
    unsigned track = 0;
    while (track < group->n && group->ends[track] > span->begin)
        track++;
    *ret_crowded = track == group->n;
    track = MIN(track, group->n - 1);
    group->ends[track] = MAX(group->ends[track], span->end);
    group->used = MAX(group->used, track + 1);
    return track;
}

void lock_lane_tracks(
    const struct timeline *timeline, uint32_t object_id, unsigned *ret_owners, unsigned *ret_waiters)
{
    const struct object_history *history = &timeline->histories[object_id];
    struct group owners = { .n = OWNERS_MAX };
    struct group waiters = { .n = WAITERS_MAX };
    for (uint32_t i = 0; i < MIN(history->count, WHOLE_MAX); i++) {
        if (history->refs[i].track == TRACK_MARKS)
            continue;
        const struct span *span = timeline_span(timeline, history->refs[i]);
        bool crowded;
        take_track(span->kind == SPAN_HOLD ? &owners : &waiters, span, &crowded);
    }
    *ret_owners = MAX(owners.used, history->holds > 0);
    *ret_waiters = MAX(waiters.used, history->waits > 0);
    if (*ret_owners + *ret_waiters == 0)
        *ret_owners = 1;
}

static void in_view(
    const struct scene *scene, const struct scene_row *row, uint32_t *ret_first, uint32_t *ret_last)
{
    const struct object_history *history = &scene->timeline->histories[row->id];
    uint32_t first = timeline_history_until(scene->timeline, history, (uint64_t)fmax(scene->axis.from, 0));
    *ret_last = timeline_history_until(scene->timeline, history, (uint64_t)fmax(scene->axis.to, 0));
    *ret_first = history->count <= WHOLE_MAX ? 0 : first - MIN(first, LOOK_BACK);
}

uint32_t lock_lane_count(const struct scene *scene, const struct scene_row *row)
{
    const struct object_history *history = &scene->timeline->histories[row->id];
    uint64_t from = (uint64_t)fmax(scene->axis.from, 0);
    uint64_t to = (uint64_t)fmax(scene->axis.to, 0);
    return timeline_history_until(scene->timeline, history, to) -
           timeline_history_until(scene->timeline, history, from);
}

GArray *lock_lane_entries(const struct scene *scene, const struct scene_row *row)
{
    const struct object_history *history = &scene->timeline->histories[row->id];
    GArray *entries = g_array_new(false, false, sizeof(struct lock_entry));
    unsigned n_waiters = row->n_tracks - row->n_owners;
    struct group owners = { .n = MAX(row->n_owners, 1) };
    struct group waiters = { .n = MAX(n_waiters, 1) };
    uint32_t first;
    uint32_t last;
    in_view(scene, row, &first, &last);
    for (uint32_t i = first; i < last; i++) {
        if (history->refs[i].track == TRACK_MARKS)
            continue;
        const struct span *span = timeline_span(scene->timeline, history->refs[i]);
        struct lock_entry entry = { .ref = history->refs[i] };
        if (span->kind == SPAN_HOLD)
            entry.track = take_track(&owners, span, &entry.crowded);
        else
            entry.track = MIN(row->n_owners, row->n_tracks - 1) + take_track(&waiters, span, &entry.crowded);
        entry.track = MIN(entry.track, row->n_tracks - 1);
        if ((double)span->end >= scene->axis.from)
            g_array_append_val(entries, entry);
    }
    return entries;
}

bool lock_lane_find(
    const struct scene *scene, const struct scene_row *row, struct span_ref ref, unsigned *ret_track)
{
    g_autoptr(GArray) entries = lock_lane_entries(scene, row);
    for (unsigned i = 0; i < entries->len; i++) {
        const struct lock_entry *entry = &g_array_index(entries, struct lock_entry, i);
        if (entry->ref.lane != ref.lane || entry->ref.track != ref.track || entry->ref.index != ref.index)
            continue;
        *ret_track = entry->track;
        return true;
    }
    return false;
}
