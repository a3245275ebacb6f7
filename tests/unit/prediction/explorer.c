// SPDX-License-Identifier: MIT
// Breadth first over states. A state is how far each thread has come, and the little that does not follow from it: who of those
// that wait on a condition has been woken, who wrote a variable last, which round of a barrier a thread arrived for.
//
// Signals wake one of the threads that still wait, any one; a wait that was to time out may have done so before. Nobody wakes for
// no reason.
#include "explorer.h"

#include <errno.h>
#include <string.h>

#include "recorded_order.h"

struct state {
    uint8_t position[SMALL_THREADS + 1];
    uint8_t woken; // bit per thread
    uint8_t written[SMALL_OBJECTS + 1];
    uint8_t round[SMALL_THREADS + 1];
};

// What follows from how far the threads have come.
struct world {
    uint64_t happened;
    uint8_t hold[SMALL_THREADS + 1]
                [SMALL_OBJECTS + 1]; // operation + 1 by which the thread has the lock; 0: it has not
    unsigned takes[SMALL_OBJECTS + 1];
    unsigned gives[SMALL_OBJECTS + 1];
    unsigned arrivals[SMALL_OBJECTS + 1];
    bool begun[SMALL_OBJECTS + 1];
    bool over[SMALL_OBJECTS + 1];
};

struct explorer {
    const struct small_trace *trace;
    struct recorded_order order;
    enum explorer_orders orders;
    GHashTable *seen; // of struct state *
    GPtrArray *todo;
    GArray *deadlocks;
};

static unsigned state_hash(const void *data)
{
    const uint8_t *bytes = data;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < sizeof(struct state); i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return (unsigned)(hash ^ hash >> 32);
}

static gboolean state_equal(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct state)) == 0;
}

// The call that led to the routine which thread's operation k begins.
static unsigned once_call(const struct explorer *explorer, unsigned thread, unsigned k)
{
    const uint8_t *ops = explorer->order.thread_ops[thread];
    const struct small_op *before = k ? &explorer->trace->ops[ops[k - 1]] : NULL;
    bool asked =
        before && before->kind == EVENT_ONCE_REQUEST && before->object == explorer->trace->ops[ops[k]].object;
    return ops[asked ? k - 1 : k];
}

static void make_world(const struct explorer *explorer, const struct state *state, struct world *ret_world)
{
    memset(ret_world, 0, sizeof *ret_world);
    for (unsigned t = 1; t <= SMALL_THREADS; t++)
        for (unsigned k = 0; k < state->position[t]; k++) {
            unsigned i = explorer->order.thread_ops[t][k];
            const struct small_op *op = &explorer->trace->ops[i];
            uint8_t lock = small_op_lock(op);
            bool takes = small_op_acquires(op);
            bool gives = op->kind == EVENT_RELEASE || op->kind == EVENT_POST || op->kind == EVENT_COND_WAIT;
            ret_world->happened |= OP_BIT(i);
            ret_world->takes[lock] += takes;
            ret_world->gives[lock] += gives;
            if (explorer->order.outermost[i])
                ret_world->hold[t][lock] = takes ? (uint8_t)(i + 1) : 0;
            if (op->kind == EVENT_ONCE_BEGIN && explorer->order.is_lock[lock])
                ret_world->hold[t][lock] = (uint8_t)(once_call(explorer, t, k) + 1);
            else if (op->kind == EVENT_ONCE_END)
                ret_world->hold[t][lock] = 0;
            ret_world->arrivals[op->object] += op->kind == EVENT_BARRIER_ARRIVE;
            ret_world->begun[op->object] |= op->kind == EVENT_INIT || op->kind == EVENT_ONCE_BEGIN;
            ret_world->over[op->object] |= op->kind == EVENT_DESTROY || op->kind == EVENT_ONCE_END;
        }
}

static const struct small_op *op_of(const struct explorer *explorer, unsigned thread, unsigned index)
{
    return index < explorer->order.n_thread_ops[thread]
               ? &explorer->trace->ops[explorer->order.thread_ops[thread][index]]
               : NULL;
}

// --- may it happen? ---

static bool has_init(const struct small_trace *trace, uint8_t object)
{
    for (unsigned i = 0; i < trace->n_ops; i++)
        if (trace->ops[i].kind == EVENT_INIT && trace->ops[i].object == object)
            return true;
    return false;
}

// A lock can be had when nobody has it in a way that conflicts.
static bool is_free(
    const struct explorer *explorer, const struct world *world, uint8_t lock, uint8_t thread, bool shared)
{
    if (!explorer->order.is_lock[lock])
        return world->takes[lock] == world->gives[lock];
    for (unsigned t = 1; t <= SMALL_THREADS; t++) {
        uint8_t hold = t == thread ? 0 : world->hold[t][lock];
        if (hold && !(shared && event_is_shared(explorer->trace->ops[hold - 1].kind)))
            return false;
    }
    return true;
}

static bool may_acquire(const struct explorer *explorer, const struct world *world, const struct small_op *op)
{
    uint8_t lock = small_op_lock(op);
    const struct trace_object *object = &explorer->trace->objects[lock].row;
    if (object->kind != OBJECT_SEMAPHORE || explorer->order.is_lock[lock])
        return is_free(explorer, world, lock, op->thread, event_is_shared(op->kind));
    return explorer->orders == EXPLORE_SYNC_PRESERVING ||
           world->gives[lock] + object->value > world->takes[lock];
}

static bool may_fail(const struct explorer *explorer, const struct world *world, const struct small_op *op)
{
    const struct trace_object *object = &explorer->trace->objects[op->object].row;
    if (op->tries_first)
        return true; // it is the beginning of a wait, which may as well be none
    if (object->kind == OBJECT_SEMAPHORE)
        return explorer->orders == EXPLORE_SYNC_PRESERVING ||
               world->gives[op->object] + object->value == world->takes[op->object];
    return !is_free(explorer, world, op->object, op->thread, op->shared);
}

static bool may_leave(const struct explorer *explorer, const struct state *state, const struct world *world,
    const struct small_op *op)
{
    unsigned count = (unsigned)explorer->trace->objects[op->object].row.value;
    return explorer->orders == EXPLORE_SYNC_PRESERVING ||
           world->arrivals[op->object] >= (state->round[op->thread] + 1u) * count;
}

static bool is_alive(const struct explorer *explorer, const struct world *world, uint8_t object)
{
    enum object_kind kind = object ? explorer->trace->objects[object].row.kind : OBJECT_NONE;
    if (kind == OBJECT_NONE || kind == OBJECT_ONCE || kind == OBJECT_VARIABLE)
        return true;
    return !world->over[object] && (world->begun[object] || !has_init(explorer->trace, object));
}

static bool may_happen(
    const struct explorer *explorer, const struct state *state, const struct world *world, unsigned i)
{
    const struct small_op *op = &explorer->trace->ops[i];
    const struct recorded_order *order = &explorer->order;
    if (explorer->orders == EXPLORE_SYNC_PRESERVING &&
        ((order->before[i] & ~world->happened) || (order->not_before[i] & world->happened)))
        return false;
    if (order->index[i] == 0 && order->created_by[op->thread] &&
        !(world->happened & OP_BIT(order->created_by[op->thread] - 1)))
        return false;
    if (op->kind != EVENT_INIT &&
        !(is_alive(explorer, world, op->object) && is_alive(explorer, world, op->mutex)))
        return false;
    switch (op->kind) {
    case EVENT_JOIN:
        return state->position[op->other] == order->n_thread_ops[op->other];
    case EVENT_FAIL:
        return may_fail(explorer, world, op);
    case EVENT_COND_WAKE:
        if (explorer->orders == EXPLORE_CORRECT && !op->error && !(state->woken & OP_BIT(op->thread)))
            return false;
        return may_acquire(explorer, world, op);
    case EVENT_BARRIER_LEAVE:
        return may_leave(explorer, state, world, op);
    case EVENT_ONCE_BEGIN:
        return !world->begun[op->object];
    case EVENT_ONCE_DONE:
        return world->over[op->object];
    case EVENT_RELEASE: // by another thread only what is taken
        return order->is_lock[op->object] || world->takes[op->object] > world->gives[op->object];
    case EVENT_READ:
        return state->written[op->object] == order->written[i];
    case EVENT_DESTROY:
        return is_free(explorer, world, op->object, op->thread, false);
    default:
        return !event_is_acquire(op->kind) || may_acquire(explorer, world, op);
    }
}

// --- what happens ---

// Waits on the condition and has not been woken; timed: only until its time is up.
static bool waits_on(
    const struct explorer *explorer, const struct state *state, unsigned thread, uint8_t condition)
{
    unsigned position = state->position[thread];
    const struct small_op *last = position ? op_of(explorer, thread, position - 1) : NULL;
    return last && last->kind == EVENT_COND_WAIT && last->object == condition &&
           !(state->woken & OP_BIT(thread));
}

static void add_state(struct explorer *explorer, const struct state *state)
{
    if (g_hash_table_contains(explorer->seen, state))
        return;
    struct state *copy = g_memdup2(state, sizeof *state);
    g_hash_table_add(explorer->seen, copy);
    g_ptr_array_add(explorer->todo, copy);
}

// The states after a signal: each thread that waits may be the one; nobody, if nobody has to be.
static void signal_one(struct explorer *explorer, const struct state *state, uint8_t condition)
{
    bool must = false;
    for (unsigned t = 1; t <= SMALL_THREADS; t++) {
        const struct small_op *wake = op_of(explorer, t, state->position[t]);
        if (!waits_on(explorer, state, t, condition) || (wake && wake->error))
            continue;
        struct state after = *state;
        after.woken |= (uint8_t)OP_BIT(t);
        add_state(explorer, &after);
        must = true;
    }
    if (!must)
        add_state(explorer, state);
}

static void happen(
    struct explorer *explorer, const struct state *state, const struct world *world, unsigned i)
{
    const struct small_op *op = &explorer->trace->ops[i];
    struct state after = *state;
    after.position[op->thread]++;
    switch (op->kind) {
    case EVENT_COND_SIGNAL:
        signal_one(explorer, &after, op->object);
        return;
    case EVENT_COND_BROADCAST:
        for (unsigned t = 1; t <= SMALL_THREADS; t++)
            if (waits_on(explorer, state, t, op->object))
                after.woken |= (uint8_t)OP_BIT(t);
        break;
    case EVENT_COND_WAKE:
        after.woken &= (uint8_t)~OP_BIT(op->thread);
        break;
    case EVENT_WRITE:
        after.written[op->object] = (uint8_t)(i + 1);
        break;
    case EVENT_BARRIER_ARRIVE:
        after.round[op->thread] =
            (uint8_t)(world->arrivals[op->object] / explorer->trace->objects[op->object].row.value);
        break;
    default:
        break;
    }
    add_state(explorer, &after);
}

// --- deadlocks ---

struct wish {
    bool blocked;
    uint8_t request; // operation
    uint8_t lock;    // 0: the end of other
    uint8_t other;
    bool shared;
};

static struct wish wish_of(
    const struct explorer *explorer, const struct state *state, const struct world *world, unsigned t)
{
    const struct small_op *op = op_of(explorer, t, state->position[t]);
    struct wish wish = { 0 };
    if (!op || (state->position[t] == 0 && explorer->order.created_by[t] &&
                   !(world->happened & OP_BIT(explorer->order.created_by[t] - 1))))
        return wish;
    unsigned i = (unsigned)(op - explorer->trace->ops);
    const struct small_op *before = state->position[t] ? op_of(explorer, t, state->position[t] - 1) : NULL;
    wish.blocked = explorer->order.blocks[i];
    wish.request = (uint8_t)i;
    if (before && event_is_acquire(op->kind) && event_is_request(before->kind) &&
        before->object == op->object) {
        wish.request = (uint8_t)(before - explorer->trace->ops);
        wish.blocked = explorer->order.blocks[wish.request];
    }
    if (op->kind == EVENT_ONCE_DONE && before && before->kind == EVENT_ONCE_REQUEST &&
        before->object == op->object) {
        wish.request = (uint8_t)(before - explorer->trace->ops);
        wish.blocked = true;
    }
    if (op->kind == EVENT_JOIN && before && before->kind == EVENT_JOIN_REQUEST)
        wish.request = (uint8_t)(before - explorer->trace->ops);
    wish.other = op->kind == EVENT_JOIN || op->kind == EVENT_JOIN_REQUEST ? op->other : 0;
    wish.lock = wish.other ? 0 : small_op_lock(op);
    wish.shared = event_is_shared(op->kind);
    if (op->kind == EVENT_COND_WAKE && !op->error)
        wish.blocked = explorer->orders == EXPLORE_CORRECT ? state->woken & OP_BIT(t)
                                                           : !(explorer->order.before[i] & ~world->happened);
    if (wish.lock && explorer->orders == EXPLORE_SYNC_PRESERVING && t != explorer->order.maker[wish.lock])
        wish.blocked = wish.blocked && !(explorer->order.told[wish.lock] & ~world->happened);
    if (wish.lock)
        wish.blocked = wish.blocked && explorer->order.is_lock[wish.lock] && !world->hold[t][wish.lock] &&
                       is_alive(explorer, world, wish.lock);
    return wish;
}

struct knot {
    struct explorer *explorer;
    const struct state *state;
    const struct world *world;
    struct wish wishes[SMALL_THREADS + 1];
    uint8_t path[SMALL_THREADS];
    unsigned n;
};

// The operation by which `holder` has what `waiter` waits for, + 1; 0: it has not.
static uint8_t holds_for(const struct knot *knot, unsigned waiter, unsigned holder)
{
    const struct wish *wish = &knot->wishes[waiter];
    if (!wish->blocked || waiter == holder)
        return 0;
    if (wish->other)
        return wish->other == holder &&
                       knot->state->position[holder] < knot->explorer->order.n_thread_ops[holder]
                   ? EXPLORER_END
                   : 0;
    uint8_t hold = knot->world->hold[holder][wish->lock];
    return hold && !(wish->shared && event_is_shared(knot->explorer->trace->ops[hold - 1].kind)) ? hold : 0;
}

// A reader that waits because a writer does, for a lock that a third thread reads.
static bool waits_behind_writer(const struct knot *knot, unsigned waiter, unsigned holder)
{
    const struct wish *wish = &knot->wishes[waiter];
    if (!wish->blocked || !wish->shared || !wish->lock || !knot->world->hold[holder][wish->lock] ||
        !(knot->explorer->trace->objects[wish->lock].row.flags & OBJECT_PREFER_WRITER))
        return false;
    for (unsigned t = 1; t <= SMALL_THREADS; t++) {
        bool on_path = t == waiter || t == holder;
        for (unsigned i = 0; i < knot->n; i++)
            on_path |= knot->path[i] == t;
        if (!on_path && knot->wishes[t].blocked && knot->wishes[t].lock == wish->lock &&
            !knot->wishes[t].shared)
            return true;
    }
    return false;
}

static uint8_t edge(const struct knot *knot, unsigned waiter, unsigned holder)
{
    uint8_t hold = holds_for(knot, waiter, holder);
    if (!hold && waits_behind_writer(knot, waiter, holder))
        hold = knot->world->hold[holder][knot->wishes[waiter].lock];
    return hold;
}

static bool same_deadlock(const struct explorer_deadlock *a, const struct explorer_deadlock *b)
{
    return a->n == b->n && memcmp(a->sides, b->sides, a->n * sizeof *a->sides) == 0;
}

static void add_deadlock(struct knot *knot)
{
    struct explorer_deadlock found = { .n = knot->n };
    for (unsigned i = 0; i < knot->n; i++) {
        unsigned before = knot->path[(i + knot->n - 1) % knot->n];
        uint8_t hold = edge(knot, before, knot->path[i]);
        if (!hold) // the writer that stood in the way is part of the circle itself
            return;
        found.sides[i] = (struct explorer_side){
            .request = knot->wishes[knot->path[i]].request,
            .wanted = knot->wishes[knot->path[i]].lock,
            .hold = hold == EXPLORER_END ? EXPLORER_END : (uint8_t)(hold - 1),
        };
    }
    GArray *deadlocks = knot->explorer->deadlocks;
    for (unsigned i = 0; i < deadlocks->len; i++)
        if (same_deadlock(&found, &g_array_index(deadlocks, struct explorer_deadlock, i)))
            return;
    g_array_append_val(deadlocks, found);
}

// Two that want the same lock make a longer circle out of a shorter one.
static bool wants_the_same(const struct knot *knot, unsigned thread)
{
    const struct wish *wish = &knot->wishes[thread];
    for (unsigned i = 0; i < knot->n; i++) {
        const struct wish *other = &knot->wishes[knot->path[i]];
        if (wish->lock == other->lock && wish->other == other->other)
            return true;
    }
    return false;
}

// Circles that begin with the smallest request.
static void find_knots(struct knot *knot)
{
    unsigned last = knot->path[knot->n - 1];
    if (knot->n > 1 && edge(knot, last, knot->path[0]))
        add_deadlock(knot);
    for (unsigned t = 1; t <= SMALL_THREADS && knot->n < SMALL_THREADS; t++) {
        if (!knot->wishes[t].blocked || knot->wishes[t].request <= knot->wishes[knot->path[0]].request ||
            wants_the_same(knot, t) || !edge(knot, last, t))
            continue;
        knot->path[knot->n++] = (uint8_t)t;
        find_knots(knot);
        knot->n--;
    }
}

static void look_for_deadlocks(
    struct explorer *explorer, const struct state *state, const struct world *world)
{
    struct knot knot = { .explorer = explorer, .state = state, .world = world };
    for (unsigned t = 1; t <= SMALL_THREADS; t++)
        knot.wishes[t] = wish_of(explorer, state, world, t);
    for (unsigned t = 1; t <= SMALL_THREADS; t++) {
        if (!knot.wishes[t].blocked)
            continue;
        knot.path[0] = (uint8_t)t;
        knot.n = 1;
        find_knots(&knot);
    }
}

// --- the search ---

static void explorer_init(
    struct explorer *explorer, const struct small_trace *trace, enum explorer_orders orders)
{
    *explorer = (struct explorer){ .trace = trace, .orders = orders };
    recorded_order_make(&explorer->order, trace);
    explorer->seen = g_hash_table_new_full(state_hash, state_equal, g_free, NULL);
    explorer->todo = g_ptr_array_new();
}

static void explorer_done(struct explorer *explorer)
{
    g_ptr_array_unref(explorer->todo);
    g_hash_table_unref(explorer->seen);
}

void explorer_run(const struct small_trace *trace, enum explorer_orders orders, GArray *ret_deadlocks)
{
    struct explorer explorer;
    struct state begin = { 0 };
    explorer_init(&explorer, trace, orders);
    explorer.deadlocks = ret_deadlocks;
    add_state(&explorer, &begin);
    for (unsigned next = 0; next < explorer.todo->len; next++) {
        const struct state *state = explorer.todo->pdata[next];
        struct world world;
        make_world(&explorer, state, &world);
        look_for_deadlocks(&explorer, state, &world);
        for (unsigned t = 1; t <= SMALL_THREADS; t++) {
            if (state->position[t] == explorer.order.n_thread_ops[t])
                continue;
            unsigned op = explorer.order.thread_ops[t][state->position[t]];
            if (may_happen(&explorer, state, &world, op))
                happen(&explorer, state, &world, op);
        }
    }
    explorer_done(&explorer);
}

// From each state that the operations so far can have led to, the next one.
bool explorer_execute(
    const struct small_trace *trace, enum explorer_orders orders, const uint8_t *ops, unsigned n)
{
    struct explorer explorer;
    struct state begin = { 0 };
    explorer_init(&explorer, trace, orders);
    add_state(&explorer, &begin);
    unsigned first = 0;
    for (unsigned i = 0; i < n && first < explorer.todo->len; i++) {
        unsigned end = explorer.todo->len;
        for (; first < end; first++) {
            const struct state *state = explorer.todo->pdata[first];
            const struct small_op *op = &trace->ops[ops[i]];
            struct world world;
            make_world(&explorer, state, &world);
            if (state->position[op->thread] == explorer.order.index[ops[i]] &&
                may_happen(&explorer, state, &world, ops[i]))
                happen(&explorer, state, &world, ops[i]);
        }
    }
    bool possible = first < explorer.todo->len;
    explorer_done(&explorer);
    return possible;
}
