// SPDX-License-Identifier: MIT
// A process's own object numbers and what they are in the trace; rows of objects. Drain thread only.
#ifndef TRENZA_RECORDER_OBJECTS_H
#define TRENZA_RECORDER_OBJECTS_H

#include "events.h"
#include "process.h"

// An object whose row is not final yet.
struct object_record {
    struct trace_object row;
    struct process *process;    // whose address it has; NULL: that process is gone
    uint32_t local;             // its number there
    struct shared_place *place; // NULL: one process's alone
    char *shared_key;           // owned; NULL: likewise
    char *name;                 // owned; what the program calls it; NULL: nothing
    bool pending;               // in recording->pending_objects
    bool unsure;                // destroyed so recently that a refusal may still follow
};

// The ref of a local id (from 1), when its page is there; NULL otherwise.
static inline struct object_ref *object_find(const struct process *process, uint32_t local)
{
    uint32_t page = (local - 1) / OBJECT_PAGE;
    if (__builtin_expect(page >= process->n_pages || process->pages[page].refs == NULL, 0))
        return NULL;
    return &process->pages[page].refs[(local - 1) % OBJECT_PAGE];
}

// What a local id means, whatever has happened to it; a new one is given an object.id. event: the kind of the event that
// mentions it. An id that cannot be (0, or far out) gives id 0.
struct object_ref object_resolve(
    struct recording *recording, struct process *process, uint32_t local, unsigned event);

// The OBJECT event.
void object_define(struct recording *recording, struct process *process, uint32_t local,
    const struct wire_object *wire, uint64_t ticks, uint32_t thread_id, uint32_t stack);
// The INIT event.
void object_initialised(struct recording *recording, struct process *process, uint32_t local, uint32_t stack);
// The OBJECT_NAME event. Of an object that is not known yet, or no more, it is forgotten.
void object_named(struct recording *recording, struct process *process, uint32_t local, const char *name);
// The OBJECT_ORDERED event.
void object_ordered(struct recording *recording, struct process *process, uint32_t local);
// DESTROY, DESTROY_FAILED and OBJECT_END (how: schema.sql's words; NULL takes a destroy back).
void object_end(
    struct recording *recording, struct process *process, uint32_t local, uint64_t ticks, const char *how);

// Forgets places that no process has used for some seconds; all of them when the recording is finishing.
void objects_forget_places(struct recording *recording);

// The row of an object of this process as it is now; NULL: it is over, or not known yet.
const struct trace_object *object_row(const struct process *process, uint32_t id);

// Writes the rows that have changed.
void objects_flush(struct recording *recording);
// The process is gone (or the recording at its end): every object that is its alone gets its last row.
void objects_close(struct recording *recording, struct process *process, uint64_t ticks);

#endif
