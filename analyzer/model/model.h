// SPDX-License-Identifier: MIT
// What a trace says beside its events, in memory: processes, threads, objects, code, incidents, findings' surroundings.
// Everything is looked up by the trace's own ids; an id the trace has no row for gives NULL. All strings and rows
// belong to the model and live as long as it does. Read-only after loading: any thread.
#ifndef TRENZA_MODEL_H
#define TRENZA_MODEL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "store.h"

#define MODEL_ERROR (model_error_quark())
GQuark model_error_quark(void);
enum model_error {
    MODEL_ERROR_TRACE,     // no trace, a damaged or newer one, or it cannot be read
    MODEL_ERROR_CANCELLED, // whoever asked for it no longer wants it
    MODEL_ERROR_MEMORY,    // it is too long for the memory there is
};

struct model_symbol {
    const char *function; // NULL: not known
    const char *file;     // NULL: not known
    int64_t function_offset;
    int64_t line;
    bool inlined;
};

struct model_frame {
    struct trace_frame row;
    const struct model_symbol *symbols; // innermost first
    unsigned n_symbols;
};

struct model_stack {
    uint32_t id;
    unsigned depth;
    bool truncated;
    const uint32_t *frames; // frame ids, innermost first
};

struct model_object {
    struct trace_object row;
    const char *label; // "queue_lock", or "mutex at queue.c:30"
    const char
        *class_key; // equal for objects made at the same place in the code; stable across runs and machines
    const char *
        fingerprint; // what ids are made of: its class_key. Of what is only known by its first use, which the next run
                     // may have elsewhere, its kind
    unsigned class_id;      // its class_key as a small number, from 1
    const char *created_in; // "f (queue.c:30)"; NULL: not known
};

struct model_thread {
    struct trace_thread row;
    const char *label; // its name, "main", or the name of its start routine
};

struct model_incident {
    uint32_t id;
    int64_t ticks;
    const char *what;
    const struct trace_incident_thread *threads;
    unsigned n_threads;
    const struct trace_incident_hold *holds; // of all its threads
    unsigned n_holds;
};

struct model_coverage {
    uint32_t process_id;
    const char *what;
    const char *detail;
};

struct model {
    struct store *store; // the trace it was loaded from; the caller's, must outlive the model

    GPtrArray *processes; // of struct trace_process *, by id; NULL where there is none; so for all below
    GPtrArray *threads;   // of struct model_thread *
    GPtrArray *objects;   // of struct model_object *
    GPtrArray *modules;   // of struct trace_module *
    GPtrArray *frames;    // of struct model_frame *
    GPtrArray *stacks;    // of struct model_stack *
    GPtrArray *incidents; // of struct model_incident *, in order, no gaps
    GPtrArray *coverage;  // of struct model_coverage *, in order, no gaps
    unsigned n_processes;
    unsigned n_threads;
    unsigned n_objects;
    unsigned n_classes;
    uint64_t n_events;
    uint64_t n_lost;

    double ns_per_tick;
    int64_t ticks_per_second;
    const char *ended;             // meta's "ended"; "" when not known
    const char *working_directory; // "" when not known
    const char *confirmed; // ids of findings that steered re-runs reached, blanks between; NULL or "": none
    const char *not_confirmed; // and of those that they did not
    int exit_status;           // of the main program; -1: not known
    char **command_line;       // NULL-terminated; empty when not known
    bool complete;             // the recording was closed in order

    GHashTable *sources; // "file:line" -> text
    GStringChunk *strings;
    GPtrArray *blocks; // memory to free
};

// Reads all tables of the trace but its events. Memory grows with objects, threads and stacks, never with events.
// NULL and *error on failure.
struct model *model_load(struct store *store, GError **error);
void model_free(struct model *model);

static inline void *model_row(const GPtrArray *table, uint32_t id)
{
    return id < table->len ? table->pdata[id] : NULL;
}
static inline const struct trace_process *model_process(const struct model *model, uint32_t id)
{
    return model_row(model->processes, id);
}
static inline const struct model_thread *model_thread(const struct model *model, uint32_t id)
{
    return model_row(model->threads, id);
}
static inline const struct model_object *model_object(const struct model *model, uint32_t id)
{
    return model_row(model->objects, id);
}
static inline const struct trace_module *model_module(const struct model *model, uint32_t id)
{
    return model_row(model->modules, id);
}
static inline const struct model_frame *model_frame(const struct model *model, uint32_t id)
{
    return model_row(model->frames, id);
}
static inline const struct model_stack *model_stack(const struct model *model, uint32_t id)
{
    return model_row(model->stacks, id);
}

// Mutexes, rwlocks and spinlocks have one; semaphores have none.
static inline bool model_object_has_owner(const struct model_object *object)
{
    const unsigned kinds = 1u << OBJECT_MUTEX | 1u << OBJECT_RWLOCK | 1u << OBJECT_SPINLOCK;
    return object && kinds >> object->row.kind & 1;
}

// The text of a source line kept in the trace, or NULL.
const char *model_source(const struct model *model, const char *file, int64_t line);

// The name of a system call that was recorded, "read"; NULL: there is none of that number.
const char *model_call_name(uint32_t number);

// What an event's subject names.
static inline bool model_subject_is_object(unsigned kind)
{
    return kind - EVENT_REQUEST <= EVENT_OBJECT_END - EVENT_REQUEST || kind == EVENT_READ ||
           kind == EVENT_WRITE;
}
bool model_subject_is_thread(unsigned kind);

// A copy of text that lives as long as the model; NULL stays NULL.
const char *model_string(struct model *model, const char *text);

#endif
