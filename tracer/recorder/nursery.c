// SPDX-License-Identifier: MIT
// A cradle is free again when its process is gone, its rings are empty and its segment is wiped: a hole in the session's
// file, so that memory is what living children use.
//
// Blind spot: a child that is killed between two instructions, while it writes its cradle, leaves it taken for good.
#include "nursery.h"

#include <fcntl.h>
#include <stdlib.h>

#include "process.h"

void nursery_init(struct nursery *nursery, struct session *session)
{
    *nursery = (struct nursery){
        .session = session,
        .shared = session_nursery(session),
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
}

void nursery_done(struct nursery *nursery)
{
    pthread_mutex_destroy(&nursery->lock);
}

bool nursery_has_news(const struct nursery *nursery)
{
    return nursery->shared && atomic_load_explicit(&nursery->shared->births, memory_order_acquire) !=
                                  __atomic_load_n(&nursery->births_seen, __ATOMIC_RELAXED);
}

struct segment *nursery_segment(const struct nursery *nursery, uint32_t index)
{
    // Looking into a segment would give it memory.
    if (!atomic_load_explicit(&nursery->shared->cradles[index].used, memory_order_acquire))
        return NULL;
    struct segment *segment = g_new0(struct segment, 1);
    segment->shared = (struct wire_segment *)((uint8_t *)nursery->session->page + WIRE_CRADLE_OFFSET(index));
    segment->slots = WIRE_CRADLE_SLOTS;
    segment->borrowed = true;
    return segment;
}

static struct process *process_in(struct nursery *nursery, uint32_t index)
{
    const struct wire_cradle *cradle = &nursery->shared->cradles[index];
    struct process *process = process_new((pid_t)cradle->pid, NULL, NULL);
    process->parent_pid = cradle->parent_pid;
    process->forked = true;
    process->forked_from = cradle->forked_from;
    process->started_ticks = (int64_t)cradle->born_ticks;
    process->cradle = cradle;
    process->nursery = nursery;
    return process;
}

static int by_birth(const void *a, const void *b)
{
    const struct process *const *left = a, *const *right = b;
    return ((*left)->started_ticks > (*right)->started_ticks) -
           ((*left)->started_ticks < (*right)->started_ticks);
}

// A pid that makes no sense is left alone: it would be watched, and told to end.
static unsigned collect(struct nursery *nursery, struct process *found[WIRE_CRADLES])
{
    unsigned n = 0;
    for (uint32_t i = 0; i < WIRE_CRADLES; i++) {
        const struct wire_cradle *cradle = &nursery->shared->cradles[i];
        if (atomic_load_explicit(&cradle->state, memory_order_acquire) != WIRE_CRADLE_BORN ||
            nursery->known[i])
            continue;
        nursery->known[i] = true;
        if ((int32_t)cradle->pid > 0)
            found[n++] = process_in(nursery, i);
    }
    qsort(found, n, sizeof *found, by_birth);
    return n;
}

bool nursery_look(struct nursery *nursery, nursery_born born, void *data)
{
    if (!nursery->shared)
        return false;
    // Whoever comes second here, and finds no news, may rely on `born` having been told.
    pthread_mutex_lock(&nursery->lock);
    if (!nursery_has_news(nursery)) {
        pthread_mutex_unlock(&nursery->lock);
        return false;
    }
    // First: who is counted has been written down before.
    uint32_t births = atomic_load_explicit(&nursery->shared->births, memory_order_acquire);
    __atomic_store_n(&nursery->births_seen, births, __ATOMIC_RELAXED);
    struct process *found[WIRE_CRADLES];
    unsigned n = collect(nursery, found);
    if (n)
        born(data, found, n);
    pthread_mutex_unlock(&nursery->lock);
    return n > 0;
}

void nursery_recycle(struct nursery *nursery, uint32_t index)
{
    struct wire_cradle *cradle = &nursery->shared->cradles[index];
    if (atomic_load(&cradle->used))
        fallocate(nursery->session->page_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
            (off_t)WIRE_CRADLE_OFFSET(index), (off_t)WIRE_SEGMENT_BYTES(WIRE_CRADLE_SLOTS));
    pthread_mutex_lock(&nursery->lock);
    nursery->known[index] = false;
    atomic_store(&cradle->used, 0);
    atomic_store(&cradle->exit_said, 0);
    atomic_store(&cradle->exited_ticks, 0);
    atomic_store(&cradle->state, WIRE_CRADLE_FREE);
    pthread_mutex_unlock(&nursery->lock);
}
