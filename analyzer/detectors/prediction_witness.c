// SPDX-License-Identifier: MIT
// Events of the set are nodes, numbered thread by thread; arrows run from what has to come before. Threads are taken in the
// order of their ids, which is that of their creation.
#include "prediction_witness.h"

#include "events.h"
#include <stdlib.h>

struct arrow {
    uint32_t from;
    uint32_t to;
};

struct schedule {
    const struct prediction_trace *trace;
    uint32_t n_events;
    struct prediction_point *reached; // by thread id, ascending
    unsigned n_reached;
    uint32_t *first;    // by index in reached: number of its first event
    uint32_t *of;       // by event: index in reached
    GArray *arrows;     // of struct arrow, by from
    uint32_t *waits;    // by event: arrows that lead to it and whose begin has not happened
    uint32_t *out;      // by event: its first arrow
    uint32_t *position; // by index in reached: how far it has come
};

static int by_thread(const void *a, const void *b)
{
    const struct prediction_point *x = a;
    const struct prediction_point *y = b;
    return x->thread_id < y->thread_id ? -1 : x->thread_id > y->thread_id;
}

static int by_from(const void *a, const void *b)
{
    const struct arrow *x = a;
    const struct arrow *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to < y->to ? -1 : x->to > y->to;
}

static void schedule_init(
    struct schedule *schedule, const struct prediction_trace *trace, const GArray *reached)
{
    *schedule = (struct schedule){ .trace = trace, .n_reached = reached->len };
    schedule->reached = g_memdup2(reached->data, reached->len * sizeof *schedule->reached);
    if (reached->len)
        qsort(schedule->reached, reached->len, sizeof *schedule->reached, by_thread);
    schedule->first = g_new0(uint32_t, reached->len + 1);
    schedule->position = g_new0(uint32_t, reached->len + 1);
    for (unsigned i = 0; i < reached->len; i++) {
        schedule->first[i] = schedule->n_events;
        schedule->n_events += schedule->reached[i].position;
    }
    schedule->of = g_new(uint32_t, schedule->n_events + 1);
    schedule->waits = g_new0(uint32_t, schedule->n_events + 1);
    schedule->out = g_new0(uint32_t, schedule->n_events + 2);
    schedule->arrows = g_array_new(false, false, sizeof(struct arrow));
    for (unsigned i = 0; i < reached->len; i++)
        for (uint32_t k = 0; k < schedule->reached[i].position; k++)
            schedule->of[schedule->first[i] + k] = i;
}

static void schedule_done(struct schedule *schedule)
{
    g_free(schedule->reached);
    g_free(schedule->first);
    g_free(schedule->position);
    g_free(schedule->of);
    g_free(schedule->waits);
    g_free(schedule->out);
    g_array_unref(schedule->arrows);
}

static const struct prediction_event *event_of(const struct schedule *schedule, uint32_t number)
{
    unsigned i = schedule->of[number];
    return prediction_trace_event(
        schedule->trace, schedule->reached[i].thread_id, number - schedule->first[i]);
}

static void add_arrow(struct schedule *schedule, uint32_t from, uint32_t to)
{
    // A wait gives its mutex back at once: what comes before that comes before the wait.
    const struct prediction_event *event = event_of(schedule, to);
    if (event->kind == EVENT_COND_WAIT && event->hidden)
        to--;
    struct arrow arrow = { from, to };
    g_array_append_val(schedule->arrows, arrow);
    schedule->waits[to]++;
}

static void add_requirements(struct schedule *schedule, uint32_t number, const struct prediction_event *event)
{
    if (event->role != PREDICTION_STEP || event->link == PREDICTION_NEVER)
        return;
    const struct prediction_requirement *requirement =
        prediction_trace_requirement(schedule->trace, event->link);
    do {
        const struct prediction_point *found = bsearch(&requirement->point, schedule->reached,
            schedule->n_reached, sizeof *schedule->reached, by_thread);
        if (found && requirement->point.position)
            add_arrow(schedule, schedule->first[found - schedule->reached] + requirement->point.position - 1,
                number);
    } while (!requirement++->last);
}

static int by_sequence(const void *a, const void *b, void *data)
{
    const struct schedule *schedule = data;
    uint32_t x = event_of(schedule, *(const uint32_t *)a)->sequence;
    uint32_t y = event_of(schedule, *(const uint32_t *)b)->sequence;
    return x < y ? -1 : x > y;
}

static bool is_about_object(unsigned kind)
{
    return kind != EVENT_CREATE && kind != EVENT_FORK && kind != EVENT_JOIN && kind != EVENT_CANCEL &&
           kind != EVENT_THREAD_START;
}

// Events on one object stay in their order.
static void add_object_order(struct schedule *schedule)
{
    g_autofree uint32_t *numbers = g_new(uint32_t, schedule->n_events + 1);
    g_autoptr(GHashTable) last = g_hash_table_new(NULL, NULL); // object id -> number + 1
    for (uint32_t i = 0; i < schedule->n_events; i++)
        numbers[i] = i;
    g_qsort_with_data(numbers, (int)schedule->n_events, sizeof *numbers, by_sequence, schedule);
    for (uint32_t i = 0; i < schedule->n_events; i++) {
        const struct prediction_event *event = event_of(schedule, numbers[i]);
        if (!event->subject || !is_about_object(event->kind))
            continue;
        void *key = GUINT_TO_POINTER(event->subject);
        uint32_t before = GPOINTER_TO_UINT(g_hash_table_lookup(last, key));
        if (before && schedule->of[before - 1] != schedule->of[numbers[i]])
            add_arrow(schedule, before - 1, numbers[i]);
        g_hash_table_insert(last, key, GUINT_TO_POINTER(numbers[i] + 1));
    }
}

static void index_arrows(struct schedule *schedule)
{
    struct arrow *arrows = (void *)schedule->arrows->data;
    if (schedule->arrows->len)
        qsort(arrows, schedule->arrows->len, sizeof *arrows, by_from);
    uint32_t next = 0;
    for (uint32_t number = 0; number <= schedule->n_events; number++) {
        while (next < schedule->arrows->len && arrows[next].from < number)
            next++;
        schedule->out[number] = next;
    }
}

static bool can_go_on(const struct schedule *schedule, unsigned i)
{
    return schedule->position[i] < schedule->reached[i].position &&
           schedule->waits[schedule->first[i] + schedule->position[i]] == 0;
}

static void go_on(struct schedule *schedule, unsigned i, GArray *ret_events)
{
    uint32_t number = schedule->first[i] + schedule->position[i];
    struct prediction_point event = { schedule->reached[i].thread_id, schedule->position[i]++ };
    g_array_append_val(ret_events, event);
    for (uint32_t a = schedule->out[number]; a < schedule->arrows->len; a++) {
        const struct arrow *arrow = &g_array_index(schedule->arrows, struct arrow, a);
        if (arrow->from != number)
            break;
        schedule->waits[arrow->to]--;
    }
}

void prediction_witness_order(const struct prediction_trace *trace, const GArray *reached, GArray *ret_events)
{
    struct schedule schedule;
    schedule_init(&schedule, trace, reached);
    for (uint32_t number = 0; number < schedule.n_events; number++)
        add_requirements(&schedule, number, event_of(&schedule, number));
    add_object_order(&schedule);
    index_arrows(&schedule);
    for (bool moved = true; moved;) {
        moved = false;
        for (unsigned i = 0; i < schedule.n_reached && !moved; i++)
            for (; can_go_on(&schedule, i); moved = true)
                go_on(&schedule, i, ret_events);
    }
    schedule_done(&schedule);
}
