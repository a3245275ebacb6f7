// SPDX-License-Identifier: MIT
// The trace's own numbers for modules, frames, stacks, objects and threads, over all processes. Whatever is met for the first
// time gets the next number and its row. Drain thread only.
#ifndef TRENZA_RECORDER_IDS_H
#define TRENZA_RECORDER_IDS_H

#include <glib.h>

#include "id_table.h"
#include "wire.h"
#include "writer.h"

struct object_record;

struct ids {
    struct writer *writer;
    GHashTable *modules;    // "build id path" -> id
    struct id_table frames; // (module, offset) -> id
    struct id_table stacks; // digest of the frames -> id
    GHashTable *places;     // struct shared_place (its key part) -> itself: what is shared between processes
    uint32_t next_module;
    uint32_t next_mapping;
    uint32_t next_frame;
    uint32_t next_stack;
    uint32_t next_object;
    uint32_t next_thread;
    uint32_t next_process;
};

// Where a process-shared object lives, and which object it is at present.
struct shared_place {
    uint32_t device; // major << 20 | minor
    uint32_t users;  // pointers to it that processes keep
    uint64_t inode;
    uint64_t offset;         // bytes in the file
    int64_t unused_since_ns; // when its last user left; 0: it has users
    uint32_t object;         // id of the current generation, which lasts until the next begins
    uint32_t references;     // local ids, over all processes, that mean this place and have not ended
    // Of the current generation, also when that is over: an event of another process from before its end may still come.
    // NULL: there was none yet.
    struct object_record *record;
    // The generation before it. 0: there was none.
    uint32_t former_object;
    enum object_kind former_kind;
    int64_t former_ended_ticks;
};

void ids_init(struct ids *ids, struct writer *writer);
void ids_done(struct ids *ids);

// The module with this path and build id.
uint32_t ids_module(struct ids *ids, const char *path, const uint8_t *build_id, size_t build_id_size);
// The frame at offset (return address - bias) in module; module 0: code outside every module, offset is the address.
uint32_t ids_frame(struct ids *ids, uint32_t module, uint64_t offset);
// The stack with these frames, innermost first.
uint32_t ids_stack(struct ids *ids, const uint32_t *frames, size_t depth, bool truncated);
// The place of a process-shared object, made when it is new, with one more user.
struct shared_place *ids_place(struct ids *ids, const struct wire_object *object);
// One user less; objects_forget_places does away with the ones that nobody uses.
void ids_place_unuse(struct shared_place *place);

#endif
