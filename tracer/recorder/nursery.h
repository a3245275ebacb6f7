// SPDX-License-Identifier: MIT
// Children of forks that begin without a word, in memory that waits for them: see struct wire_nursery. The drain thread
// makes processes of them, the main thread watches for their ends.
#ifndef TRENZA_RECORDER_NURSERY_H
#define TRENZA_RECORDER_NURSERY_H

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

#include "session.h"

struct process;
struct segment;

struct nursery {
    struct session *session;
    struct wire_nursery *shared; // NULL: there is none
    pthread_mutex_t lock;        // of all below
    uint32_t births_seen;
    bool known[WIRE_CRADLES];
};

void nursery_init(struct nursery *nursery, struct session *session);
void nursery_done(struct nursery *nursery);

// Whether there may be a child that nursery_look has not told of. Any thread.
bool nursery_has_news(const struct nursery *nursery);

// Makes a process of every child that was born since the last call, and hands them to `born`, under the lock and in the order
// of their births. They know no program yet, and have no segment. True: there was one. Any thread.
typedef void (*nursery_born)(void *data, struct process *const *processes, unsigned n);
bool nursery_look(struct nursery *nursery, nursery_born born, void *data);

// The segment of the cradle, if its child has begun to use it, else NULL. Newly allocated; whoever is done with it only frees
// it. Any thread.
struct segment *nursery_segment(const struct nursery *nursery, uint32_t index);

// The process is gone and its rings are empty: wipes its segment and makes its cradle free. Any thread.
void nursery_recycle(struct nursery *nursery, uint32_t index);

#endif
