// SPDX-License-Identifier: MIT
// Some hundreds of merged events, packed: a quarter of the memory that goes from one processor to another.
//
// Nearly all events take one place. The others, which have more to tell or larger numbers, are stored whole in the places behind.
#ifndef TRENZA_EVENT_BATCH_H
#define TRENZA_EVENT_BATCH_H

#include <string.h>

#include "order_rules.h"

#define EVENT_BATCH_PLACES 2048u // 32 KiB: some of them stay in a processor's second-level cache

struct event_place {
    int32_t ticks; // since the event before
    uint32_t subject;
    uint32_t stack;
    uint32_t rest; // kind, PLACE_..., thread
};

#define PLACE_KIND 0x3fu
#define PLACE_OWN 0x40u   // its own thread owns the lock, else nobody
#define PLACE_WHOLE 0x80u // see behind
#define PLACE_THREAD_SHIFT 8
#define EVENT_BATCH_THREAD_MAX ((1u << 24) - 1) // of those that fit
#define PLACES_MAX 5u                           // of an event

_Static_assert(EVENT_KINDS <= PLACE_KIND, "kinds fit");
_Static_assert(
    sizeof(struct ordered_event) <= (PLACES_MAX - 1) * sizeof(struct event_place), "whole events fit");

struct event_batch {
    unsigned n_places;
    uint64_t first_sequence; // of the first event
    uint64_t first_ticks;
    uint64_t last_ticks;
    struct event_place places[EVENT_BATCH_PLACES];
};

static inline void event_batch_begin(struct event_batch *batch, uint64_t first_sequence, uint64_t ticks)
{
    batch->n_places = 0;
    batch->first_sequence = first_sequence;
    batch->first_ticks = batch->last_ticks = ticks;
}

static inline bool event_batch_has_room(const struct event_batch *batch)
{
    return batch->n_places <= EVENT_BATCH_PLACES - PLACES_MAX;
}

// Does the time from the last event to this one fit into one place?
static inline bool event_batch_is_near(const struct event_batch *batch, uint64_t ticks)
{
    const int64_t since = (int64_t)(ticks - batch->last_ticks);
    return since == (int32_t)since;
}

// An event that is near, by a thread that fits, without arg, and of which there is nothing else to tell. own: the lock is the thread's own, else nobody's.
static inline void event_batch_put_plain(
    struct event_batch *batch, const struct trace_event *event, uint32_t thread_id, bool own)
{
    const int64_t ticks = (int64_t)(event->ticks - batch->last_ticks);
    batch->last_ticks = event->ticks;
    batch->places[batch->n_places++] = (struct event_place){
        .ticks = (int32_t)ticks,
        .subject = event->subject,
        .stack = event->stack,
        .rest = event->kind | (own ? PLACE_OWN : 0) | thread_id << PLACE_THREAD_SHIFT,
    };
}

static inline void event_batch_put(struct event_batch *batch, const struct ordered_event *event)
{
    const bool own = event->owner == event->thread_id;
    if (!event->refused && !event->owner_died && !event->event.arg && (own || !event->owner) &&
        event->thread_id <= EVENT_BATCH_THREAD_MAX && event_batch_is_near(batch, event->event.ticks)) {
        event_batch_put_plain(batch, &event->event, event->thread_id, own);
        return;
    }
    batch->places[batch->n_places].rest = PLACE_WHOLE;
    memcpy(&batch->places[batch->n_places + 1], event, sizeof *event);
    batch->n_places += PLACES_MAX;
    batch->last_ticks = event->event.ticks;
}

// Where somebody who takes the events out of a batch has come to.
struct event_reader {
    const struct event_batch *batch;
    unsigned place;
    bool whole; // event was stored whole; else there is no arg, no refusal, no death and no other owner
    struct ordered_event event; // the last one taken
};

static inline void event_reader_begin(struct event_reader *reader, const struct event_batch *batch)
{
    reader->batch = batch;
    reader->place = 0;
    reader->whole = true; // whatever stood in event before
    reader->event.sequence = batch->first_sequence - 1;
    reader->event.event.ticks = batch->first_ticks;
}

// False: there are no more.
static inline bool event_reader_next(struct event_reader *reader)
{
    const struct event_batch *batch = reader->batch;
    if (reader->place == batch->n_places)
        return false;
    const struct event_place *place = &batch->places[reader->place];
    struct ordered_event *event = &reader->event;
    if (G_UNLIKELY(place->rest & PLACE_WHOLE)) {
        memcpy(event, place + 1, sizeof *event);
        reader->place += PLACES_MAX;
        reader->whole = true;
        return true;
    }
    if (G_UNLIKELY(reader->whole)) {
        event->event.arg = 0;
        event->refused = 0;
        event->owner_died = false;
        reader->whole = false;
    }
    const uint32_t thread_id = place->rest >> PLACE_THREAD_SHIFT;
    event->event.ticks += (uint64_t)(int64_t)place->ticks;
    event->event.subject = place->subject;
    event->event.stack = place->stack;
    event->event.kind = place->rest & PLACE_KIND;
    event->thread_id = thread_id;
    event->sequence++;
    event->owner = place->rest & PLACE_OWN ? thread_id : 0;
    reader->place++;
    return true;
}

#endif
