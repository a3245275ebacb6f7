// SPDX-License-Identifier: MIT
// Events packed and unpacked again: whatever goes in comes out, whatever bytes come in do no harm, and it stays small.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chunk.h"
#include "events.h"

static uint64_t random_state = 88172645463325252;

static uint64_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t random_below(uint64_t limit)
{
    return random_word() % limit;
}

// Any number of bits is as likely as any other, and the ends are likelier.
static uint64_t random_extreme(unsigned bits)
{
    uint64_t all = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    switch (random_below(4)) {
    case 0:
        return all;
    case 1:
        return 0;
    default:
        return random_word() & all >> random_below(bits);
    }
}

static struct trace_event random_event(uint64_t last_ticks)
{
    uint64_t room = UINT64_MAX - last_ticks;
    uint64_t delta = random_below(8) ? random_below(1 << 20) : random_extreme(40);
    return (struct trace_event){
        .ticks = last_ticks + (delta < room ? delta : room),
        .subject = (uint32_t)(random_below(2) ? random_below(5) : random_extreme(32)),
        .stack = (uint32_t)(random_below(2) ? random_below(5) : random_extreme(32)),
        .arg = random_below(2) ? 0 : (int64_t)random_extreme(64),
        .kind = (uint8_t)(1 + random_below(EVENT_KINDS - 1)),
    };
}

static void assert_same_event(const struct trace_event *a, const struct trace_event *b)
{
    assert_int_equal(a->ticks, b->ticks);
    assert_int_equal(a->subject, b->subject);
    assert_int_equal(a->stack, b->stack);
    assert_int_equal(a->arg, b->arg);
    assert_int_equal(a->kind, b->kind);
}

// Packs until the chunk is full or n events are in it; returns how many.
static size_t pack(struct chunk_encoder *encoder, const struct trace_event *events, size_t n)
{
    size_t i = 0;
    for (; i < n && chunk_encoder_has_room(encoder); i++)
        chunk_encode(encoder, &events[i]);
    return i;
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    enum { N = 3000 };
    static struct trace_event events[N];
    for (unsigned round = 0; round < 200; round++) {
        size_t capacity = CHUNK_EVENT_MAX + random_below(30000);
        uint8_t *memory = malloc(capacity);
        uint64_t ticks = random_extreme(60);
        for (size_t i = 0; i < N; i++) {
            events[i] = random_event(ticks);
            ticks = events[i].ticks;
        }
        struct chunk_encoder encoder;
        chunk_encoder_init(&encoder, memory, capacity);
        for (size_t packed = 0; packed < N; chunk_encoder_restart(&encoder)) {
            size_t n = pack(&encoder, events + packed, N - packed);
            assert_true(n > 0);
            assert_int_equal(encoder.events, n);
            assert_int_equal(encoder.first_ticks, events[packed].ticks);
            assert_int_equal(encoder.last_ticks, events[packed + n - 1].ticks);

            // A copy of the exact size: reading past it would be seen.
            uint8_t *copy = malloc(encoder.size);
            memcpy(copy, memory, encoder.size);
            struct chunk_decoder decoder;
            struct trace_event event;
            chunk_decoder_init(&decoder, copy, encoder.size, encoder.first_ticks);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(chunk_decode(&decoder, &event), 1);
                assert_same_event(&event, &events[packed + i]);
            }
            assert_int_equal(chunk_decode(&decoder, &event), 0);
            assert_int_equal(chunk_decode(&decoder, &event), 0);
            free(copy);
            packed += n;
        }
        free(memory);
    }
}

// Many at once is the same as one by one, whole or damaged, wherever the calls begin and end.
static void many_at_once_are_the_same(void **state)
{
    (void)state;
    enum { N = 400 };
    static uint8_t memory[N * CHUNK_EVENT_MAX];
    for (unsigned round = 0; round < 500; round++) {
        struct chunk_encoder encoder;
        struct trace_event event = { .ticks = 0 };
        chunk_encoder_init(&encoder, memory, sizeof memory);
        for (unsigned i = 0; i < N; i++) {
            event = random_event(event.ticks);
            chunk_encode(&encoder, &event);
        }
        if (round % 2) // damage
            memory[random_below(encoder.size)] ^= (uint8_t)(1 << random_below(8));
        uint8_t *copy = malloc(encoder.size);
        memcpy(copy, memory, encoder.size);
        struct chunk_decoder one, many;
        chunk_decoder_init(&one, copy, encoder.size, encoder.first_ticks);
        chunk_decoder_init(&many, copy, encoder.size, encoder.first_ticks);
        struct trace_event events[N];
        unsigned asked, n;
        do {
            asked = 1 + (unsigned)random_below(N);
            n = chunk_decode_many(&many, events, asked);
            assert_true(n <= asked);
            for (unsigned i = 0; i < n; i++) {
                assert_int_equal(chunk_decode(&one, &event), 1);
                assert_same_event(&events[i], &event);
            }
        } while (n == asked);
        int r = chunk_decode(&one, &event);
        assert_true(r == 0 || r == -EBADMSG);
        assert_int_equal(chunk_decode(&many, &event), r);
        free(copy);
    }
}

static void the_longest_event_fits(void **state)
{
    (void)state;
    uint8_t *memory = malloc(2 * CHUNK_EVENT_MAX);
    struct chunk_encoder encoder;
    chunk_encoder_init(&encoder, memory, 2 * CHUNK_EVENT_MAX);
    chunk_encode(&encoder, &(struct trace_event){ .ticks = 0, .kind = EVENT_FORK });
    size_t before = encoder.size;
    encoder.capacity = before + CHUNK_EVENT_MAX;
    assert_true(chunk_encoder_has_room(&encoder));
    chunk_encode(
        &encoder, &(struct trace_event){ UINT64_MAX, UINT32_MAX, UINT32_MAX, INT64_MIN, EVENT_LOST });
    assert_true(encoder.size - before <= CHUNK_EVENT_MAX);
    assert_false(chunk_encoder_has_room(&encoder));
    free(memory);
}

static void times_never_decrease(void **state)
{
    (void)state;
    uint8_t memory[4 * CHUNK_EVENT_MAX];
    struct chunk_encoder encoder;
    struct chunk_decoder decoder;
    struct trace_event event;
    chunk_encoder_init(&encoder, memory, sizeof memory);
    chunk_encode(&encoder, &(struct trace_event){ .ticks = 500, .kind = EVENT_ACQUIRE });
    chunk_encode(&encoder, &(struct trace_event){ .ticks = 400, .kind = EVENT_RELEASE });
    chunk_decoder_init(&decoder, memory, encoder.size, encoder.first_ticks);
    assert_int_equal(chunk_decode(&decoder, &event), 1);
    assert_int_equal(chunk_decode(&decoder, &event), 1);
    assert_int_equal(event.ticks, 500);

    chunk_encoder_restart(&encoder);
    chunk_encode(&encoder, &(struct trace_event){ .ticks = 300, .kind = EVENT_ACQUIRE });
    assert_int_equal(encoder.first_ticks, 500);
    assert_int_equal(encoder.events, 1);
}

// The layout is a promise to every trace there is: these bytes may never come out differently.
static void the_layout_stands(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        5 | 0xc0, 0x01, 0x0f, 0xb2, 0x04, // at 1000: acquires object 7, stack 300
        12 | 0x80, 0x91, 0x13,            // 72 later: releases the same, stack 9
        5 | 0x80, 0x42, 0x06, 0xb2, 0x04, // 400 later: the context is new, so the stack is told again
        0x3f, 11, 0x01, 0x41,             // fails at once, without a stack; arg 16
    };
    static const struct trace_event events[] = {
        { 1000, 7, 300, 0, EVENT_ACQUIRE },
        { 1072, 7, 9, 0, EVENT_RELEASE },
        { 1472, 7, 300, 0, EVENT_ACQUIRE },
        { 1472, 7, 0, 16, EVENT_FAIL },
    };
    uint8_t memory[8 * CHUNK_EVENT_MAX];
    struct chunk_encoder encoder;
    chunk_encoder_init(&encoder, memory, sizeof memory);
    pack(&encoder, events, sizeof events / sizeof events[0]);
    assert_int_equal(encoder.size, sizeof expected);
    assert_memory_equal(memory, expected, sizeof expected);
}

static void a_cut_chunk_is_told(void **state)
{
    (void)state;
    enum { N = 50 };
    struct trace_event events[N];
    size_t ends[N];
    uint8_t memory[N * CHUNK_EVENT_MAX];
    struct chunk_encoder encoder;
    chunk_encoder_init(&encoder, memory, sizeof memory);
    for (size_t i = 0; i < N; i++) {
        events[i] = random_event(encoder.last_ticks);
        chunk_encode(&encoder, &events[i]);
        ends[i] = encoder.size;
    }
    for (size_t size = 0; size < encoder.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, memory, size);
        struct chunk_decoder decoder;
        struct trace_event event;
        chunk_decoder_init(&decoder, copy, size, encoder.first_ticks);
        size_t i = 0;
        for (; ends[i] <= size; i++) {
            assert_int_equal(chunk_decode(&decoder, &event), 1);
            assert_same_event(&event, &events[i]);
        }
        bool at_boundary = size == (i ? ends[i - 1] : 0);
        assert_int_equal(chunk_decode(&decoder, &event), at_boundary ? 0 : -EBADMSG);
        free(copy);
    }
}

static void any_bytes_do_no_harm(void **state)
{
    (void)state;
    size_t decoded = 0, refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        size_t size = random_below(200);
        uint8_t *bytes = malloc(size ? size : 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)random_word();
        struct chunk_decoder decoder;
        uint64_t ticks = random_extreme(64);
        chunk_decoder_init(&decoder, bytes, size, ticks);
        struct trace_event event = { 0 };
        int r;
        while ((r = chunk_decode(&decoder, &event)) == 1) {
            assert_true(event.ticks >= ticks);
            assert_non_null(event_name(event.kind));
            ticks = event.ticks;
            decoded++;
        }
        assert_true(r == 0 || r == -EBADMSG);
        refused += r != 0;
        free(bytes);
    }
    assert_true(decoded > 1000 && refused > 1000);
}

static int decode_one(const void *bytes, size_t size, uint64_t first_ticks)
{
    struct chunk_decoder decoder;
    struct trace_event event = { .ticks = 77 };
    chunk_decoder_init(&decoder, bytes, size, first_ticks);
    int r = chunk_decode(&decoder, &event);
    if (r < 0)
        assert_int_equal(event.ticks, 77);
    return r;
}

static void each_kind_of_damage_is_told(void **state)
{
    (void)state;
    static const uint8_t good[] = { EVENT_ACQUIRE, 3 }, none[] = { EVENT_NONE, 3 },
                         beyond[] = { EVENT_KINDS, 3 };
    static const uint8_t prefix_twice[] = { 0x3f, 0x3f, 1, 1, 1 }, prefix_only[] = { 0x3f };
    static const uint8_t wide_subject[] = { EVENT_ACQUIRE | 0x40, 1, 0x10, 0xff, 0xff, 0xff, 0xff };
    static const uint8_t wide_stack[] = { EVENT_ACQUIRE | 0x80, 1, 0x10, 0xff, 0xff, 0xff, 0xff };
    assert_int_equal(decode_one(good, sizeof good, 0), 1);
    assert_int_equal(decode_one(good, sizeof good, UINT64_MAX), -EBADMSG);
    assert_int_equal(decode_one(none, sizeof none, 0), -EBADMSG);
    assert_int_equal(decode_one(beyond, sizeof beyond, 0), -EBADMSG);
    assert_int_equal(decode_one(prefix_twice, sizeof prefix_twice, 0), -EBADMSG);
    assert_int_equal(decode_one(prefix_only, sizeof prefix_only, 0), -EBADMSG);
    assert_int_equal(decode_one(wide_subject, sizeof wide_subject, 0), -EBADMSG);
    assert_int_equal(decode_one(wide_stack, sizeof wide_stack, 0), -EBADMSG);
}

// Bytes per event of a stream made by `next`, in chunks of 4096.
static double density(struct trace_event (*next)(uint64_t last_ticks))
{
    enum { N = 200000, PER_CHUNK = 4096 };
    static uint8_t memory[PER_CHUNK * CHUNK_EVENT_MAX];
    struct chunk_encoder encoder;
    chunk_encoder_init(&encoder, memory, sizeof memory);
    size_t bytes = 0;
    for (size_t i = 0; i < N; i++) {
        if (encoder.events == PER_CHUNK) {
            bytes += encoder.size;
            chunk_encoder_restart(&encoder);
        }
        struct trace_event event = next(encoder.last_ticks);
        chunk_encode(&encoder, &event);
    }
    return (double)(bytes + encoder.size) / N;
}

// One lock, taken and given back at once, for ever.
static struct trace_event next_of_tight_loop(uint64_t last_ticks)
{
    static bool held;
    held = !held;
    return (struct trace_event){ last_ticks + 40 + random_below(60), 7, held ? 11 : 12, 0,
        held ? EVENT_ACQUIRE : EVENT_RELEASE };
}

// Nested locks out of 20,000, from 200 places, some of them waited for, with pauses.
static struct trace_event next_of_busy_server(uint64_t last_ticks)
{
    static uint32_t held[4], wanted, place;
    static unsigned depth;
    uint64_t ticks = last_ticks + 50 + random_below(random_below(10) ? 3000 : 200000);
    if (wanted) {
        held[depth++] = wanted;
        wanted = 0;
        return (struct trace_event){ ticks, held[depth - 1], place, 0, EVENT_ACQUIRE };
    }
    if (depth == 4 || (depth > 0 && random_below(2))) {
        depth--;
        return (struct trace_event){ ticks, held[depth], 300 + place, 0, EVENT_RELEASE };
    }
    place = 1 + (uint32_t)random_below(200);
    uint32_t lock = random_below(2) ? place : 1 + (uint32_t)random_below(20000);
    if (random_below(10) == 0) {
        wanted = lock;
        return (struct trace_event){ ticks, lock, place, 0, EVENT_REQUEST };
    }
    held[depth++] = lock;
    return (struct trace_event){ ticks, lock, place, 0, EVENT_ACQUIRE };
}

static void traces_stay_small(void **state)
{
    (void)state;
    double tight = density(next_of_tight_loop), busy = density(next_of_busy_server);
    print_message("# bytes per event: %.2f in a tight loop, %.2f in a busy server\n", tight, busy);
    assert_true(tight < 3);
    assert_true(busy < 8);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (unsigned kind = 1; kind < EVENT_KINDS; kind++) {
        assert_non_null(event_name(kind));
        assert_non_null(event_meaning(kind));
        assert_int_equal(event_kind_by_name(event_name(kind)), kind);
    }
    assert_null(event_name(EVENT_NONE));
    assert_null(event_name(EVENT_KINDS));
    assert_int_equal(event_kind_by_name("no-such-kind"), EVENT_NONE);
    assert_int_equal(event_kind_by_name(NULL), EVENT_NONE);
    assert_int_equal(event_payload_slots(EVENT_OBJECT), 3);
    assert_int_equal(event_payload_slots(EVENT_STACK), EVENT_PAYLOAD_VARIABLE);
    assert_string_equal(object_kind_name(OBJECT_RWLOCK), "rwlock");
    assert_null(object_kind_name(OBJECT_KINDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(many_at_once_are_the_same),
        cmocka_unit_test(the_longest_event_fits),
        cmocka_unit_test(times_never_decrease),
        cmocka_unit_test(the_layout_stands),
        cmocka_unit_test(a_cut_chunk_is_told),
        cmocka_unit_test(any_bytes_do_no_harm),
        cmocka_unit_test(each_kind_of_damage_is_told),
        cmocka_unit_test(traces_stay_small),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
