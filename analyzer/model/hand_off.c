// SPDX-License-Identifier: MIT
// Vector clocks. A thread has a slot from its creation until it has been joined, then the slot is another thread's. Times
// only grow, so what was known of the slot's last thread is before the next one's first event, and says nothing of it.
//
// Blind on the safe side: a condition or semaphore passes on all that was ever put into it, so more is ordered than need be.
#include "hand_off.h"

#include <string.h>

#define SLOTS_MAX 4096u
#define NO_SLOT UINT32_MAX

struct knowledge {
    uint32_t slot;    // NO_SLOT: there was none left
    uint64_t started; // ticks
    uint64_t joined;  // ticks, from when on the slot may be another's; UINT64_MAX: not yet
    bool known;       // it has begun to exist
    GArray *clock;    // of uint64_t, by slot; shorter than all slots: zeros; NULL: nothing
};

struct hand_off {
    const struct model *model;
    struct knowledge *threads; // by thread id
    GHashTable *objects;       // object.id -> GArray of uint64_t
    GArray *free_slots;        // of uint32_t
    uint32_t n_slots;
};

struct hand_off_moment {
    GArray *clock;
    uint32_t *slots; // by thread id
    uint64_t *started;
    uint64_t *joined;
    uint32_t n_threads;
};

static void unref_clock(void *clock)
{
    g_array_unref(clock);
}

struct hand_off *hand_off_new(const struct model *model)
{
    struct hand_off *hand_off = g_new0(struct hand_off, 1);
    hand_off->model = model;
    hand_off->threads = g_new0(struct knowledge, model->threads->len + 1);
    hand_off->objects = g_hash_table_new_full(NULL, NULL, NULL, unref_clock);
    hand_off->free_slots = g_array_new(false, false, sizeof(uint32_t));
    return hand_off;
}

void hand_off_free(struct hand_off *hand_off)
{
    if (!hand_off)
        return;
    for (unsigned i = 0; i < hand_off->model->threads->len; i++)
        if (hand_off->threads[i].clock)
            g_array_unref(hand_off->threads[i].clock);
    g_hash_table_unref(hand_off->objects);
    g_array_unref(hand_off->free_slots);
    g_free(hand_off->threads);
    g_free(hand_off);
}

static GArray *clock_new(void)
{
    return g_array_new(false, true, sizeof(uint64_t));
}

static void clock_merge(GArray *clock, const GArray *from)
{
    if (!from)
        return;
    if (clock->len < from->len)
        g_array_set_size(clock, from->len);
    uint64_t *to = (uint64_t *)(void *)clock->data;
    const uint64_t *times = (const uint64_t *)(const void *)from->data;
    for (unsigned i = 0; i < from->len; i++)
        to[i] = MAX(to[i], times[i]);
}

static void clock_set(GArray *clock, uint32_t slot, uint64_t time)
{
    if (slot == NO_SLOT)
        return;
    if (clock->len <= slot)
        g_array_set_size(clock, slot + 1);
    uint64_t *at = &g_array_index(clock, uint64_t, slot);
    *at = MAX(*at, time);
}

static struct knowledge *find_thread(const struct hand_off *hand_off, uint32_t id)
{
    return model_thread(hand_off->model, id) ? &hand_off->threads[id] : NULL;
}

static uint32_t take_slot(struct hand_off *hand_off)
{
    if (hand_off->free_slots->len) {
        uint32_t slot = g_array_index(hand_off->free_slots, uint32_t, hand_off->free_slots->len - 1);
        g_array_set_size(hand_off->free_slots, hand_off->free_slots->len - 1);
        return slot;
    }
    return hand_off->n_slots < SLOTS_MAX ? hand_off->n_slots++ : NO_SLOT;
}

static GArray *need_clock(struct knowledge *thread)
{
    if (!thread->clock)
        thread->clock = clock_new();
    return thread->clock;
}

// The thread begins to exist, with what another one knows by then; NULL: nobody.
static void begin(
    struct hand_off *hand_off, struct knowledge *thread, const struct knowledge *parent, uint64_t ticks)
{
    if (thread->known)
        return;
    thread->known = true;
    thread->slot = take_slot(hand_off);
    thread->started = ticks;
    thread->joined = UINT64_MAX;
    if (!parent)
        return;
    clock_merge(need_clock(thread), parent->clock);
    clock_set(thread->clock, parent->slot, ticks + 1);
}

static void join(struct hand_off *hand_off, struct knowledge *self, struct knowledge *joined, uint64_t ticks)
{
    if (!joined->known)
        return;
    clock_merge(need_clock(self), joined->clock);
    if (joined->slot == NO_SLOT || joined->joined != UINT64_MAX)
        return;
    clock_set(self->clock, joined->slot, ticks);
    g_array_append_val(hand_off->free_slots, joined->slot);
    joined->joined = ticks;
    if (joined->clock)
        g_array_unref(g_steal_pointer(&joined->clock));
}

static void give(struct hand_off *hand_off, const struct knowledge *self, const struct trace_event *event)
{
    GArray *clock = g_hash_table_lookup(hand_off->objects, GUINT_TO_POINTER(event->subject));
    if (!clock) {
        clock = clock_new();
        g_hash_table_insert(hand_off->objects, GUINT_TO_POINTER(event->subject), clock);
    }
    clock_merge(clock, self->clock);
    clock_set(clock, self->slot, event->ticks + 1);
}

static void receive(struct hand_off *hand_off, struct knowledge *self, uint32_t object_id)
{
    const GArray *clock = g_hash_table_lookup(hand_off->objects, GUINT_TO_POINTER(object_id));
    if (clock)
        clock_merge(need_clock(self), clock);
}

static void apply_other(struct hand_off *hand_off, struct knowledge *self, const struct ordered_event *event)
{
    const struct trace_event *e = &event->event;
    struct knowledge *subject = find_thread(hand_off, e->subject);
    switch (e->kind) {
    case EVENT_CREATE:
        if (subject && !event->refused)
            begin(hand_off, subject, self, e->ticks);
        break;
    case EVENT_JOIN:
        if (subject)
            join(hand_off, self, subject, e->ticks);
        break;
    case EVENT_COND_SIGNAL:
    case EVENT_COND_BROADCAST:
    case EVENT_POST:
    case EVENT_BARRIER_ARRIVE:
        give(hand_off, self, e);
        break;
    case EVENT_COND_WAKE:
        if (chunk_arg_code(e->arg) == 0)
            receive(hand_off, self, e->subject);
        break;
    case EVENT_BARRIER_LEAVE:
        receive(hand_off, self, e->subject);
        break;
    case EVENT_DESTROY:
    case EVENT_OBJECT_END:
        if (!event->refused)
            g_hash_table_remove(hand_off->objects, GUINT_TO_POINTER(e->subject));
        break;
    default:
        break;
    }
}

void hand_off_apply(struct hand_off *hand_off, const struct ordered_event *event)
{
    struct knowledge *self = find_thread(hand_off, event->thread_id);
    if (!self)
        return;
    if (!self->known) {
        const struct model_thread *row = model_thread(hand_off->model, event->thread_id);
        const struct trace_process *process = model_process(hand_off->model, row->row.process_id);
        bool forked = process && process->forked_by && !row->row.creator_id;
        begin(hand_off, self, forked ? find_thread(hand_off, process->forked_by) : NULL, event->event.ticks);
    }
    if (!event_is_acquire(event->event.kind)) {
        apply_other(hand_off, self, event);
        return;
    }
    const struct model_object *object = model_object(hand_off->model, event->event.subject);
    if (object && object->row.kind == OBJECT_SEMAPHORE)
        receive(hand_off, self, event->event.subject);
}

static uint64_t component(const GArray *clock, uint32_t slot, uint64_t started, uint64_t joined)
{
    if (slot == NO_SLOT)
        return UINT64_MAX;
    if (!clock || slot >= clock->len)
        return 0;
    uint64_t time = g_array_index(clock, uint64_t, slot);
    // What is known of later times is of the slot's next thread, whose creator need not have known of the join.
    if (time >= joined)
        return UINT64_MAX;
    return time > started ? time : 0;
}

uint64_t hand_off_known(const struct hand_off *hand_off, uint32_t by, uint32_t of)
{
    const struct knowledge *self = find_thread(hand_off, by);
    const struct knowledge *other = find_thread(hand_off, of);
    if (!self || !other || !other->known)
        return 0;
    return component(self->clock, other->slot, other->started, other->joined);
}

struct hand_off_moment *hand_off_keep(const struct hand_off *hand_off, uint32_t by)
{
    struct hand_off_moment *moment = g_new0(struct hand_off_moment, 1);
    uint32_t n = hand_off->model->threads->len;
    const struct knowledge *self = find_thread(hand_off, by);
    moment->clock = clock_new();
    clock_merge(moment->clock, self ? self->clock : NULL);
    moment->n_threads = n;
    moment->slots = g_new(uint32_t, n + 1);
    moment->started = g_new(uint64_t, n + 1);
    moment->joined = g_new(uint64_t, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        // Who does not exist yet is not known to anybody.
        moment->slots[i] = hand_off->threads[i].slot;
        moment->started[i] = hand_off->threads[i].known ? hand_off->threads[i].started : UINT64_MAX;
        moment->joined[i] = hand_off->threads[i].joined;
    }
    return moment;
}

uint64_t hand_off_moment_known(const struct hand_off_moment *moment, uint32_t of)
{
    if (of >= moment->n_threads || moment->started[of] == UINT64_MAX)
        return 0;
    return component(moment->clock, moment->slots[of], moment->started[of], moment->joined[of]);
}

void hand_off_moment_free(struct hand_off_moment *moment)
{
    if (!moment)
        return;
    g_array_unref(moment->clock);
    g_free(moment->slots);
    g_free(moment->started);
    g_free(moment->joined);
    g_free(moment);
}
