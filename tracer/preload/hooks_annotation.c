// SPDX-License-Identifier: MIT
// What programs tell about themselves through trenza.h. Called by nobody else, so a bad argument is the program's own.
#include <string.h>

#include "record.h"
#include "trenza.h"

_Static_assert(OBJECT_MUTEX == 1 && OBJECT_RWLOCK == 2 && OBJECT_SPINLOCK == 3 && OBJECT_COND == 4 &&
                   OBJECT_BARRIER == 5 && OBJECT_SEMAPHORE == 6,
    "trenza.h has these numbers in programs that were compiled long ago");

EXPORT void trenza_name_object(const volatile void *object, int kind, const char *name)
{
    struct call call;
    union {
        char text[WIRE_OBJECT_NAME_BYTES];
        uint64_t words[WIRE_OBJECT_NAME_BYTES / sizeof(uint64_t)];
    } payload = { 0 };
    if (object == NULL || name == NULL || kind < OBJECT_MUTEX || kind > OBJECT_SEMAPHORE)
        return;
    if (!call_begin(&call, (const void *)object, (enum object_kind)kind))
        return;
    strncpy(payload.text, name, sizeof payload.text - 1);
    event_emit_payload(call.thread, EVENT_OBJECT_NAME, call.object, call.stack, 0, payload.words,
        WIRE_OBJECT_NAME_BYTES / sizeof(union wire_slot));
}

EXPORT void trenza_order_by_address(const volatile void *object, int kind)
{
    struct call call;
    if (object == NULL || kind < OBJECT_MUTEX || kind > OBJECT_SPINLOCK)
        return;
    if (call_begin(&call, (const void *)object, (enum object_kind)kind))
        call_event(&call, EVENT_OBJECT_ORDERED, 0);
}

EXPORT void trenza_ignore(int begin)
{
    struct call call;
    if (call_begin_plain(&call))
        call_event(&call, EVENT_IGNORE, begin != 0);
}
