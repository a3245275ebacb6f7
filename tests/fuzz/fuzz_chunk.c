// SPDX-License-Identifier: MIT
// Any bytes as a chunk: decoding stays inside of them, and what was decoded can be packed and decoded again to the same.
// libFuzzer:  clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Itracer/format tests/fuzz/fuzz_chunk.c
//             tracer/format/chunk.c
// Other compilers: with fuzz_main.c.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chunk.h"
#include "fuzz.h"

#define EVENTS_MAX 4096

static bool is_same(const struct trace_event *a, const struct trace_event *b)
{
    return a->ticks == b->ticks && a->subject == b->subject && a->stack == b->stack && a->arg == b->arg &&
           a->kind == b->kind;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trace_event events[EVENTS_MAX];
    static uint8_t packed[EVENTS_MAX * CHUNK_EVENT_MAX];
    struct chunk_decoder decoder;
    struct chunk_encoder encoder;
    struct trace_event event;
    size_t n = 0;
    int r;
    uint64_t first_ticks = size ? data[0] : 0;
    chunk_decoder_init(&decoder, data, size, first_ticks);
    chunk_encoder_init(&encoder, packed, sizeof packed);
    while ((r = chunk_decode(&decoder, &event)) == 1 && n < EVENTS_MAX) {
        events[n++] = event;
        chunk_encode(&encoder, &event);
    }
    if (r != 0 && r != 1 && r != -EBADMSG)
        abort();
    static struct trace_event many[EVENTS_MAX];
    chunk_decoder_init(&decoder, data, size, first_ticks);
    if (chunk_decode_many(&decoder, many, EVENTS_MAX) != n)
        abort();
    for (size_t i = 0; i < n; i++)
        if (!is_same(&many[i], &events[i]))
            abort();
    if (n == 0)
        return 0;

    chunk_decoder_init(&decoder, packed, encoder.size, encoder.first_ticks);
    for (size_t i = 0; i < n; i++)
        if (chunk_decode(&decoder, &event) != 1 || !is_same(&event, &events[i]))
            abort();
    if (chunk_decode(&decoder, &event) != 0)
        abort();
    return 0;
}
