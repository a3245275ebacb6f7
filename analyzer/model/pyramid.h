// SPDX-License-Identifier: MIT
// How busy one lane of a timeline is, at every zoom: a mip pyramid over bins of time.
//
//   level 2   |       0       |       1       |
//   level 1   |   0   |   1   |   2   |   3   |     each bin sums up the two below it
//   level 0   | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |     half as many bins as the lane has spans, about
//
// Shares are averages and the rest are unions, so what is too short for a bin still shows at the top.
#ifndef TRENZA_PYRAMID_H
#define TRENZA_PYRAMID_H

#include <stddef.h>
#include <stdint.h>

enum pyramid_share {
    PYRAMID_HELD,
    PYRAMID_CONTENDED, // waiting for a lock
    PYRAMID_WAITING,   // waiting for anything else
    PYRAMID_SHARES,
};

struct pyramid_bin {
    uint8_t share[PYRAMID_SHARES];  // of the bin's time, 0 to 255; at least 1 when any
    uint8_t colour[PYRAMID_SHARES]; // the tag of what had most of that share
    uint8_t kinds;                  // 1 << kind of every span in it
    uint8_t depth;                  // the deepest track in use, from 1
};

// What is added: a span's place and what it counts as.
struct pyramid_span {
    uint64_t begin; // ticks
    uint64_t end;
    enum pyramid_share share;
    uint8_t kind; // below 8
    uint8_t depth;
    uint8_t colour;
};

struct pyramid;
// Of one level with exactly n_bins bins: for a look at a few spans, made and thrown away for one picture.
struct pyramid *pyramid_new_flat(double begin, double end, size_t n_bins);
// The bins of level 0, as many as there are; after pyramid_finish.
const struct pyramid_bin *pyramid_bins(const struct pyramid *pyramid);
// For about n_spans spans between begin and end.
struct pyramid *pyramid_new(uint64_t begin, uint64_t end, size_t n_spans);
// Before pyramid_finish only.
void pyramid_add(struct pyramid *pyramid, const struct pyramid_span *span);
void pyramid_finish(struct pyramid *pyramid);
// The sum of each of n equal pieces of time from `from` on, each `step` ticks long. Cost: linear in n, whatever the zoom.
void pyramid_sample(
    const struct pyramid *pyramid, double from, double step, size_t n, struct pyramid_bin *ret_bins);
size_t pyramid_bytes(const struct pyramid *pyramid);
void pyramid_free(struct pyramid *pyramid);

#endif
