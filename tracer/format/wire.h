// SPDX-License-Identifier: MIT
// What the preload and the recorder share: memory layout and the handshake. libc only; no pointers, fixed sizes.
//
// The recorder listens on a Unix socket (SOCK_SEQPACKET) whose path is in the environment variable
// TRENZA_SESSION. A process connects, sends struct wire_hello, gets struct wire_welcome with two descriptors
// (SCM_RIGHTS): [0] its own segment, [1] the session page. It maps both, closes both and the socket; from then on
// nothing but memory is shared, so a target may close every descriptor, crash or be killed at any moment.
// The child of a fork need not come at all: behind the session page is the nursery, where segments wait for children. It
// takes one without a word, and has it whatever it gives up later: its rights, its root, its descriptors.
// Descriptors are memfds of the recorder: no name in any file system, no use of /dev/shm, readable by nobody else.
//
//   session:  | struct wire_session | struct wire_nursery | segment 0 | segment 1 | ... |   (a page, a page, sparse segments)
//   segment:  | struct wire_segment | slot 0 | slot 1 | ... | slot n-1 |     (sparse: untouched slots cost nothing)
//   slot:     | struct wire_ring (one page) | WIRE_RING_EVENTS events of 16 bytes |
//
// A slot belongs to one thread at a time. Slots are used again by later threads: the THREAD_START event in the ring
// says where one thread's events end and the next one's begin, and forgets all STACK definitions of the slot.
#ifndef TRENZA_FORMAT_WIRE_H
#define TRENZA_FORMAT_WIRE_H

#include <stdatomic.h>
#include <stdint.h>

#define WIRE_MAGIC 0x00617A6E65727400u
#define WIRE_VERSION 3u

#define WIRE_SESSION_ENV "TRENZA_SESSION"

#define WIRE_RING_EVENTS 16384u // a power of two: 256 KiB
#define WIRE_SLOTS 1024u        // threads alive at once in one segment; a process asks for another when these are full
#define WIRE_SLOTS_MIN 16u      // what is mapped where address space is limited
#define WIRE_PAGE 4096u
#define WIRE_STACK_SLOTS 4096u // stack slots of a ring for whole stacks (16-bit numbers, 1 upwards; 0: no stack)
#define WIRE_SITE_SLOTS 1024u  // and for call sites alone, above those: stacks of one frame, marked truncated
#define WIRE_ALL_SLOTS (WIRE_STACK_SLOTS + WIRE_SITE_SLOTS)
#define WIRE_STACK_FRAMES 1024u // a stack deeper than this is cut at its outer end
#define WIRE_MODULES 1024u
#define WIRE_MODULE_PATH 488u

// One slot of a ring: an event, or a payload slot (two words a, b) of the event before it.
union wire_slot {
    struct {
        uint64_t ticks_kind; // ticks since the clock's zero << 8 | enum event_kind
        uint32_t subject;    // object id or thread serial, numbered per process from 1; 0: none
        uint16_t stack;      // stack slot, defined by an earlier STACK event of this ring; 0: none
        uint16_t arg;        // see event_list.h
    };
    struct {
        uint64_t a;
        uint64_t b;
    };
};
_Static_assert(sizeof(union wire_slot) == 16, "a ring slot is 16 bytes");

// Why a program that is run does not join the recording.
enum wire_unseen {
    WIRE_SEEN, // nothing is known against it
    WIRE_UNSEEN_STATIC,
    WIRE_UNSEEN_SETUID,
    WIRE_UNSEEN_CAPABLE, // file capabilities
    WIRE_UNSEEN_FOREIGN,
    WIRE_UNSEEN_OUT_OF_REACH, // it cannot get at the recorder's socket, or at the library
    WIRE_UNSEEN_ENVIRONMENT,  // began without us in its environment
    WIRE_UNSEEN_REASONS,
};

// Payload of SPAWN, whose arg is an enum wire_unseen, | WIRE_SPAWN_REPLACES where the process itself is about to be it.
#define WIRE_SPAWN_REPLACES 256u
struct wire_spawn {
    uint64_t pid;  // in the target's pid namespace
    char name[40]; // of the program, without folders; cut off, or padded with NUL
};
_Static_assert(sizeof(struct wire_spawn) == 3 * sizeof(union wire_slot), "the payload of SPAWN");

#define WIRE_OBJECT_NAME_BYTES 48u // payload of OBJECT_NAME, at least one NUL at its end

#define WIRE_TICKS(event) ((event).ticks_kind >> 8)
#define WIRE_KIND(event) ((unsigned)((event).ticks_kind & 255))

// Payload of OBJECT (3 slots).
struct wire_object {
    uint64_t address;
    uint32_t kind;  // enum object_kind
    uint32_t flags; // enum object_flags
    uint64_t value; // semaphore: initial value; barrier: count; else 0
    // Where a process-shared object really lives, so that it can be met from other processes; all 0 otherwise.
    uint32_t device_major_minor; // major << 20 | minor, as /proc/self/maps shows them
    uint32_t reserved;
    uint64_t inode;
    uint64_t file_offset; // bytes
};
_Static_assert(sizeof(struct wire_object) == 48, "three payload slots");

// Payload of THREAD_START (2 slots). The event's subject is the thread's own serial.
struct wire_thread_start {
    uint32_t tid;             // kernel thread id, in the target's pid namespace
    uint32_t creator;         // serial of the creating thread; 0: not known (main thread, thread made inside libc)
    uint64_t start_routine;   // address of the start routine; 0: not known
    uint64_t stack_low;       // lowest and one past the highest address of its stack
    uint64_t stack_high;
};
_Static_assert(sizeof(struct wire_thread_start) == 32, "two payload slots");

enum wire_object_end {
    WIRE_END_FREED = 1,   // free() or realloc() of the memory it is in
    WIRE_END_UNMAPPED,    // munmap()
    WIRE_END_FRAME,       // the stack frame it is in has returned, or its thread has ended
    WIRE_END_UNLOADED,    // dlclose() of the module it is in
    WIRE_END_REINIT,      // initialised again at the same address without a destroy
    WIRE_END_RETYPED,     // the same address is used as another kind of object
    WIRE_END_CLOSED,      // sem_close() of the last reference
};

// One loaded module (executable or library). Written once, then `state` is set; never moved.
struct wire_module {
    _Atomic uint32_t state; // 0: free, 1: being written, 2: loaded, 3: unloaded
    uint32_t build_id_size; // bytes, at most 20
    uint8_t build_id[20];
    uint32_t reserved;
    uint64_t map_start; // lowest address mapped
    uint64_t map_end;   // one past the highest
    uint64_t bias;      // address in memory - address in the file (link_map's l_addr)
    _Atomic uint64_t loaded_ticks;
    _Atomic uint64_t unloaded_ticks; // 0: still there
    char path[WIRE_MODULE_PATH];     // absolute where it could be found out; NUL-terminated
};

enum wire_ring_state {
    WIRE_RING_FREE,
    WIRE_RING_LIVE,
    WIRE_RING_ENDED, // its thread has recorded THREAD_END, and may add late events until it is really gone
};

// The control page of a slot. Producer and consumer have cache lines of their own.
struct wire_ring {
    _Alignas(64) _Atomic uint64_t head; // slots published by the target; only grows; index = head % WIRE_RING_EVENTS
    _Atomic uint64_t lost;              // events dropped, ever
    _Alignas(64) _Atomic uint64_t tail; // slots consumed by the recorder; only grows
    _Alignas(64) _Atomic uint32_t waiting; // futex word: 1 while the target waits for room; the recorder sets 0 and wakes
    _Alignas(64) _Atomic uint32_t state;   // enum wire_ring_state
    _Atomic uint32_t tid;                  // of the thread that owns it
    _Atomic uint32_t serial;
};
_Static_assert(sizeof(struct wire_ring) <= WIRE_PAGE, "the control block fits its page");

#define WIRE_RING_BYTES (WIRE_RING_EVENTS * sizeof(union wire_slot))
#define WIRE_SLOT_BYTES (WIRE_PAGE + WIRE_RING_BYTES)

struct wire_segment {
    _Atomic uint32_t slots_used; // slots ever used: the recorder looks at [0, slots_used)
    _Atomic uint32_t pid;        // as the process sees it
    _Atomic uint32_t stopped;    // why the target stopped recording: enum wire_stop; 0: it has not
    _Atomic uint32_t modules_used;
    _Atomic uint64_t threads_unrecorded; // threads that got no slot
    _Atomic uint64_t objects_unrecorded; // objects that got no id
    _Alignas(64) struct wire_module modules[WIRE_MODULES];
};

#define WIRE_SEGMENT_HEADER ((sizeof(struct wire_segment) + WIRE_PAGE - 1) / WIRE_PAGE * WIRE_PAGE)
#define WIRE_SEGMENT_BYTES(slots) (WIRE_SEGMENT_HEADER + (uint64_t)(slots)*WIRE_SLOT_BYTES)

enum wire_stop {
    WIRE_STOP_RECORDER_GONE = 1, // the heartbeat stood still while the target waited for room
    WIRE_STOP_NO_MEMORY,
};

enum wire_clock {
    WIRE_CLOCK_TSC,       // rdtsc; ticks_per_second in the trace
    WIRE_CLOCK_MONOTONIC, // clock_gettime(CLOCK_MONOTONIC) in ns, where the TSC cannot be trusted
};

// Steering (`trenza check --confirm`): threads that come to these places wait there, before they take a lock, until they
// wait for each other in a circle or time is up. A place is the innermost frames of a stack.
#define WIRE_STEER_PLACES 8u
#define WIRE_STEER_FRAMES 8u
#define WIRE_STEER_PAUSES 32u

struct wire_steer_place {
    uint32_t n_frames;
    _Atomic uint32_t pauses; // here so far
    struct {
        uint64_t module; // wire_module_key()
        uint64_t offset; // return address - bias
    } frames[WIRE_STEER_FRAMES];
};

enum wire_pause_state {
    WIRE_PAUSE_FREE,
    WIRE_PAUSE_CLAIMED,
    WIRE_PAUSE_WAITING,
    WIRE_PAUSE_GO, // a circle is closed
};

// A thread that waits at a place. One that never came back (killed, a jump out of a handler) is known by its `until_ns`.
struct wire_steer_pause {
    _Atomic uint32_t state; // enum wire_pause_state; futex word
    _Atomic uint32_t tid;   // kernel's
    _Atomic uint32_t place;
    _Atomic uint32_t owner; // tid of who has the lock; 0: nobody; WIRE_STEER_SOMEBODY: the lock does not tell
    _Atomic uint64_t until_ns; // CLOCK_MONOTONIC
};
#define WIRE_STEER_SOMEBODY UINT32_MAX

struct wire_steer {
    uint32_t n_places;    // 0: no steering. Each wants a lock that is held by who comes to the next one
    uint32_t patience_ms; // how long the first pause at a place is at most
    uint32_t has_gate;    // 1: places[n_places] is where one thread waits until all but one of the others do
    _Atomic uint32_t gate_busy; // 1: a thread waits there; futex word
    struct wire_steer_place places[WIRE_STEER_PLACES + 1];
    struct wire_steer_pause pauses[WIRE_STEER_PAUSES];
};

static inline uint64_t wire_hash(const void *bytes, uint32_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
    for (uint32_t i = 0; i < size; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

// The same for the same file in two runs: by its build id, where it has one, else by its path.
static inline uint64_t wire_module_key(const void *build_id, uint32_t build_id_size, const char *path)
{
    uint32_t length = 0;
    while (path[length] != 0)
        length++;
    return build_id_size != 0 ? wire_hash(build_id, build_id_size) : wire_hash(path, length);
}

// One page for the whole recording, mapped by every process.
struct wire_session {
    uint64_t magic;
    uint32_t version;
    uint32_t clock;          // enum wire_clock
    uint64_t zero_ticks;     // the clock's reading that counts as 0
    uint32_t drop_when_full; // 1: a full ring drops and counts; 0: the target waits for room
    uint32_t blocking_calls; // 1: record BLOCK_BEGIN and BLOCK_END
    _Alignas(64) _Atomic uint32_t doorbell; // futex word: a target adds 1 and wakes when a ring is filling ...
    _Atomic uint32_t sleeping;              // ... and this is 1
    _Atomic uint64_t heartbeat;             // the recorder adds 1 at least ten times a second, whatever else it does
    _Atomic uint32_t closed;                // 1: the recording is over; targets stop recording
    _Alignas(64) struct wire_steer steer;
};
_Static_assert(sizeof(struct wire_session) <= WIRE_PAGE, "the session fits its page");

// Where the child of a fork says that it is there, in the memory it has from its parent. Its segment goes with it.
enum wire_cradle_state {
    WIRE_CRADLE_FREE,
    WIRE_CRADLE_TAKEN, // its child is writing
    WIRE_CRADLE_BORN,  // until the recorder has seen the child's end, emptied its rings and wiped its segment
};

struct wire_cradle {
    _Alignas(64) _Atomic uint32_t state; // enum wire_cradle_state
    uint32_t pid;                        // the child's, as itself and the recorder see it
    uint32_t parent_pid;
    uint32_t forked_from;          // serial of the thread of the parent that forked; 0: not known
    uint64_t born_ticks;           // since the clock's zero
    _Atomic uint32_t used;         // 1: its child has begun to write into its segment
    _Atomic uint32_t exit_said;    // 1 + the status it has ended with; 0: it has not said
    _Atomic uint64_t exited_ticks; // before exit_said; both only from a child whose rings are empty
};

#define WIRE_CRADLES 31u
#define WIRE_CRADLE_SLOTS 128u // threads alive at once in its segment; a process asks for another when these are full
#define WIRE_CRADLES_NEWS 8u   // the doorbell is rung when so many children have been born

struct wire_nursery {
    _Alignas(64) _Atomic uint32_t births; // ever: grows when a cradle has become WIRE_CRADLE_BORN
    _Atomic uint32_t abandoned;           // 1: the recorder's heart stood still; children ask for it at its door
    struct wire_cradle cradles[WIRE_CRADLES];
};
_Static_assert(sizeof(struct wire_nursery) <= WIRE_PAGE, "the nursery fits its page");

#define WIRE_CRADLE_OFFSET(index) (2 * WIRE_PAGE + (index) * WIRE_SEGMENT_BYTES(WIRE_CRADLE_SLOTS))
#define WIRE_SESSION_BYTES WIRE_CRADLE_OFFSET(WIRE_CRADLES)

enum wire_hello_kind {
    WIRE_HELLO_PROCESS = 1, // a new process, or the same one after exec
    WIRE_HELLO_SEGMENT,     // a known process needs another segment
    WIRE_HELLO_UNSEEN,      // struct wire_notice: the sender is about to be a program that will not come; no answer
};

struct wire_hello {
    uint64_t magic;
    uint32_t version;
    uint32_t kind;
    uint32_t pid;         // in the target's pid namespace; the recorder learns its own view from SO_PEERCRED
    uint32_t parent_pid;
    uint32_t forked;      // 1: in the child after fork, 0: at program start
    uint32_t forked_from; // serial of the thread of the parent that forked; 0: not known
};

struct wire_notice {
    struct wire_hello hello;
    uint32_t unseen; // enum wire_unseen
    char name[40];   // as in struct wire_spawn
};

struct wire_welcome {
    uint64_t magic;
    uint32_t version;
    uint32_t slots;
    uint32_t nursery; // 1: the session's descriptor has a nursery, and this process's children may begin there
    uint32_t reserved;
};

enum wire_blocking_call {
    WIRE_CALL_NONE,
#define TRENZA_BLOCKING_CALL(name) WIRE_CALL_##name,
#include "blocking_list.h"
#undef TRENZA_BLOCKING_CALL
    WIRE_CALLS,
};

#endif
