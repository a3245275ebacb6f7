// SPDX-License-Identifier: MIT
// A target without a preload: speaks wire.h's handshake and writes into rings whatever a test wants.
#ifndef TRENZA_TESTS_FAKE_TARGET_H
#define TRENZA_TESTS_FAKE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "events.h"
#include "wire.h"

// One thread of the fake process, on one slot of its segment.
struct fake_thread {
    struct wire_segment *segment;
    struct wire_session *session; // NULL: no doorbell to ring
    struct wire_ring *control;
    union wire_slot *slots;
    uint64_t ticks; // of the last event; every event is 10 later than the one before
};

// Says hello at the session's socket and maps what comes back. False: it was refused.
bool fake_attach(const char *socket_path, const struct wire_hello *hello, struct wire_segment **ret_segment,
    struct wire_session **ret_session);

// Takes a slot and writes THREAD_START.
struct fake_thread fake_thread_start(struct wire_segment *segment, struct wire_session *session,
    uint32_t slot, uint32_t serial, uint32_t creator);
// Writes an event with n payload words (an even number), waiting for room when the ring is full.
void fake_event(struct fake_thread *thread, enum event_kind kind, uint32_t subject, uint16_t stack,
    uint16_t arg, const uint64_t *words, unsigned n);
// The same without payload.
void fake_plain(struct fake_thread *thread, enum event_kind kind, uint32_t subject, uint16_t stack);
void fake_object(struct fake_thread *thread, uint32_t object, const struct wire_object *wire);
// A mutex with these flags, at an address made from its number.
void fake_mutex(struct fake_thread *thread, uint32_t object, uint32_t flags);
// Defines a stack slot.
void fake_stack(struct fake_thread *thread, uint16_t stack, const uint64_t *frames, unsigned depth);
// Announces a module.
void fake_module(struct wire_segment *segment, const char *path, uint64_t start, uint64_t end, uint64_t bias,
    uint64_t loaded_ticks);

#endif
