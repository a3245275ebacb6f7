// SPDX-License-Identifier: MIT
// Packs and unpacks the events of a chunk.
//
// Layout. A chunk is a sequence of events and nothing else; where it begins in time is told beside it (the column
// first_ticks), so is how many events it holds. An event is
//
//   | 0x3f |  head  |  ticks  | subject |  stack  |   arg   |
//     (c)                         (a)       (b)       (c)
//
//   head     bits 0-5: enum event_kind, 1 to 62;  bit 6: (a) follows;  bit 7: (b) follows
//   ticks    number: since the event before; the first event's is since first_ticks, that is, 0
//   subject  number, 32 bits; not there when it was guessed
//   stack    number, 32 bits; not there when it was guessed
//   arg      number, zigzag (0, -1, 1, -2 ... become 0, 1, 2, 3 ...); there only after a byte 0x3f, else arg is 0
//
// A number takes 1 to 9 bytes, little-endian. The position of the lowest bit set in its first byte says how many: bit 0:
// one byte, bit 7: eight; none set: the next eight bytes are the number. The bits above it, 7 a byte, are the number:
//
//   xxxxxxx1                      0 to 127
//   xxxxxx10 xxxxxxxx             0 to 16383, and so on
//
// The guess. Threads go in circles: what happens next at one place in the program is what happened next the last time
// there. A table of 256 contexts, all zero at the start of a chunk, is looked up by the stack of the event before and
// the kind of this one (context_of); it says which stack came then, and which subject. A subject of 0 there means "the
// same as the event before", which guesses right when a place locks another object each time (acquire x, release x,
// acquire y, release y). After each event its context is set to what it really was, by reader and writer alike.
//
// So an uncontended acquire or release in a loop takes 2 or 3 bytes: head, and ticks.
// Blind spot: ids are packed as they are, so a program that walks over millions of locks pays 4 bytes for each subject.
#include "chunk.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "events.h"

#define KIND_MASK 0x3fu
#define HAS_SUBJECT 0x40u
#define HAS_STACK 0x80u
#define ARG_PREFIX 0x3fu

#define NUMBER_MAX 9 // bytes

_Static_assert(EVENT_KINDS <= ARG_PREFIX, "kinds fit the head, beside the prefix");
_Static_assert(
    2 + 4 * NUMBER_MAX <= CHUNK_EVENT_MAX, "room for the longest event, and for stores past a number's end");

static inline struct chunk_context *context_of(struct chunk_guess *guess, unsigned kind)
{
    uint32_t hash = (guess->last_stack << 6 ^ kind) * 0x9e3779b1u;
    return &guess->contexts[hash >> 24];
}

static inline void learn(
    struct chunk_guess *guess, struct chunk_context *context, uint32_t subject, uint32_t stack)
{
    context->stack = stack;
    context->subject = subject == guess->last_subject ? 0 : subject;
    guess->last_subject = subject;
    guess->last_stack = stack;
}

static inline uint32_t guessed_subject(const struct chunk_guess *guess, const struct chunk_context *context)
{
    return context->subject ? context->subject : guess->last_subject;
}

static inline void store_word(uint8_t *at, uint64_t word)
{
    word = htole64(word);
    memcpy(at, &word, sizeof word);
}

// Stores eight bytes whatever the length: a branch on it would be mispredicted more often than not.
static inline uint8_t *put_number(uint8_t *at, uint64_t value)
{
    if (__builtin_expect(value >> 56 != 0, 0)) {
        *at = 0;
        store_word(at + 1, value);
        return at + NUMBER_MAX;
    }
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned bytes = (bits + 6) / 7;
    store_word(at, value << bytes | 1u << (bytes - 1));
    return at + bytes;
}

// Where the number at `at` ends, or NULL when it does not end before `end`.
static inline const uint8_t *get_number(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    uint8_t near_end[NUMBER_MAX] = { 0 };
    size_t left = (size_t)(end - at);
    const uint8_t *from = at;
    if (__builtin_expect(left < NUMBER_MAX, 0)) {
        if (left == 0)
            return NULL;
        memcpy(near_end, at, left);
        from = near_end;
    }
    size_t bytes = from[0] ? (size_t)__builtin_ctz(from[0]) + 1 : NUMBER_MAX;
    if (bytes > left)
        return NULL;
    uint64_t word;
    memcpy(&word, bytes == NUMBER_MAX ? from + 1 : from, sizeof word);
    word = le64toh(word);
    *ret_value = bytes == NUMBER_MAX ? word : word >> bytes & ((UINT64_C(1) << 7 * bytes) - 1);
    return at + bytes;
}

static inline uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

void chunk_encoder_init(struct chunk_encoder *encoder, void *data, size_t capacity)
{
    memset(encoder, 0, sizeof *encoder);
    encoder->data = data;
    encoder->capacity = capacity;
}

void chunk_encoder_restart(struct chunk_encoder *encoder)
{
    uint64_t last_ticks = encoder->last_ticks;
    chunk_encoder_init(encoder, encoder->data, encoder->capacity);
    encoder->last_ticks = last_ticks;
}

void chunk_encode(struct chunk_encoder *encoder, const struct trace_event *event)
{
    assert(event->kind != EVENT_NONE && event->kind < EVENT_KINDS);
    uint8_t *at = encoder->data + encoder->size;
    uint64_t ticks = event->ticks > encoder->last_ticks ? event->ticks : encoder->last_ticks;
    if (encoder->events == 0)
        encoder->first_ticks = encoder->last_ticks = ticks;

    struct chunk_context *context = context_of(&encoder->guess, event->kind);
    bool new_subject = event->subject != guessed_subject(&encoder->guess, context);
    bool new_stack = event->stack != context->stack;

    if (event->arg)
        *at++ = ARG_PREFIX;
    *at++ = (uint8_t)(event->kind | (new_subject ? HAS_SUBJECT : 0) | (new_stack ? HAS_STACK : 0));
    at = put_number(at, ticks - encoder->last_ticks);
    if (new_subject)
        at = put_number(at, event->subject);
    if (new_stack)
        at = put_number(at, event->stack);
    if (event->arg)
        at = put_number(at, zigzag(event->arg));

    learn(&encoder->guess, context, event->subject, event->stack);
    encoder->last_ticks = ticks;
    encoder->size = (size_t)(at - encoder->data);
    encoder->events++;
}

void chunk_decoder_init(struct chunk_decoder *decoder, const void *data, size_t size, uint64_t first_ticks)
{
    memset(decoder, 0, sizeof *decoder);
    decoder->at = data;
    decoder->end = decoder->at + size;
    decoder->ticks = first_ticks;
}

int chunk_decode(struct chunk_decoder *decoder, struct trace_event *ret_event)
{
    const uint8_t *at = decoder->at;
    const uint8_t *end = decoder->end;
    if (at == end)
        return 0;

    bool has_arg = *at == ARG_PREFIX;
    if (has_arg && ++at == end)
        return -EBADMSG;
    unsigned head = *at++;
    unsigned kind = head & KIND_MASK;
    if (kind == EVENT_NONE || kind >= EVENT_KINDS)
        return -EBADMSG;

    struct chunk_context *context = context_of(&decoder->guess, kind);
    uint64_t delta, subject = guessed_subject(&decoder->guess, context), stack = context->stack, arg = 0;
    at = get_number(at, end, &delta);
    if (at && head & HAS_SUBJECT)
        at = get_number(at, end, &subject);
    if (at && head & HAS_STACK)
        at = get_number(at, end, &stack);
    if (at && has_arg)
        at = get_number(at, end, &arg);
    if (!at || subject > UINT32_MAX || stack > UINT32_MAX || delta > UINT64_MAX - decoder->ticks)
        return -EBADMSG;

    learn(&decoder->guess, context, (uint32_t)subject, (uint32_t)stack);
    decoder->at = at;
    decoder->ticks += delta;
    *ret_event = (struct trace_event){
        .ticks = decoder->ticks,
        .subject = (uint32_t)subject,
        .stack = (uint32_t)stack,
        .arg = unzigzag(arg),
        .kind = (uint8_t)kind,
    };
    return 1;
}
