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
// the kind of this one (chunk_context_of); it says which stack came then, and which subject. A subject of 0 there means "the
// same as the event before", which guesses right when a place locks another object each time (acquire x, release x,
// acquire y, release y). After each event its context is set to what it really was, by reader and writer alike.
//
// So an uncontended acquire or release in a loop takes 2 or 3 bytes: head, and ticks.
// Blind spot: ids are packed as they are, so a program that walks over millions of locks pays 4 bytes for each subject.
#include "chunk_inline.h"

#include <assert.h>
#include <errno.h>

// Where the number at `at` ends, or NULL when it does not end before `end`.
static inline const uint8_t *get_number(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    uint8_t near_end[CHUNK_NUMBER_MAX] = { 0 };
    size_t left = (size_t)(end - at);
    const uint8_t *from = at;
    if (__builtin_expect(left < CHUNK_NUMBER_MAX, 0)) {
        if (left == 0)
            return NULL;
        memcpy(near_end, at, left);
        from = near_end;
    }
    size_t bytes = from[0] ? (size_t)__builtin_ctz(from[0]) + 1 : CHUNK_NUMBER_MAX;
    if (bytes > left)
        return NULL;
    uint64_t word;
    memcpy(&word, bytes == CHUNK_NUMBER_MAX ? from + 1 : from, sizeof word);
    word = le64toh(word);
    *ret_value = bytes == CHUNK_NUMBER_MAX ? word : word >> bytes & ((UINT64_C(1) << 7 * bytes) - 1);
    return at + bytes;
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
    struct chunk_run run = chunk_run_begin(encoder);
    chunk_run_put(&run, encoder, event);
    chunk_run_end(&run, encoder);
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

    bool has_arg = *at == CHUNK_ARG_PREFIX;
    if (has_arg && ++at == end)
        return -EBADMSG;
    unsigned head = *at++;
    unsigned kind = head & CHUNK_KIND_MASK;
    if (kind == EVENT_NONE || kind >= EVENT_KINDS)
        return -EBADMSG;

    struct chunk_guess *guess = &decoder->guess;
    struct chunk_context *context = chunk_context_of(guess->contexts, guess->last_stack, kind);
    uint64_t delta, subject = context->subject ? context->subject : guess->last_subject,
                    stack = context->stack, arg = 0;
    at = get_number(at, end, &delta);
    if (at && head & CHUNK_HAS_SUBJECT)
        at = get_number(at, end, &subject);
    if (at && head & CHUNK_HAS_STACK)
        at = get_number(at, end, &stack);
    if (at && has_arg)
        at = get_number(at, end, &arg);
    if (!at || subject > UINT32_MAX || stack > UINT32_MAX || delta > UINT64_MAX - decoder->ticks)
        return -EBADMSG;

    context->stack = (uint32_t)stack;
    context->subject = subject == guess->last_subject ? 0 : (uint32_t)subject;
    guess->last_subject = (uint32_t)subject;
    guess->last_stack = (uint32_t)stack;
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

// A number that surely ends in the memory that is there. at: moved behind it.
static inline __attribute__((always_inline)) uint64_t take_number(const uint8_t **at)
{
    uint64_t word;
    memcpy(&word, *at, sizeof word);
    word = le64toh(word);
    if (__builtin_expect((word & 0xff) == 0, 0)) {
        memcpy(&word, *at + 1, sizeof word);
        *at += CHUNK_NUMBER_MAX;
        return le64toh(word);
    }
    const unsigned bytes = (unsigned)__builtin_ctzll(word) + 1;
    *at += bytes;
    // What lies behind the number goes out at the upper end, how long it is at the lower one.
    return word << ((0 - 8 * bytes) & 63) >> ((0 - 7 * bytes) & 63);
}

// Decodes as long as events are as nearly all are: without arg, and not near the end.
static unsigned decode_plain(struct chunk_decoder *decoder, struct trace_event *ret_events, unsigned n)
{
    const uint8_t *at = decoder->at;
    const uint8_t *end = decoder->end;
    uint64_t ticks = decoder->ticks;
    uint32_t last_subject = decoder->guess.last_subject;
    uint32_t last_stack = decoder->guess.last_stack;
    unsigned done = 0;
    while (done < n && (size_t)(end - at) >= CHUNK_EVENT_MAX) {
        const uint8_t *next = at;
        const unsigned head = *next++;
        const unsigned kind = head & CHUNK_KIND_MASK;
        struct chunk_context *context = chunk_context_of(decoder->guess.contexts, last_stack, kind);
        const uint64_t delta = take_number(&next);
        uint64_t subject = context->subject ? context->subject : last_subject;
        uint64_t stack = context->stack;
        if (head & CHUNK_HAS_SUBJECT)
            subject = take_number(&next);
        if (head & CHUNK_HAS_STACK)
            stack = take_number(&next);
        // The prefix of an arg is no kind either.
        if (__builtin_expect(
                kind - 1 >= EVENT_KINDS - 1 || (subject | stack) > UINT32_MAX || delta > UINT64_MAX - ticks,
                0))
            break;
        context->stack = (uint32_t)stack;
        context->subject = subject == last_subject ? 0 : (uint32_t)subject;
        last_subject = (uint32_t)subject;
        last_stack = (uint32_t)stack;
        ticks += delta;
        at = next;
        ret_events[done++] = (struct trace_event){
            .ticks = ticks,
            .subject = last_subject,
            .stack = last_stack,
            .kind = (uint8_t)kind,
        };
    }
    decoder->at = at;
    decoder->ticks = ticks;
    decoder->guess.last_subject = last_subject;
    decoder->guess.last_stack = last_stack;
    return done;
}

unsigned chunk_decode_many(struct chunk_decoder *decoder, struct trace_event *ret_events, unsigned n)
{
    unsigned done = 0;
    while (done < n) {
        done += decode_plain(decoder, ret_events + done, n - done);
        if (done == n || chunk_decode(decoder, &ret_events[done]) != 1)
            break;
        done++;
    }
    return done;
}
