// SPDX-License-Identifier: MIT
// All threads' events as one stream, in an order in which no mutex has two owners. Memory is one chunk and a block of events
// per thread that is alive at that point of the trace.
#ifndef TRENZA_MERGE_H
#define TRENZA_MERGE_H

#include "event_batch.h"
#include "model.h"

struct merge_counts {
    uint64_t events;     // merged so far
    uint64_t repaired;   // held back until what had to come first had come
    uint64_t unresolved; // let through although it never came: lost events, or a thread that died
};

struct merge;
// The model, and the store it came from, must outlive the merge.
struct merge *merge_new(const struct model *model);
// Fills a batch with the events that come next, among them the threads' ends (EVENT_NONE, once per thread). 1: there are more; 0:
// these were the last; negative errno: these come before what is damaged or cannot be read (store_message() says more).
int merge_read(struct merge *merge, struct event_batch *ret_batch);
void merge_get_counts(const struct merge *merge, struct merge_counts *ret_counts);
void merge_free(struct merge *merge);

#endif
