// SPDX-License-Identifier: MIT
// What every living thread holds and waits for at one moment. Drain thread only.
#ifndef TRENZA_RECORDER_SNAPSHOT_H
#define TRENZA_RECORDER_SNAPSHOT_H

#include "process.h"
#include "threads.h"
#include "watch.h"

struct snapshot {
    const struct recording *recording;
    GPtrArray *processes; // borrowed
    GPtrArray *threads;   // of struct thread, as in watch
    GArray *watch;        // of struct watch_thread
    GArray *holds;        // of struct watch_hold
    GArray *permits;      // likewise
    GHashTable *left;     // object.id -> struct held, borrowed: ended threads have not given them back
};

void snapshot_init(struct snapshot *snapshot, const struct recording *recording, GPtrArray *processes);
void snapshot_done(struct snapshot *snapshot);

static inline struct watch_thread *snapshot_watch(const struct snapshot *snapshot, size_t index)
{
    return &g_array_index(snapshot->watch, struct watch_thread, index);
}

// How the thread waits now; WATCH_RUNS also when it has written events since.
enum watch_wait snapshot_wait(const struct thread *thread);
// False when another thread has given it back meanwhile.
bool snapshot_still_holds(const struct recording *recording, const struct held *held);
// A thread that waits for a condition's signal may have it already and now wait for the mutex: then this says so.
// True: it was so.
bool snapshot_look_behind_condition(const struct snapshot *snapshot, size_t index);
// False for what is left of a wait that has no event at its end.
bool snapshot_waits(const struct thread *thread);

// Writes it into the trace as an incident; marked (by index): those it is about; NULL: none.
void snapshot_write(
    struct recording *recording, const struct snapshot *snapshot, const char *what, const bool *marked);

#endif
