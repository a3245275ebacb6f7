// SPDX-License-Identifier: MIT
// Permits of semaphores. A post by a thread that holds a permit speaks for a lock, one by any other thread against it, for
// ever. A thread's list is short and forgets the oldest: programs that wait for ever new semaphores and never post them
// must not fill memory.
#include "permits.h"

#include "threads.h"

#define PERMITS_MAX 32u // of one thread

// Values of recording->semaphores.
enum { UNKNOWN, LIKE_LOCK, HANDED_OVER };

static unsigned use_of(const struct recording *recording, uint32_t object)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(recording->semaphores, GUINT_TO_POINTER(object)));
}

static void set_use(struct recording *recording, uint32_t object, unsigned use)
{
    g_hash_table_insert(recording->semaphores, GUINT_TO_POINTER(object), GUINT_TO_POINTER(use));
}

void permits_take(struct recording *recording, struct thread *thread, const struct held *acquired)
{
    if (use_of(recording, acquired->object) == HANDED_OVER)
        return;
    struct held_set *permits = &thread->permits;
    if (permits->n >= PERMITS_MAX && !held_set_find(permits, acquired->object))
        held_set_drop_first(permits);
    held_set_add(permits, acquired, true);
}

void permits_post(struct recording *recording, struct thread *thread, uint32_t object)
{
    unsigned use = use_of(recording, object);
    thread->last_post = (uint8_t)held_set_remove(&thread->permits, object);
    if (thread->last_post == HELD_NOT && use != HANDED_OVER)
        set_use(recording, object, HANDED_OVER);
    else if (thread->last_post != HELD_NOT && use == UNKNOWN)
        set_use(recording, object, LIKE_LOCK);
}

void permits_post_failed(struct recording *recording, struct thread *thread, uint32_t object)
{
    (void)recording;
    held_set_restore(&thread->permits, object, (enum held_removal)thread->last_post);
    thread->last_post = HELD_NOT;
}

bool permits_like_lock(const struct recording *recording, uint32_t object)
{
    return use_of(recording, object) == LIKE_LOCK;
}

bool permits_handed_over(const struct recording *recording, uint32_t object)
{
    return use_of(recording, object) == HANDED_OVER;
}

void permits_forget(struct recording *recording, uint32_t object)
{
    g_hash_table_remove(recording->semaphores, GUINT_TO_POINTER(object));
}
