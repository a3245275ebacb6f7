// SPDX-License-Identifier: MIT
// Event kinds as an enum, and what is known of each. The list itself is event_list.h.
#ifndef TRENZA_FORMAT_EVENTS_H
#define TRENZA_FORMAT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind {
    EVENT_NONE,
#define TRENZA_EVENT(id, name, payload, meaning) EVENT_##id,
#include "event_list.h"
#undef TRENZA_EVENT
    EVENT_KINDS,
};

#define EVENT_PAYLOAD_VARIABLE (-1)

// The stable name of a kind ("acquire"), or NULL when there is no such kind. Static memory; any thread.
const char *event_name(unsigned kind);
// What the kind means, in a line of prose; NULL when there is no such kind.
const char *event_meaning(unsigned kind);
// The kind with this name, or EVENT_NONE.
enum event_kind event_kind_by_name(const char *name);
// Payload slots of a ring event: a number, or EVENT_PAYLOAD_VARIABLE.
int event_payload_slots(unsigned kind);

// Acquires in any way (plain, timed, try; exclusive or shared).
static inline bool event_is_acquire(unsigned kind)
{
    return kind >= EVENT_ACQUIRE && kind <= EVENT_ACQUIRE_TRY_SHARED;
}
// Asks and will block in any way (timed or not; exclusive or shared).
static inline bool event_is_request(unsigned kind)
{
    return kind >= EVENT_REQUEST && kind <= EVENT_REQUEST_TIMED_SHARED;
}
// Acquires or asks as a reader.
static inline bool event_is_shared(unsigned kind)
{
    return kind == EVENT_REQUEST_SHARED || kind == EVENT_REQUEST_TIMED_SHARED || kind == EVENT_ACQUIRE_SHARED ||
           kind == EVENT_ACQUIRE_TIMED_SHARED || kind == EVENT_ACQUIRE_TRY_SHARED;
}

// What kind of thing an object is. The numbers are part of the trace's format.
enum object_kind {
    OBJECT_NONE,
    OBJECT_MUTEX,
    OBJECT_RWLOCK,
    OBJECT_SPINLOCK,
    OBJECT_COND,
    OBJECT_BARRIER,
    OBJECT_SEMAPHORE,
    OBJECT_ONCE,
    OBJECT_VARIABLE, // a place in memory, where accesses are known
    OBJECT_KINDS,
};

// "mutex", "rwlock", "spinlock", "cond", "barrier", "semaphore", "once", "variable"; NULL when there is no such kind.
const char *object_kind_name(unsigned kind);

// Properties of an object, or-ed.
enum object_flags {
    OBJECT_RECURSIVE = 1 << 0,
    OBJECT_ERRORCHECK = 1 << 1,
    OBJECT_ADAPTIVE = 1 << 2,
    OBJECT_ROBUST = 1 << 3,
    OBJECT_PRIO_INHERIT = 1 << 4,
    OBJECT_PRIO_PROTECT = 1 << 5,
    OBJECT_PROCESS_SHARED = 1 << 6,
    OBJECT_PREFER_WRITER = 1 << 7, // rwlock: a waiting writer blocks new readers
    OBJECT_NAMED = 1 << 8,         // semaphore made by sem_open
    OBJECT_BY_INIT = 1 << 9,       // made by an init call; else seen first at its first use
    OBJECT_ON_STACK = 1 << 10,     // lives in a thread's stack
    OBJECT_C11 = 1 << 11,          // an mtx_t or cnd_t
    OBJECT_BY_ADDRESS = 1 << 12,   // the program says: the lower address first, among those of its class
    // What its first use finds, where that is no init call.
    OBJECT_DESTROYED = 1 << 16,     // it has been destroyed
    OBJECT_UNINITIALISED = 1 << 17, // it never was initialised here, and needed to be
    OBJECT_TAKEN = 1 << 18,         // it is locked: a copy then (with the one above), else inherited over fork
};

#endif
