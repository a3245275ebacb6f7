// SPDX-License-Identifier: MIT
// Adding spreads a span over the bins of level 0 by the time it shares with each; finishing makes the levels above. A sample
// reads from the level whose bins are just smaller than a piece, at most a few bins per piece.
//
// Blind to overlap: two spans of one lane at once count together, up to all of the bin's time.
#include "pyramid.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define BINS_MIN 64u
#define BINS_MAX (1u << 24)
#define LEVELS_MAX 25u

struct sum {
    float share[PYRAMID_SHARES]; // of the bin's time
    float longest[PYRAMID_SHARES];
};

struct pyramid {
    double begin;    // ticks
    double bin_step; // ticks, of level 0
    size_t n_bins;   // of level 0: a power of two
    struct pyramid_bin *levels[LEVELS_MAX];
    unsigned n_levels;
    struct sum *sums; // while it is being filled
};

// Written over once: memory that is fresh from the system would be found empty by reading and taken by writing, each page twice,
// and the second time all processors have to be told.
static void *touched(size_t bytes)
{
    return memset(g_malloc(bytes), 0, bytes);
}

struct pyramid *pyramid_new_flat(double begin, double end, size_t n_bins)
{
    struct pyramid *pyramid = g_new0(struct pyramid, 1);
    pyramid->n_bins = n_bins;
    pyramid->begin = begin;
    pyramid->bin_step = MAX(end - begin, 1e-9) / (double)n_bins;
    pyramid->levels[0] = touched(n_bins * sizeof(struct pyramid_bin));
    pyramid->n_levels = 1;
    pyramid->sums = touched(n_bins * sizeof(struct sum));
    return pyramid;
}

struct pyramid *pyramid_new(uint64_t begin, uint64_t end, size_t n_spans)
{
    size_t n_bins = BINS_MIN;
    while (n_bins < n_spans / 2 && n_bins < BINS_MAX)
        n_bins *= 2;
    return pyramid_new_flat((double)begin, (double)end, n_bins);
}

const struct pyramid_bin *pyramid_bins(const struct pyramid *pyramid)
{
    return pyramid->levels[0];
}

static void add_to_bin(struct pyramid *pyramid, size_t at, float share, const struct pyramid_span *span)
{
    struct pyramid_bin *bin = &pyramid->levels[0][at];
    struct sum *sum = &pyramid->sums[at];
    bin->kinds |= (uint8_t)(1u << span->kind);
    bin->depth = MAX(bin->depth, span->depth);
    sum->share[span->share] += share;
    if (share >= sum->longest[span->share]) {
        sum->longest[span->share] = share;
        bin->colour[span->share] = span->colour;
    }
    bin->share[span->share] = 1; // something, however short
}

void pyramid_add(struct pyramid *pyramid, const struct pyramid_span *span)
{
    double first = ((double)span->begin - pyramid->begin) / pyramid->bin_step;
    double last = ((double)span->end - pyramid->begin) / pyramid->bin_step;
    if (last < 0 || first > (double)pyramid->n_bins)
        return;
    first = CLAMP(first, 0, (double)pyramid->n_bins - 1);
    last = CLAMP(last, first, (double)pyramid->n_bins);
    size_t at = (size_t)first;
    size_t stop = MIN((size_t)last, pyramid->n_bins - 1);
    if (at == stop) {
        add_to_bin(pyramid, at, (float)(last - first), span);
        return;
    }
    for (size_t i = at; i <= stop; i++) {
        double from = MAX(first, (double)i);
        double to = MIN(last, (double)i + 1);
        if (to > from)
            add_to_bin(pyramid, i, (float)(to - from), span);
    }
}

// Colour and kinds; the shares are added up by the caller.
static void merge_bins(struct pyramid_bin *to, const struct pyramid_bin *from)
{
    for (unsigned i = 0; i < PYRAMID_SHARES; i++) {
        if (from->share[i] > to->share[i]) {
            to->share[i] = from->share[i];
            to->colour[i] = from->colour[i];
        }
    }
    to->kinds |= from->kinds;
    to->depth = MAX(to->depth, from->depth);
}

// Averages are rounded up, so that a trace of something never fades to nothing.
static struct pyramid_bin pair_bins(const struct pyramid_bin *a, const struct pyramid_bin *b)
{
    struct pyramid_bin bin = *a;
    merge_bins(&bin, b);
    for (unsigned i = 0; i < PYRAMID_SHARES; i++)
        bin.share[i] = (uint8_t)((a->share[i] + b->share[i] + 1) / 2);
    return bin;
}

static void finish_shares(struct pyramid *pyramid)
{
    for (size_t i = 0; i < pyramid->n_bins; i++) {
        struct pyramid_bin *bin = &pyramid->levels[0][i];
        const float *shares = pyramid->sums[i].share;
        for (unsigned j = 0; bin->kinds && j < PYRAMID_SHARES; j++) {
            unsigned share = (unsigned)(MIN(shares[j], 1.0f) * 255 + 0.5f);
            bin->share[j] = (uint8_t)MAX(share, bin->share[j]);
        }
    }
    g_clear_pointer(&pyramid->sums, g_free);
}

void pyramid_finish(struct pyramid *pyramid)
{
    finish_shares(pyramid);
    for (size_t n = pyramid->n_bins; n > 1 && n % 2 == 0 && pyramid->n_levels < LEVELS_MAX; n /= 2) {
        const struct pyramid_bin *below = pyramid->levels[pyramid->n_levels - 1];
        struct pyramid_bin *level = g_new(struct pyramid_bin, n / 2);
        for (size_t i = 0; i < n / 2; i++)
            level[i] = pair_bins(&below[2 * i], &below[2 * i + 1]);
        pyramid->levels[pyramid->n_levels++] = level;
    }
}

void pyramid_sample(
    const struct pyramid *pyramid, double from, double step, size_t n, struct pyramid_bin *ret_bins)
{
    unsigned level = 0;
    size_t n_bins = pyramid->n_bins;
    double bin_step = pyramid->bin_step;
    while (level + 1 < pyramid->n_levels && bin_step * 2 <= step) {
        level++;
        n_bins /= 2;
        bin_step *= 2;
    }
    const struct pyramid_bin *bins = pyramid->levels[level];
    memset(ret_bins, 0, n * sizeof *ret_bins);
    for (size_t i = 0; i < n; i++) {
        double first = floor((from + step * (double)i - pyramid->begin) / bin_step);
        double last = ceil((from + step * (double)(i + 1) - pyramid->begin) / bin_step);
        if (last <= 0 || first >= (double)n_bins)
            continue;
        size_t at = (size_t)MAX(first, 0);
        size_t stop = MAX(at + 1, (size_t)MIN(last, (double)n_bins));
        unsigned sums[PYRAMID_SHARES] = { 0 };
        unsigned count = (unsigned)(stop - at);
        for (; at < stop; at++) {
            if (!bins[at].kinds)
                continue;
            merge_bins(&ret_bins[i], &bins[at]);
            for (unsigned j = 0; j < PYRAMID_SHARES; j++)
                sums[j] += bins[at].share[j];
        }
        for (unsigned j = 0; j < PYRAMID_SHARES; j++)
            ret_bins[i].share[j] = (uint8_t)((sums[j] + count - 1) / count);
    }
}

size_t pyramid_bytes(const struct pyramid *pyramid)
{
    return 2 * pyramid->n_bins * sizeof(struct pyramid_bin);
}

void pyramid_free(struct pyramid *pyramid)
{
    if (!pyramid)
        return;
    for (unsigned i = 0; i < pyramid->n_levels; i++)
        g_free(pyramid->levels[i]);
    g_free(pyramid->sums);
    g_free(pyramid);
}
