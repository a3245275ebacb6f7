// SPDX-License-Identifier: MIT
// The packing of events, to be compiled into the loops that do it: chunk.c, where the layout is specified, and the recorder's
// drain, which would spend a third of its time on the call and on reading back what the call before it wrote.
#ifndef TRENZA_FORMAT_CHUNK_INLINE_H
#define TRENZA_FORMAT_CHUNK_INLINE_H

#include <endian.h>
#include <string.h>

#include "chunk.h"
#include "events.h"

#define CHUNK_KIND_MASK 0x3fu
#define CHUNK_HAS_SUBJECT 0x40u
#define CHUNK_HAS_STACK 0x80u
#define CHUNK_ARG_PREFIX 0x3fu

#define CHUNK_NUMBER_MAX 9 // bytes

_Static_assert(EVENT_KINDS <= CHUNK_ARG_PREFIX, "kinds fit the head, beside the prefix");
_Static_assert(2 + 4 * CHUNK_NUMBER_MAX <= CHUNK_EVENT_MAX,
    "room for the longest event, and for stores past a number's end");

static inline struct chunk_context *chunk_context_of(
    struct chunk_context *contexts, uint32_t last_stack, unsigned kind)
{
    const uint32_t hash = (last_stack << 6 ^ kind) * 0x9e3779b1u;
    return &contexts[hash >> 24];
}

static inline void chunk_store_word(uint8_t *at, uint64_t word)
{
    word = htole64(word);
    memcpy(at, &word, sizeof word);
}

// Stores eight bytes whatever the length: a branch on it would be mispredicted more often than not.
static inline uint8_t *chunk_put_number(uint8_t *at, uint64_t value)
{
    if (__builtin_expect(value >> 56 != 0, 0)) {
        *at = 0;
        chunk_store_word(at + 1, value);
        return at + CHUNK_NUMBER_MAX;
    }
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned bytes = (bits + 6) / 7;
    chunk_store_word(at, value << bytes | 1u << (bytes - 1));
    return at + bytes;
}

static inline uint64_t chunk_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

// The changing part of an encoder, to be kept in registers while many events are packed: begin, put as often as there is
// room, end. In between the encoder itself is not up to date.
struct chunk_run {
    uint8_t *at;
    uint8_t *last_start; // from here on an event might not fit
    uint64_t last_ticks;
    uint32_t last_subject;
    uint32_t last_stack;
    uint32_t events;
};

static inline struct chunk_run chunk_run_begin(const struct chunk_encoder *encoder)
{
    return (struct chunk_run){
        .at = encoder->data + encoder->size,
        .last_start = encoder->data + encoder->capacity - CHUNK_EVENT_MAX,
        .last_ticks = encoder->last_ticks,
        .last_subject = encoder->guess.last_subject,
        .last_stack = encoder->guess.last_stack,
        .events = encoder->events,
    };
}

static inline bool chunk_run_has_room(const struct chunk_run *run)
{
    return run->at <= run->last_start;
}

static inline __attribute__((always_inline)) void chunk_run_put(
    struct chunk_run *run, struct chunk_encoder *encoder, const struct trace_event *event)
{
    const uint64_t ticks = event->ticks > run->last_ticks ? event->ticks : run->last_ticks;
    if (__builtin_expect(run->events == 0, 0))
        encoder->first_ticks = run->last_ticks = ticks;
    struct chunk_context *context = chunk_context_of(encoder->guess.contexts, run->last_stack, event->kind);
    const uint32_t guessed = context->subject ? context->subject : run->last_subject;
    const bool new_subject = event->subject != guessed;
    const bool new_stack = event->stack != context->stack;
    uint8_t *at = run->at;

    if (__builtin_expect(event->arg != 0, 0))
        *at++ = CHUNK_ARG_PREFIX;
    *at++ =
        (uint8_t)(event->kind | (new_subject ? CHUNK_HAS_SUBJECT : 0) | (new_stack ? CHUNK_HAS_STACK : 0));
    at = chunk_put_number(at, ticks - run->last_ticks);
    if (new_subject)
        at = chunk_put_number(at, event->subject);
    if (new_stack)
        at = chunk_put_number(at, event->stack);
    if (__builtin_expect(event->arg != 0, 0))
        at = chunk_put_number(at, chunk_zigzag(event->arg));

    const uint32_t learnt = event->subject == run->last_subject ? 0 : event->subject;
    if (new_stack)
        context->stack = event->stack;
    if (context->subject != learnt)
        context->subject = learnt;
    run->last_subject = event->subject;
    run->last_stack = event->stack;
    run->last_ticks = ticks;
    run->at = at;
    run->events++;
}

static inline void chunk_run_end(const struct chunk_run *run, struct chunk_encoder *encoder)
{
    encoder->size = (size_t)(run->at - encoder->data);
    encoder->last_ticks = run->last_ticks;
    encoder->guess.last_subject = run->last_subject;
    encoder->guess.last_stack = run->last_stack;
    encoder->events = run->events;
}

#endif
