// SPDX-License-Identifier: MIT
// What the drain thread knows of one process: its segments and rings, its modules, and its own numbers for threads and
// objects with what they are in the trace.
//
//   struct recording   one: the way to the trace, the trace's numbers, totals
//   struct process     one per program image (fork and exec make new ones)
//   struct segment     its shared memory, `slots` rings
//   struct ring        one slot of it, as its consumer sees it
#ifndef TRENZA_RECORDER_PROCESS_H
#define TRENZA_RECORDER_PROCESS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ids.h"
#include "nursery.h"
#include "session.h"
#include "wire.h"
#include "writer.h"

struct recording {
    struct writer writer;
    struct ids ids;
    struct session *session;
    GPtrArray *pending_objects; // of struct object_record: rows to be written
    GHashTable *given_back;     // object.id -> ticks of its last release by a thread that did not hold it
    GHashTable *semaphores;     // object.id -> how it is used (permits.c)
    GHashTable *orphans;        // object.id -> struct orphan: its owner is over and has not given it back
    GHashTable *spawned;        // pid as its parent sees it -> struct spawned: said to have been begun
    GHashTable *own_pids;     // pid as the process itself sees it -> as the recorder does, where these differ
    pthread_mutex_t own_lock; // of own_pids
    bool finishing;           // no process is left
    uint64_t events;
    uint64_t lost;
    uint32_t threads;
    uint32_t processes;
};

struct spawned {
    uint32_t process_id; // of its parent
    enum wire_unseen unseen;
    char name[40];
};

struct orphan {
    uint64_t ticks; // of its owner's end
    bool shared;    // held as a reader
};

void recording_init(struct recording *recording, struct store *store, struct session *session);
void recording_done(struct recording *recording);

// A process (its pid as its parent sees it) has been begun, or will be; name: 40 bytes.
void recording_add_spawned(struct recording *recording, uint32_t pid, uint32_t process_id,
    enum wire_unseen unseen, const char *name);

struct thread;

struct ring {
    struct wire_ring *control;
    const union wire_slot *slots;
    struct process *process;
    struct thread *thread; // whose events it holds now; NULL: nobody's yet
    uint32_t *stacks;      // stack slot -> stack.id, of the present thread; NULL: none defined yet
    uint64_t lost_told;    // sum of its LOST events
    bool damaged;          // its control words made no sense; it is not looked at again
};

#define RING_BLOCK WIRE_SLOTS_MIN

struct segment {
    struct segment *next;
    struct wire_segment *shared; // mapped, owned
    uint32_t slots;
    uint32_t slots_known; // rings set up
    bool borrowed;        // its memory is the nursery's
    // Made as slots come into use, which are few in nearly all processes; never moved.
    struct ring *rings[WIRE_SLOTS / RING_BLOCK];
    uint32_t modules_known; // bits set in module_seen
    uint8_t module_seen[WIRE_MODULES];
};

// A known one.
static inline struct ring *segment_ring(const struct segment *segment, uint32_t slot)
{
    return &segment->rings[slot / RING_BLOCK][slot % RING_BLOCK];
}

struct mapping {
    const struct wire_module *wire;
    uint32_t id;
    uint32_t module; // module.id
    uint64_t start;
    uint64_t end;
    uint64_t bias;
};

// What a process's own number for an object means. Local ids count up and are never used again, so they are kept in
// pages; a page whose objects are all over keeps nothing but its first id.
struct object_ref {
    uint32_t id;    // object.id; OBJECT_REF_SHARED: index in process->places
    uint16_t flags; // enum object_flags
    uint8_t kind;   // enum object_kind; for OBJECT_REF_MENTIONED a guess
    uint8_t state;  // enum object_ref_state
};
#define OBJECT_REF_OVER (1u << 15) // beside the flags of a shared one: over for this process
#define OBJECT_REF_MADE (1u << 14) // likewise: its generation began with this local id and has its object.id
enum object_ref_state {
    OBJECT_REF_NONE,
    OBJECT_REF_MENTIONED, // used by an event drained before the one that defines it
    OBJECT_REF_KNOWN,
    OBJECT_REF_SHARED, // lives in memory shared between processes
};

#define OBJECT_PAGE 64u
struct object_page {
    uint32_t first_id;       // of the OBJECT_PAGE consecutive object.ids that belong to it; 0: none yet
    uint32_t over;           // how many of its objects have ended
    struct object_ref *refs; // NULL: not used yet, or all over
};

struct thread_entry {
    uint32_t id;           // thread.id; 0: not mentioned yet
    struct thread *thread; // NULL: not heard of yet, or over and forgotten
    bool forgotten;
};

#define FRAME_CACHE 1024u
struct frame_cache {
    uint64_t address;
    uint32_t frame;
};

struct process {
    uint32_t id;
    pid_t pid;           // as the recorder sees it
    uint32_t parent_pid; // as the target's hello says
    uint32_t own_pid;    // its own, as it sees it
    bool forked;
    bool continues;       // the same process after exec
    uint32_t forked_from; // serial in the parent
    char *executable;
    char *arguments; // JSON
    int64_t started_ticks;
    const struct wire_cradle *cradle; // where it began; NULL: it came to the recorder
    struct nursery *nursery;          // whose cradle that is
    bool in_segment;                  // and it uses the segment there

    uint32_t parent_id;
    uint32_t forked_by; // thread.id

    struct segment *segments; // newest first
    struct mapping *mappings; // in order of discovery
    uint32_t n_mappings;
    struct frame_cache *frame_cache; // FRAME_CACHE of them; NULL: no frame has been asked for

    struct object_page *pages;
    uint32_t n_pages;
    GHashTable *live_objects; // object.id -> struct object_record, those that are its alone
    GHashTable
        *early_ends; // local id -> struct early_end: of objects whose definition has not been drained yet
    GHashTable *early_names;      // local id -> char *, likewise
    GPtrArray *places;            // of struct shared_place
    struct thread_entry *threads; // by serial
    uint32_t n_threads;
    GPtrArray *live_threads; // of struct thread: all that are not forgotten

    uint64_t lost;
    uint64_t damaged_events;
    int64_t exit_said;   // status of its EXIT event; -1: none
    int64_t exit_seen;   // as waitpid told it, like a shell says it; -1: not known
    bool execs;          // its last word was EXEC
    bool exec_followed;  // and the new image has come to us
    struct spawned next; // what it said that it would be
    bool over;
    bool unwritten; // there is no row of it in the trace yet
    bool hidden;    // one of its threads seemed stuck, and could not be looked at
};

// Takes over the strings. Any thread.
struct process *process_new(pid_t pid, char *executable, char *arguments);
void process_free(struct process *process);

// Maps a segment from its memfd. NULL and errno on failure. Any thread.
struct segment *segment_new(int fd, uint32_t slots);
// Looks whether a process that began in the nursery has begun to use the segment there.
void process_find_segment(struct process *process);
// From here on the process owns it.
void process_add_segment(struct process *process, struct segment *segment);

// Writes that a program did not come, and why, as far as it is known.
void spawned_put_coverage(struct recording *recording, const struct spawned *spawned, const char *otherwise);

// A process has come. Any thread, before the process may go on.
void recording_note_pid(struct recording *recording, uint32_t own_pid, pid_t pid);
// The pid of a child, as the recorder sees it; own_pid: as the process does. own_pid itself where that is not to be found out.
pid_t process_child_pid(struct recording *recording, const struct process *process, uint32_t own_pid);

// Looks for newly announced modules; cheap when there are none.
void process_poll_modules(struct recording *recording, struct process *process);
// The mapping that covers address at ticks; NULL: none is known.
const struct mapping *process_find_mapping(const struct process *process, uint64_t address, uint64_t ticks);
// The frame.id of a return address.
uint32_t process_frame(
    struct recording *recording, struct process *process, uint64_t address, uint64_t ticks);

// Writes the process's row as it is now; ended_ticks -1 and ended_how NULL while it lives.
void process_put(
    struct recording *recording, struct process *process, int64_t ended_ticks, const char *ended_how);
// Writes its mappings again, now with their ends, and what was not recorded of it.
void process_put_coverage(struct recording *recording, struct process *process);

#endif
