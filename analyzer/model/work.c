// SPDX-License-Identifier: MIT
// Whoever is free takes the next number. When nothing is left to take, the one who shares it out looks in on the others now and then, so
// that a last long piece can be watched and stopped like any other.
#include "work.h"

#define UNITS_ALONE 100000u // of less work, the start of a thread is a considerable part
#define LOOK_US 20000

static void tell(struct work *work, double done)
{
    double share = work->from + MIN(done, 1.0) * (work->to - work->from);
    if (work->progress && !__atomic_load_n(&work->stopped, __ATOMIC_RELAXED) &&
        !work->progress(share, work->progress_data))
        work_stop(work);
}

static void tell_units(struct work *work)
{
    uint64_t done = __atomic_load_n(&work->done_units, __ATOMIC_RELAXED);
    tell(work, (double)done / (double)MAX(work->units, 1));
}

bool work_done(struct work *work, unsigned worker, uint64_t units)
{
    __atomic_fetch_add(&work->done_units, units, __ATOMIC_RELAXED);
    if (worker == 0)
        tell_units(work);
    return !__atomic_load_n(&work->stopped, __ATOMIC_RELAXED);
}

void work_stop(struct work *work)
{
    __atomic_store_n(&work->stopped, 1, __ATOMIC_RELAXED);
}

static void do_pieces(struct work *work, unsigned worker)
{
    while (!__atomic_load_n(&work->stopped, __ATOMIC_RELAXED)) {
        uint32_t number = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
        if (number >= work->n_pieces)
            break;
        work->piece(work, worker, number);
    }
}

struct worker {
    struct work *work;
    unsigned number;
    GThread *thread;
};

static void *run(void *data)
{
    struct worker *worker = data;
    struct work *work = worker->work;
    do_pieces(work, worker->number);
    g_mutex_lock(&work->mutex);
    work->n_running--;
    g_cond_signal(&work->ended);
    g_mutex_unlock(&work->mutex);
    return NULL;
}

unsigned work_workers(uint32_t n_pieces, uint64_t units)
{
    if (units < UNITS_ALONE || n_pieces < 2)
        return 1;
    return MIN(MIN(g_get_num_processors(), WORKERS_MAX), n_pieces);
}

static void look_in(struct work *work)
{
    g_mutex_lock(&work->mutex);
    while (work->n_running) {
        g_cond_wait_until(&work->ended, &work->mutex, g_get_monotonic_time() + LOOK_US);
        g_mutex_unlock(&work->mutex);
        tell_units(work);
        g_mutex_lock(&work->mutex);
    }
    g_mutex_unlock(&work->mutex);
}

bool work_share(struct work *work)
{
    struct worker workers[WORKERS_MAX];
    unsigned n = work_workers(work->n_pieces, work->units);
    g_mutex_init(&work->mutex);
    g_cond_init(&work->ended);
    for (unsigned i = 1; i < n; i++) {
        workers[i] = (struct worker){ .work = work, .number = i };
        g_mutex_lock(&work->mutex);
        work->n_running++;
        g_mutex_unlock(&work->mutex);
        workers[i].thread = g_thread_new("timeline", run, &workers[i]);
    }
    do_pieces(work, 0);
    look_in(work);
    for (unsigned i = 1; i < n; i++)
        g_thread_join(workers[i].thread);
    g_mutex_clear(&work->mutex);
    g_cond_clear(&work->ended);
    tell(work, 1);
    return !work->stopped;
}
