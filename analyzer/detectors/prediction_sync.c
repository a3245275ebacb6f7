// SPDX-License-Identifier: MIT
// Semaphores: first in, first out: the permits it began with, then post by post. When they are not known, a wait requires every
// post before it (the last one, which requires the one before).
//
// Conditions: a wake takes a broadcast during its wait, else the earliest signal during it that woke nobody yet; wakes come in
// the order of the run, which makes this a complete matching wherever there is one (earliest deadline first). A wake without
// any (the signal was stamped a little before the wait) takes the last signal there was.
//
// Barriers: rounds of as many arrivals as the barrier's count. A later round's arrivals require the rounds before, or a smaller
// set of threads might complete another round than they did. Unknown count: all arrivals so far.
#include "prediction_sync.h"

#include <string.h>

#define SIGNALS_MAX 4096u // kept of a condition with a waiter that is never woken

struct waiter {
    uint32_t thread_id;
    uint64_t clock;
};

struct signal {
    struct prediction_point point;
    uint64_t clock;
    bool broadcast;
    bool used;
};

struct arrival {
    struct prediction_point point;
    uint64_t round; // from 0
};

struct prediction_sync {
    const struct model_object *object;
    struct prediction_point last; // post, signal, set; thread_id 0: none so far
    // semaphore
    uint64_t permits; // left of those it began with
    bool known;
    GArray *posts; // of struct prediction_point, not taken yet, from first_post on
    unsigned first_post;
    GArray *takers; // of struct prediction_point: each thread's last wait
    // condition
    GArray *waiters; // of struct waiter
    GArray *signals; // of struct signal, in order
    // barrier
    GArray
        *arrivals;  // of struct arrival: of this round and the one before; unknown count: each thread's last
    GArray *rounds; // of struct arrival: each thread's last arrival
    uint64_t arrived;
};

static GArray *points_new(void)
{
    return g_array_new(false, false, sizeof(struct prediction_point));
}

struct prediction_sync *prediction_sync_new(const struct model_object *object)
{
    struct prediction_sync *sync = g_new0(struct prediction_sync, 1);
    sync->object = object;
    sync->known = object->row.flags & OBJECT_BY_INIT;
    sync->permits = sync->known ? object->row.value : 0;
    if (object->row.kind == OBJECT_SEMAPHORE) {
        sync->posts = points_new();
        sync->takers = points_new();
    } else if (object->row.kind == OBJECT_COND) {
        sync->waiters = g_array_new(false, false, sizeof(struct waiter));
        sync->signals = g_array_new(false, false, sizeof(struct signal));
    } else if (object->row.kind == OBJECT_BARRIER) {
        sync->arrivals = g_array_new(false, false, sizeof(struct arrival));
        sync->rounds = g_array_new(false, false, sizeof(struct arrival));
    }
    return sync;
}

void prediction_sync_free(void *data)
{
    struct prediction_sync *sync = data;
    if (!sync)
        return;
    GArray *arrays[] = { sync->posts, sync->takers, sync->waiters, sync->signals, sync->arrivals,
        sync->rounds };
    for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++)
        if (arrays[i])
            g_array_unref(arrays[i]);
    g_free(sync);
}

void prediction_sync_set(struct prediction_sync *sync, struct prediction_point point)
{
    sync->last = point;
}

void prediction_sync_see(const struct prediction_sync *sync, GArray *ret_points)
{
    if (sync->last.thread_id)
        g_array_append_val(ret_points, sync->last);
}

// Keeps one point per thread, its last.
static void keep_last(GArray *points, struct prediction_point point)
{
    for (unsigned i = 0; i < points->len; i++) {
        struct prediction_point *known = &g_array_index(points, struct prediction_point, i);
        if (known->thread_id == point.thread_id) {
            *known = point;
            return;
        }
    }
    g_array_append_val(points, point);
}

// --- semaphores ---

void prediction_sync_post(struct prediction_sync *sync, struct prediction_point point, GArray *ret_points)
{
    if (!sync->known)
        prediction_sync_see(sync, ret_points);
    else
        g_array_append_val(sync->posts, point);
    sync->last = point;
}

void prediction_sync_permit(struct prediction_sync *sync, struct prediction_point point, GArray *ret_points)
{
    keep_last(sync->takers, point);
    if (!sync->known) {
        prediction_sync_see(sync, ret_points);
        return;
    }
    if (sync->permits) {
        sync->permits--;
        return;
    }
    if (sync->first_post == sync->posts->len) // it cannot be; then everything so far
        prediction_sync_see(sync, ret_points);
    else
        g_array_append_val(
            ret_points, g_array_index(sync->posts, struct prediction_point, sync->first_post++));
    if (sync->first_post > 64 && sync->first_post * 2 > sync->posts->len) {
        g_array_remove_range(sync->posts, 0, sync->first_post);
        sync->first_post = 0;
    }
}

void prediction_sync_no_permit(const struct prediction_sync *sync, GArray *ret_points)
{
    g_array_append_vals(ret_points, sync->takers->data, sync->takers->len);
}

// --- conditions ---

void prediction_sync_wait(struct prediction_sync *sync, uint32_t thread_id, uint64_t clock)
{
    struct waiter waiter = { thread_id, clock };
    g_array_append_val(sync->waiters, waiter);
}

bool prediction_sync_has_waiters(const struct prediction_sync *sync)
{
    return sync->waiters->len > 0;
}

void prediction_sync_signal(
    struct prediction_sync *sync, struct prediction_point point, uint64_t clock, bool broadcast)
{
    struct signal signal = { .point = point, .clock = clock, .broadcast = broadcast };
    sync->last = point;
    if (!sync->waiters->len)
        return;
    if (sync->signals->len >= SIGNALS_MAX)
        g_array_remove_range(sync->signals, 0, SIGNALS_MAX / 2);
    g_array_append_val(sync->signals, signal);
}

static struct signal *find_signal(const struct prediction_sync *sync, uint64_t since)
{
    struct signal *earliest = NULL;
    struct signal *broadcast = NULL;
    for (unsigned i = sync->signals->len; i-- > 0;) {
        struct signal *signal = &g_array_index(sync->signals, struct signal, i);
        if (signal->clock < since)
            break;
        if (signal->broadcast)
            broadcast = signal;
        else if (!signal->used)
            earliest = signal;
    }
    return broadcast ? broadcast : earliest;
}

// Signals before everybody's wait can wake nobody any more.
static void forget_signals(struct prediction_sync *sync)
{
    uint64_t oldest = UINT64_MAX;
    for (unsigned i = 0; i < sync->waiters->len; i++)
        oldest = MIN(oldest, g_array_index(sync->waiters, struct waiter, i).clock);
    unsigned gone = 0;
    while (gone < sync->signals->len && g_array_index(sync->signals, struct signal, gone).clock < oldest)
        gone++;
    if (gone)
        g_array_remove_range(sync->signals, 0, gone);
}

void prediction_sync_wake(struct prediction_sync *sync, uint32_t thread_id, bool woken, GArray *ret_points)
{
    uint64_t since = UINT64_MAX;
    for (unsigned i = 0; i < sync->waiters->len && since == UINT64_MAX; i++) {
        const struct waiter *waiter = &g_array_index(sync->waiters, struct waiter, i);
        if (waiter->thread_id != thread_id)
            continue;
        since = waiter->clock;
        g_array_remove_index_fast(sync->waiters, i);
    }
    struct signal *signal = woken ? find_signal(sync, since) : NULL;
    if (signal) {
        signal->used = true;
        g_array_append_val(ret_points, signal->point);
    } else if (woken) {
        prediction_sync_see(sync, ret_points);
    }
    forget_signals(sync);
}

// --- barriers ---

static struct arrival *last_arrival(const struct prediction_sync *sync, uint32_t thread_id)
{
    for (unsigned i = 0; i < sync->rounds->len; i++) {
        struct arrival *arrival = &g_array_index(sync->rounds, struct arrival, i);
        if (arrival->point.thread_id == thread_id)
            return arrival;
    }
    return NULL;
}

static void append_round(const struct prediction_sync *sync, uint64_t round, GArray *ret_points)
{
    for (unsigned i = 0; i < sync->arrivals->len; i++) {
        const struct arrival *arrival = &g_array_index(sync->arrivals, struct arrival, i);
        if (arrival->round == round)
            g_array_append_val(ret_points, arrival->point);
    }
}

void prediction_sync_arrive(struct prediction_sync *sync, struct prediction_point point, GArray *ret_points)
{
    uint64_t count = sync->object->row.value;
    struct arrival arrival = { .point = point, .round = count ? sync->arrived / count : 0 };
    struct arrival *last = last_arrival(sync, point.thread_id);
    sync->arrived++;
    if (last)
        *last = arrival;
    else
        g_array_append_val(sync->rounds, arrival);
    if (!count)
        return;
    if (arrival.round)
        append_round(sync, arrival.round - 1, ret_points);
    if (sync->arrivals->len >= 3 * count)
        g_array_remove_range(sync->arrivals, 0, (unsigned)count);
    g_array_append_val(sync->arrivals, arrival);
}

void prediction_sync_leave(struct prediction_sync *sync, uint32_t thread_id, GArray *ret_points)
{
    const struct arrival *own = last_arrival(sync, thread_id);
    unsigned before = ret_points->len;
    if (sync->object->row.value && own)
        append_round(sync, own->round, ret_points);
    if (ret_points->len > before)
        return;
    for (unsigned i = 0; i < sync->rounds->len; i++)
        g_array_append_val(ret_points, g_array_index(sync->rounds, struct arrival, i).point);
}
