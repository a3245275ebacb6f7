// SPDX-License-Identifier: MIT
// Work in pieces that touch nothing in common, shared among all processors; whoever shares it out works along, and is the only one
// to tell how far it is.
#ifndef TRENZA_WORK_H
#define TRENZA_WORK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

// Told now and then how much has been done, 0 to 1. False: nobody wants the rest of it.
typedef bool (*work_progress)(double share, void *data);

#define WORKERS_MAX 8u

struct work {
    // Does the piece with this number, and tells work_done() as it goes along. No two pieces of one worker run at once.
    void (*piece)(struct work *work, unsigned worker, uint32_t number);
    void *data;
    uint32_t n_pieces;
    uint64_t units; // in all pieces together: what work_done() will add up to, about

    work_progress progress; // NULL: nobody is told
    void *progress_data;
    double from; // what part of a larger whole this is
    double to;

    // Only work.c looks at these.
    uint32_t next;       // atomic
    uint64_t done_units; // atomic
    int stopped;         // atomic
    GMutex mutex;
    GCond ended;
    unsigned n_running;
};

// How many workers so much work gets: worker is below that in every piece.
unsigned work_workers(uint32_t n_pieces, uint64_t units);
// Does all pieces, in their order as far as there are workers. False: it was stopped, and not everything is done.
bool work_share(struct work *work);
// So many units more are done. False: the piece is to return now.
bool work_done(struct work *work, unsigned worker, uint64_t units);
// No more of it, for a reason of the piece's own.
void work_stop(struct work *work);

#endif
