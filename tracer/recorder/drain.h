// SPDX-License-Identifier: MIT
// The drain thread: empties all rings, keeps the trace up to date, watches for deadlock. It alone touches the trace and the
// processes once they are handed over; others speak to it by messages.
#ifndef TRENZA_RECORDER_DRAIN_H
#define TRENZA_RECORDER_DRAIN_H

#include <glib.h>
#include <pthread.h>

#include "family.h"

// What the drain thread has to say; it is written to notice_fd (an eventfd) in the same moment.
enum drain_notice {
    DRAIN_DEADLOCK = 1 << 0, // there is a deadlock, and the trace has it
    DRAIN_WRITTEN = 1 << 1,  // the incident asked for is in the trace
    DRAIN_BORN = 1 << 2,     // children have begun: drain_take_newborn
};

struct drain {
    struct recording recording;
    struct family family; // the processes
    pthread_mutex_t lock; // of messages
    GQueue messages;      // of struct message; no GAsyncQueue, so that ThreadSanitizer sees the lock
    GQueue newborn;       // of struct newborn, likewise
    struct nursery nursery;
    _Atomic bool has_messages;
    pthread_t thread;
    int notice_fd;
    _Atomic unsigned notices; // enum drain_notice, or-ed
    int64_t last_round_ns;
    int64_t next_look_ns;
    int64_t next_commit_ns;
    bool finishing;
};

// Starts the thread on an open store (borrowed). False: there can be no thread; errno says why.
bool drain_start(struct drain *drain, struct store *store, struct session *session);

// Messages, from any thread. The drain thread owns what is handed over.
void drain_add_process(struct drain *drain, struct process *process, uint32_t own_pid);
void drain_add_segment(struct drain *drain, struct process *process, struct segment *segment);
// Children that have begun in the nursery become processes. Any thread.
void drain_look_for_births(struct drain *drain);
// One that nobody watches yet: its process, a name only, and its parent's pid. 0: there is none; else its pid. Any thread.
pid_t drain_take_newborn(struct drain *drain, struct process **ret_process, pid_t *ret_parent);
// The process has ended (status as a shell says it, -1: not known) or become another program (exec).
void drain_end_process(struct drain *drain, struct process *process, int status, bool exec);
void drain_write_incident(struct drain *drain, const char *what);
// A process says that what it is about to be will not come.
void drain_add_unseen(struct drain *drain, const struct wire_notice *notice);
void drain_add_coverage(struct drain *drain, const char *what, const char *detail);

// Ends the session for all targets, drains what is left, writes all last rows and ends the thread. Its totals stay in
// drain->recording until drain_done.
void drain_finish(struct drain *drain);
void drain_done(struct drain *drain);

// Empties every ring of the process. Returns how full its fullest one was, in slots. (For the drain thread and its tests.)
uint64_t drain_process(struct recording *recording, struct process *process);
// Last rows of a process that is gone, or of all when the recording ends.
void drain_close_process(struct recording *recording, struct process *process);

#endif
