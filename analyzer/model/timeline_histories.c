// SPDX-License-Identifier: MIT
// Each object's history over all lanes, by merging their sorted tracks: in one pass it is written down, repaired and summed up, while
// the spans are near at hand (fetching each of them again from all over the memory takes several times as long).
//
// The objects are dealt out in parts: a worker goes over all tracks and takes what is its part's. So histories of one part share nothing with
// those of another, however many workers there are. Of a long trace there are several parts for each worker, because the pyramids of all
// objects of a part are filled at once, in four times the memory that they need later.
// Blind to a trace with one busy lock: its history is one worker's.
#include <string.h>

#include "timeline_private.h"
#include "tournament.h"
#include "work.h"

#define EARLY_NS 5000.0       // as in merge.c
#define FEW_ENTRIES 512u      // a history so short needs no pyramid
#define PART_ENTRIES 4000000u // spans and marks: 128 MB of pyramids being filled, at most
// Of a worker, at most, as each goes over all tracks. What is being filled is then less than what the lanes' pyramids take later.
#define PARTS_EACH 3u
#define PARTS_MAX (PARTS_EACH * WORKERS_MAX)
#define TELL_ENTRIES 65536u

// An object's history while it grows; on a line of memory of its own, as its neighbours are filled by other workers meanwhile.
struct filling {
    struct object_history history;
    struct span *owner; // the last hold that excludes others, its end can still change; NULL: none yet
    uint32_t owner_lane;
} __attribute__((aligned(64)));

struct merging {
    struct timeline *timeline;
    uint64_t early;
    uint16_t *part_of;       // by object id
    struct filling *objects; // by object id
};

// One track of one lane, or its marks.
struct run {
    const struct lane *lane;
    uint32_t lane_number;
    uint32_t next;
    uint32_t count;
    uint32_t object_id; // of the next
    uint8_t track;
};

// On to the next entry that is the part's: false: there is none.
static bool find_next(const struct merging *merging, uint32_t part, struct run *run, uint64_t *ret_begin)
{
    const uint32_t n_objects = merging->timeline->model->objects->len;
    for (; run->next < run->count; run->next++) {
        uint32_t object_id = timeline_object_at(run->lane, run->track, run->next, ret_begin);
        if (object_id && object_id < n_objects && merging->part_of[object_id] == part) {
            run->object_id = object_id;
            return true;
        }
    }
    return false;
}

static void enter_run(
    const struct merging *merging, uint32_t part, struct tournament *tournament, const struct run *run)
{
    uint64_t begin;
    struct run first = *run;
    if (!find_next(merging, part, &first, &begin))
        return;
    struct run *player = g_memdup2(&first, sizeof first);
    unsigned place = tournament_enter(tournament, player);
    tournament_play(tournament, place, begin, place);
}

static void enter_runs(const struct merging *merging, uint32_t part, struct tournament *tournament)
{
    const struct timeline *timeline = merging->timeline;
    for (uint32_t i = 0; i < timeline->n_lanes; i++)
        for (unsigned j = 0; j <= TRACK_MARKS; j++) {
            const struct lane *lane = &timeline->lanes[i];
            struct run run = {
                .lane = lane, .lane_number = i, .track = (uint8_t)j, .count = lane_count(lane, j)
            };
            enter_run(merging, part, tournament, &run);
        }
}

// Two owners at once are a clock's error when they overlap by little, else a release by somebody else.
static void repair_overlap(struct span *a, struct span *b, bool b_is_first, uint64_t early)
{
    if (b->begin >= a->end)
        return;
    if (a->end - b->begin > early || b->end < a->end) {
        a->end = b->begin;
        a->flags &= (uint8_t)~SPAN_OPEN;
        return;
    }
    if (!b_is_first) {
        struct span *wait = b - 1;
        // In this order: of a span of another lock the times may be repaired just now, by another thread.
        if (wait->kind == SPAN_WAIT_LOCK && wait->subject == b->subject && wait->end == b->begin)
            wait->end = a->end;
    }
    b->begin = a->end;
}

static void sum_up(struct object_history *history, const struct span *span, uint32_t lane_number)
{
    if (!history->pyramid)
        return;
    struct pyramid_span piece = timeline_piece(span, 1, timeline_colour(lane_number + 1));
    pyramid_add(history->pyramid, &piece);
}

static void take_owner(const struct merging *merging, const struct run *run, struct filling *object)
{
    struct span *span = &run->lane->tracks[run->track].spans[run->next];
    if (object->owner)
        repair_overlap(object->owner, span, run->next == 0, merging->early);
    object->history.hold_ticks += span->end - span->begin;
    // Only now can its end not be repaired any more.
    if (object->owner)
        sum_up(&object->history, object->owner, object->owner_lane);
    object->owner = span;
    object->owner_lane = run->lane_number;
}

static void take_entry(const struct merging *merging, const struct run *run)
{
    struct filling *object = &merging->objects[run->object_id];
    struct object_history *history = &object->history;
    ((struct span_ref *)history->refs)[history->count++] =
        (struct span_ref){ .lane = run->lane_number, .index = run->next, .track = run->track };
    if (run->track == TRACK_MARKS)
        return;
    const struct span *span = &run->lane->tracks[run->track].spans[run->next];
    if (span->kind != SPAN_HOLD) {
        history->waits++;
        history->wait_ticks += span->end - span->begin;
        sum_up(history, span, run->lane_number);
        return;
    }
    history->holds++;
    if (span->flags & SPAN_SHARED) {
        history->hold_ticks += span->end - span->begin;
        sum_up(history, span, run->lane_number);
    } else {
        take_owner(merging, run, object);
    }
}

static void begin_part(const struct merging *merging, uint32_t part)
{
    const struct timeline *timeline = merging->timeline;
    for (uint32_t i = 1; i < timeline->model->objects->len; i++) {
        struct object_history *history = &merging->objects[i].history;
        if (merging->part_of[i] != part)
            continue;
        *history = timeline->histories[i];
        if (history->count > FEW_ENTRIES)
            history->pyramid = pyramid_new(timeline->begin, timeline->end, history->count);
        history->count = 0;
    }
}

static void finish_part(const struct merging *merging, uint32_t part)
{
    const struct timeline *timeline = merging->timeline;
    for (uint32_t i = 1; i < timeline->model->objects->len; i++) {
        struct filling *object = &merging->objects[i];
        if (merging->part_of[i] != part)
            continue;
        if (object->owner)
            sum_up(&object->history, object->owner, object->owner_lane);
        if (object->history.pyramid)
            pyramid_finish(object->history.pyramid);
        timeline->histories[i] = object->history;
    }
}

static void merge_part(struct work *work, unsigned worker, uint32_t part)
{
    struct merging *merging = work->data;
    struct tournament tournament;
    struct run *run;
    tournament_init(&tournament);
    begin_part(merging, part);
    enter_runs(merging, part, &tournament);
    bool go_on = true;
    uint32_t n = 0;
    while (go_on && (run = tournament_best(&tournament))) {
        unsigned place = (uint32_t)tournament.nodes[1];
        uint64_t begin;
        take_entry(merging, run);
        run->next++;
        if (find_next(merging, part, run, &begin))
            tournament_play(&tournament, place, begin, place);
        else
            tournament_rest(&tournament, place);
        if (++n % TELL_ENTRIES == 0)
            go_on = work_done(work, worker, TELL_ENTRIES);
    }
    work_done(work, worker, n % TELL_ENTRIES);
    finish_part(merging, part);
    for (unsigned i = 0; i < tournament.places; i++)
        g_free(tournament.players[i]);
    tournament_done(&tournament);
}

// Each history gets its stretch of refs, to be filled.
static uint64_t place_histories(struct timeline *timeline)
{
    uint64_t n = 0;
    for (uint32_t i = 1; i < timeline->model->objects->len; i++)
        n += timeline->histories[i].count;
    const struct span_ref *at = timeline->refs = g_new(struct span_ref, n + 1);
    for (uint32_t i = 1; i < timeline->model->objects->len; i++) {
        timeline->histories[i].refs = at;
        at += timeline->histories[i].count;
    }
    return n;
}

// To each object the part that has the fewest entries so far.
static void deal_out(struct merging *merging, uint32_t n_parts)
{
    uint64_t entries[PARTS_MAX] = { 0 };
    for (uint32_t i = 1; i < merging->timeline->model->objects->len; i++) {
        uint32_t part = 0;
        for (uint32_t j = 1; j < n_parts; j++)
            if (entries[j] < entries[part])
                part = j;
        merging->part_of[i] = (uint16_t)part;
        entries[part] += merging->timeline->histories[i].count;
    }
}

bool timeline_make_histories(struct timeline *timeline, const struct timeline_step *step)
{
    const uint32_t n_objects = timeline->model->objects->len;
    const uint64_t n_entries = place_histories(timeline);
    struct merging merging = {
        .timeline = timeline,
        .early = (uint64_t)(EARLY_NS / timeline->model->ns_per_tick),
        .part_of = g_new0(uint16_t, n_objects + 1),
        .objects = g_aligned_alloc0(n_objects + 1, sizeof(struct filling), _Alignof(struct filling)),
    };
    struct work work = {
        .piece = merge_part,
        .data = &merging,
        .units = n_entries,
        .progress = step->progress,
        .progress_data = step->data,
        .from = step->from,
        .to = step->to,
    };
    const uint32_t workers = work_workers(WORKERS_MAX, n_entries);
    work.n_pieces = (uint32_t)CLAMP(n_entries / PART_ENTRIES, workers, workers * PARTS_EACH);
    deal_out(&merging, work.n_pieces);
    bool done = work_share(&work);
    g_free(merging.part_of);
    g_aligned_free(merging.objects);
    return done;
}
