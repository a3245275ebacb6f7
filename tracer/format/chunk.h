// SPDX-License-Identifier: MIT
// The compact form of a thread's events in the trace: a chunk is a BLOB of consecutive events of one thread.
// The layout is specified at the top of chunk.c. Pure functions over memory: no allocation, no I/O; any thread.
#ifndef TRENZA_FORMAT_CHUNK_H
#define TRENZA_FORMAT_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One event as a trace tells it. Numbers are the trace's own (store.h), not a process's.
struct trace_event {
    uint64_t ticks;   // since the recording's zero; never decreases within a thread
    uint32_t subject; // object.id or thread.id, by kind; 0: none
    uint32_t stack;   // stack.id; 0: none
    int64_t arg;      // event_list.h; COND_WAIT and COND_WAKE: see chunk_arg_*
    uint8_t kind;     // enum event_kind
};

// COND_WAIT and COND_WAKE carry two numbers in arg: the mutex's object.id and a small code.
static inline int64_t chunk_arg_pair(uint32_t object, uint32_t code)
{
    return (int64_t)((uint64_t)object << 16 | (code & 0xffff));
}
static inline uint32_t chunk_arg_object(int64_t arg)
{
    return (uint32_t)((uint64_t)arg >> 16);
}
static inline uint32_t chunk_arg_code(int64_t arg)
{
    return (uint32_t)(arg & 0xffff);
}

// What the next event will probably be, learnt from the events before it; encoder and decoder learn alike. chunk.c's
// business.
#define CHUNK_CONTEXTS 256u // a power of two
struct chunk_context {
    uint32_t stack;
    uint32_t subject; // 0: the subject of the event before
};
struct chunk_guess {
    uint32_t last_subject;
    uint32_t last_stack;
    struct chunk_context contexts[CHUNK_CONTEXTS];
};

#define CHUNK_EVENT_MAX 40u // an encoded event is never longer than this, bytes

struct chunk_encoder {
    uint8_t *data;   // owned by the caller
    size_t size;     // bytes used
    size_t capacity; // bytes there are
    uint32_t events; // events in it
    uint64_t first_ticks;
    uint64_t last_ticks;
    struct chunk_guess guess;
};

// Starts an empty chunk over the caller's memory of capacity bytes.
void chunk_encoder_init(struct chunk_encoder *encoder, void *data, size_t capacity);
// Starts the same thread's next chunk in the same memory: as init, but times go on from the last chunk's end, so that
// they never decrease across chunks either.
void chunk_encoder_restart(struct chunk_encoder *encoder);
// True when another event surely fits.
static inline bool chunk_encoder_has_room(const struct chunk_encoder *encoder)
{
    return encoder->capacity - encoder->size >= CHUNK_EVENT_MAX;
}
// Appends one event; the caller made sure of room and of a kind that exists. A time before the last one counts as the
// last one.
void chunk_encode(struct chunk_encoder *encoder, const struct trace_event *event);

struct chunk_decoder {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t ticks;
    struct chunk_guess guess;
};

// Starts reading a chunk that begins at first_ticks. The memory stays the caller's and must outlive the decoder.
void chunk_decoder_init(struct chunk_decoder *decoder, const void *data, size_t size, uint64_t first_ticks);
// 1: *ret_event is the next event; 0: the end; -EBADMSG: the chunk is damaged (safe on any bytes whatever).
int chunk_decode(struct chunk_decoder *decoder, struct trace_event *ret_event);
// The next n events at once, at a fraction of the cost. Returns how many there were; when fewer, chunk_decode() says why.
unsigned chunk_decode_many(struct chunk_decoder *decoder, struct trace_event *ret_events, unsigned n);

#endif
