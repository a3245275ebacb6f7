// SPDX-License-Identifier: MIT
// Random runs by simulation: threads take turns at random, and each does something that it could do then. They like to take a
// second lock while they hold one.
#include "small_trace.h"

#include <errno.h>
#include <string.h>

enum status { ABSENT, RUNNING, BLOCKED, WAITING, AT_BARRIER, AT_ONCE, JOINING, ENDED };

struct runner {
    enum status status;
    uint8_t creator;
    uint8_t created[SMALL_THREADS + 1]; // threads it created and has not joined
    uint8_t request_kind;               // BLOCKED
    uint8_t subject;                    // lock, condition, barrier or thread it waits for
    uint8_t mutex;
    bool woken;
    bool timed;
    unsigned round;
    unsigned budget; // operations left
};

struct lock_state {
    uint8_t owner;
    unsigned depth[SMALL_THREADS + 1];
    bool shared[SMALL_THREADS + 1];
    unsigned value; // semaphore
    unsigned arrived;
    bool once_begun, once_over;
    uint8_t once_runner;
    bool init, dead;
};

struct maker {
    struct small_trace *trace;
    GRand *random;
    unsigned features;
    unsigned max_ops;
    struct runner runners[SMALL_THREADS + 1];
    struct lock_state locks[SMALL_OBJECTS + 1];
};

static bool chance(struct maker *maker, unsigned percent)
{
    return (unsigned)g_rand_int_range(maker->random, 0, 100) < percent;
}

static unsigned pick(struct maker *maker, unsigned n)
{
    return (unsigned)g_rand_int_range(maker->random, 0, (int)n);
}

static void emit(struct maker *maker, unsigned thread, unsigned kind, unsigned object)
{
    struct small_trace *trace = maker->trace;
    if (trace->n_ops == SMALL_OPS)
        return;
    trace->ops[trace->n_ops++] =
        (struct small_op){ .thread = (uint8_t)thread, .kind = (uint8_t)kind, .object = (uint8_t)object };
    if (maker->runners[thread].budget)
        maker->runners[thread].budget--;
}

static struct small_op *last_op(struct maker *maker)
{
    return &maker->trace->ops[maker->trace->n_ops - 1];
}

static enum object_kind kind_of(const struct maker *maker, unsigned object)
{
    return maker->trace->objects[object].row.kind;
}

// An object of a kind at random; 0: there is none.
static unsigned some(struct maker *maker, enum object_kind kind)
{
    unsigned found[SMALL_OBJECTS];
    unsigned n = 0;
    for (unsigned i = 1; i <= maker->trace->n_objects; i++)
        if (kind_of(maker, i) == kind && !maker->locks[i].dead)
            found[n++] = i;
    return n ? found[pick(maker, n)] : 0;
}

static unsigned some_lock(struct maker *maker)
{
    unsigned rwlock = chance(maker, 50) ? some(maker, OBJECT_RWLOCK) : 0;
    unsigned semaphore = chance(maker, 30) ? some(maker, OBJECT_SEMAPHORE) : 0;
    return rwlock ? rwlock : semaphore ? semaphore : some(maker, OBJECT_MUTEX);
}

static bool is_free(const struct maker *maker, unsigned object, unsigned thread, bool shared)
{
    const struct lock_state *lock = &maker->locks[object];
    if (kind_of(maker, object) == OBJECT_SEMAPHORE)
        return lock->value > 0;
    for (unsigned t = 1; t <= SMALL_THREADS; t++)
        if (t != thread && lock->depth[t] && !(shared && lock->shared[t]))
            return false;
    return true;
}

static void acquire(struct maker *maker, unsigned thread, unsigned kind, unsigned object)
{
    struct lock_state *lock = &maker->locks[object];
    emit(maker, thread, kind, object);
    if (kind_of(maker, object) == OBJECT_SEMAPHORE)
        lock->value--;
    lock->shared[thread] = event_is_shared(kind);
    lock->depth[thread]++;
}

static void release(struct maker *maker, unsigned thread, unsigned object)
{
    struct lock_state *lock = &maker->locks[object];
    bool semaphore = kind_of(maker, object) == OBJECT_SEMAPHORE;
    emit(maker, thread, semaphore ? EVENT_POST : EVENT_RELEASE, object);
    lock->value += semaphore;
    lock->depth[thread] -= lock->depth[thread] > 0;
}

// --- what a thread may do ---

static void block(struct maker *maker, unsigned thread, unsigned request, unsigned acquire, unsigned object)
{
    struct runner *self = &maker->runners[thread];
    emit(maker, thread, request, object);
    self->status = BLOCKED;
    self->subject = (uint8_t)object;
    self->request_kind = (uint8_t)acquire;
    self->timed = request == EVENT_REQUEST_TIMED || request == EVENT_REQUEST_TIMED_SHARED;
}

static void try_then_wait(struct maker *maker, unsigned thread, unsigned object)
{
    bool free = is_free(maker, object, thread, false);
    if (maker->locks[object].depth[thread])
        return;
    if (free)
        acquire(maker, thread, EVENT_ACQUIRE_TRY, object);
    else
        emit(maker, thread, EVENT_FAIL, object);
    last_op(maker)->error = free ? 0 : EAGAIN;
    last_op(maker)->tries_first = true;
    if (!free)
        block(maker, thread, EVENT_REQUEST, EVENT_ACQUIRE, object);
}

static void take(struct maker *maker, unsigned thread)
{
    unsigned object = some_lock(maker);
    struct lock_state *lock = &maker->locks[object];
    bool rwlock = object && kind_of(maker, object) == OBJECT_RWLOCK;
    bool shared = rwlock && chance(maker, 60);
    if (object && maker->features & SMALL_PYTHON && kind_of(maker, object) == OBJECT_SEMAPHORE) {
        try_then_wait(maker, thread, object);
        return;
    }
    if (!object || (lock->depth[thread] && (rwlock || maker->features & SMALL_FOREIGN || !chance(maker, 10))))
        return;
    bool tries = maker->features & SMALL_TRIES && chance(maker, 25);
    bool timed = tries && chance(maker, 40);
    static const unsigned char kinds[][2] = {
        { EVENT_ACQUIRE, EVENT_ACQUIRE_SHARED },
        { EVENT_ACQUIRE_TRY, EVENT_ACQUIRE_TRY_SHARED },
        { EVENT_ACQUIRE_TIMED, EVENT_ACQUIRE_TIMED_SHARED },
        { EVENT_REQUEST, EVENT_REQUEST_SHARED },
        { EVENT_REQUEST_TIMED, EVENT_REQUEST_TIMED_SHARED },
    };
    if (is_free(maker, object, thread, shared)) {
        if (!tries && chance(maker, 10))
            emit(maker, thread, kinds[3][shared], object);
        acquire(maker, thread, kinds[timed ? 2 : tries ? 1 : 0][shared], object);
    } else if (timed && maker->features & SMALL_TIMED && chance(maker, 60)) {
        block(maker, thread, kinds[4][shared], kinds[2][shared], object);
    } else if (tries) {
        if (timed)
            emit(maker, thread, kinds[4][shared], object);
        emit(maker, thread, EVENT_FAIL, object);
        last_op(maker)->shared = shared;
        last_op(maker)->error = timed                                        ? ETIMEDOUT
                                : kind_of(maker, object) == OBJECT_SEMAPHORE ? EAGAIN
                                                                             : EBUSY;
    } else if (chance(maker, 40)) {
        block(maker, thread, kinds[3][shared], kinds[0][shared], object);
    }
}

// A lock it holds, at random; 0: none.
static unsigned held_by(struct maker *maker, unsigned thread)
{
    unsigned found[SMALL_OBJECTS];
    unsigned n = 0;
    for (unsigned i = 1; i <= maker->trace->n_objects; i++)
        if (maker->locks[i].depth[thread])
            found[n++] = i;
    return n ? found[pick(maker, n)] : 0;
}

// Unlocks what another thread has locked.
static bool give_anothers(struct maker *maker, unsigned thread)
{
    unsigned mutex = some(maker, OBJECT_MUTEX);
    for (unsigned t = 1; mutex && t <= SMALL_THREADS; t++)
        if (t != thread && maker->locks[mutex].depth[t]) {
            emit(maker, thread, EVENT_RELEASE, mutex);
            maker->locks[mutex].depth[t] = 0;
            return true;
        }
    return false;
}

static void give(struct maker *maker, unsigned thread)
{
    unsigned object = held_by(maker, thread);
    unsigned semaphore = some(maker, OBJECT_SEMAPHORE);
    if (maker->features & SMALL_FOREIGN && chance(maker, 20) && give_anothers(maker, thread))
        return;
    if (object)
        release(maker, thread, object);
    else if (semaphore && chance(maker, 30))
        release(maker, thread, semaphore);
}

static void create_or_join(struct maker *maker, unsigned thread)
{
    struct runner *self = &maker->runners[thread];
    for (unsigned t = 2; t <= maker->trace->n_threads; t++) {
        struct runner *other = &maker->runners[t];
        if (other->status == ABSENT && other->creator == thread) {
            emit(maker, thread, EVENT_CREATE, 0);
            last_op(maker)->other = (uint8_t)t;
            other->status = RUNNING;
            self->created[t] = 1;
            return;
        }
    }
    for (unsigned t = 2; t <= maker->trace->n_threads; t++) {
        if (!self->created[t] || (maker->runners[t].status != ENDED && !chance(maker, 30)))
            continue;
        emit(maker, thread, EVENT_JOIN_REQUEST, 0);
        last_op(maker)->other = (uint8_t)t;
        self->timed = maker->features & SMALL_TIMED && chance(maker, 50);
        last_op(maker)->timed = self->timed;
        self->status = JOINING;
        self->subject = (uint8_t)t;
        return;
    }
}

static void use_condition(struct maker *maker, unsigned thread)
{
    unsigned condition = some(maker, OBJECT_COND);
    unsigned mutex = held_by(maker, thread);
    struct runner *self = &maker->runners[thread];
    if (!condition)
        return;
    if (mutex && kind_of(maker, mutex) == OBJECT_MUTEX && maker->locks[mutex].depth[thread] == 1 &&
        chance(maker, 50)) {
        emit(maker, thread, EVENT_COND_WAIT, condition);
        last_op(maker)->mutex = (uint8_t)mutex;
        maker->locks[mutex].depth[thread] = 0;
        self->status = WAITING;
        self->subject = (uint8_t)condition;
        self->mutex = (uint8_t)mutex;
        self->woken = false;
        self->timed = chance(maker, 30);
        return;
    }
    bool broadcast = chance(maker, 25);
    unsigned first = pick(maker, SMALL_THREADS);
    emit(maker, thread, broadcast ? EVENT_COND_BROADCAST : EVENT_COND_SIGNAL, condition);
    for (unsigned i = 0; i < SMALL_THREADS; i++) {
        struct runner *other = &maker->runners[1 + (first + i) % SMALL_THREADS];
        if (other->status != WAITING || other->subject != condition || other->woken)
            continue;
        other->woken = true;
        if (!broadcast)
            return;
    }
}

static void use_barrier(struct maker *maker, unsigned thread)
{
    unsigned barrier = some(maker, OBJECT_BARRIER);
    if (!barrier)
        return;
    emit(maker, thread, EVENT_BARRIER_ARRIVE, barrier);
    maker->runners[thread].status = AT_BARRIER;
    maker->runners[thread].subject = (uint8_t)barrier;
    maker->runners[thread].round =
        maker->locks[barrier].arrived++ / (unsigned)maker->trace->objects[barrier].row.value;
}

static bool runs_once(const struct maker *maker, unsigned thread, unsigned once)
{
    const struct lock_state *state = &maker->locks[once];
    return state->once_begun && !state->once_over && state->once_runner == thread;
}

static void begin_once(struct maker *maker, unsigned thread, unsigned once)
{
    emit(maker, thread, EVENT_ONCE_BEGIN, once);
    maker->locks[once].once_begun = true;
    maker->locks[once].once_runner = (uint8_t)thread;
}

static void use_once(struct maker *maker, unsigned thread)
{
    unsigned once = some(maker, OBJECT_ONCE);
    struct lock_state *state = &maker->locks[once];
    if (!once)
        return;
    if (runs_once(maker, thread, once)) {
        emit(maker, thread, EVENT_ONCE_END, once);
        state->once_over = true;
    } else if (state->once_over) {
        emit(maker, thread, EVENT_ONCE_DONE, once);
    } else if (!state->once_begun && chance(maker, 10)) {
        begin_once(maker, thread, once); // its request was not recorded
    } else {
        emit(maker, thread, EVENT_ONCE_REQUEST, once);
        maker->runners[thread].status = AT_ONCE;
        maker->runners[thread].subject = (uint8_t)once;
    }
}

static void use_data(struct maker *maker, unsigned thread)
{
    unsigned variable = some(maker, OBJECT_VARIABLE);
    if (variable)
        emit(maker, thread, chance(maker, 50) ? EVENT_READ : EVENT_WRITE, variable);
}

static void end_life(struct maker *maker, unsigned thread)
{
    unsigned mutex = some(maker, OBJECT_MUTEX);
    if (!mutex || !is_free(maker, mutex, 0, false))
        return;
    for (unsigned t = 1; t <= SMALL_THREADS; t++) {
        const struct runner *runner = &maker->runners[t];
        if ((runner->status == BLOCKED && runner->subject == mutex) ||
            (runner->status == WAITING && runner->mutex == mutex))
            return;
    }
    emit(maker, thread, EVENT_DESTROY, mutex);
    maker->locks[mutex].dead = true;
    maker->trace->objects[mutex].row.ended_ticks = 1;
}

static void act(struct maker *maker, unsigned thread)
{
    unsigned what = pick(maker, 100);
    unsigned held = 0;
    for (unsigned i = 1; i <= maker->trace->n_objects; i++)
        held += maker->locks[i].depth[thread] > 0;
    if (what < 14)
        create_or_join(maker, thread);
    else if (what < 24 && maker->features & SMALL_CONDITIONS)
        use_condition(maker, thread);
    else if (what < 32 && maker->features & SMALL_DATA)
        use_data(maker, thread);
    else if (what < 37 && maker->features & SMALL_BARRIERS)
        use_barrier(maker, thread);
    else if (what < 46 && maker->features & SMALL_ONCE)
        use_once(maker, thread);
    else if (what < 48 && maker->features & SMALL_LIVES)
        end_life(maker, thread);
    else if (held == 0 || (held == 1 && chance(maker, 65)) || (held == 2 && chance(maker, 25)))
        take(maker, thread);
    else
        give(maker, thread);
}

static void finish_thread(struct maker *maker, unsigned thread)
{
    unsigned object = held_by(maker, thread);
    unsigned once = some(maker, OBJECT_ONCE);
    if (object && chance(maker, 95))
        release(maker, thread, object);
    else if (once && runs_once(maker, thread, once) && chance(maker, 95))
        use_once(maker, thread);
    else
        maker->runners[thread].status = ENDED;
}

// Lets a thread that waits go on, if it may.
static void resume(struct maker *maker, unsigned thread)
{
    struct runner *self = &maker->runners[thread];
    enum status status = self->status;
    self->status = RUNNING;
    if (status == BLOCKED && is_free(maker, self->subject, thread, event_is_shared(self->request_kind))) {
        acquire(maker, thread, self->request_kind, self->subject);
    } else if (status == BLOCKED && self->timed && chance(maker, 40)) {
        emit(maker, thread, EVENT_FAIL, self->subject);
        last_op(maker)->shared = event_is_shared(self->request_kind);
        last_op(maker)->error = ETIMEDOUT;
    } else if (status == WAITING && (self->woken || (self->timed && chance(maker, 30))) &&
               is_free(maker, self->mutex, thread, false)) {
        emit(maker, thread, EVENT_COND_WAKE, self->subject);
        last_op(maker)->mutex = self->mutex;
        last_op(maker)->error = self->woken ? 0 : ETIMEDOUT;
        maker->locks[self->mutex].depth[thread] = 1;
        maker->locks[self->mutex].shared[thread] = false;
    } else if (status == JOINING && maker->runners[self->subject].status == ENDED) {
        emit(maker, thread, EVENT_JOIN, 0);
        last_op(maker)->other = self->subject;
        self->created[self->subject] = 0;
    } else if (status == JOINING && self->timed && chance(maker, 40)) {
        emit(maker, thread, EVENT_JOIN_FAILED, 0);
        last_op(maker)->other = self->subject;
        last_op(maker)->error = ETIMEDOUT;
    } else if (status == AT_ONCE && maker->locks[self->subject].once_over) {
        emit(maker, thread, EVENT_ONCE_DONE, self->subject);
    } else if (status == AT_ONCE && !maker->locks[self->subject].once_begun) {
        begin_once(maker, thread, self->subject);
    } else if (status == AT_BARRIER &&
               maker->locks[self->subject].arrived >=
                   (self->round + 1) * (unsigned)maker->trace->objects[self->subject].row.value) {
        emit(maker, thread, EVENT_BARRIER_LEAVE, self->subject);
    } else {
        self->status = status;
    }
}

// --- the run ---

static void add_object(struct maker *maker, enum object_kind kind, uint64_t value, uint32_t flags)
{
    struct small_trace *trace = maker->trace;
    if (trace->n_objects == SMALL_OBJECTS)
        return;
    struct model_object *object = &trace->objects[++trace->n_objects];
    object->row.id = trace->n_objects;
    object->row.kind = kind;
    object->row.value = value;
    object->row.flags = flags;
    object->row.ended_ticks = -1;
    object->class_id = trace->n_objects;
    object->label = object->class_key = object->fingerprint = object_kind_name(kind);
    maker->locks[trace->n_objects].value = (unsigned)value;
}

static void add_objects(struct maker *maker)
{
    unsigned mutexes = 2 + pick(maker, 3);
    for (unsigned i = 0; i < mutexes; i++)
        add_object(maker, OBJECT_MUTEX, 0, 0);
    if (maker->features & SMALL_RWLOCKS)
        for (unsigned i = 1 + pick(maker, 2); i > 0; i--)
            add_object(maker, OBJECT_RWLOCK, 0, chance(maker, 50) ? OBJECT_PREFER_WRITER : 0);
    if (maker->features & SMALL_SEMAPHORES)
        for (unsigned i = 1 + pick(maker, 2); i > 0; i--)
            add_object(
                maker, OBJECT_SEMAPHORE, maker->features & SMALL_PYTHON ? 1 : pick(maker, 3), OBJECT_BY_INIT);
    if (maker->features & SMALL_CONDITIONS)
        add_object(maker, OBJECT_COND, 0, 0);
    if (maker->features & SMALL_BARRIERS)
        add_object(maker, OBJECT_BARRIER, 2, 0);
    if (maker->features & SMALL_DATA)
        add_object(maker, OBJECT_VARIABLE, 0, 0);
    if (maker->features & SMALL_ONCE)
        add_object(maker, OBJECT_ONCE, 0, 0);
}

static void init_mutexes(struct maker *maker)
{
    for (unsigned i = 1; i <= maker->trace->n_objects; i++)
        if (maker->features & SMALL_LIVES && kind_of(maker, i) == OBJECT_MUTEX && chance(maker, 50)) {
            emit(maker, 1, EVENT_INIT, i);
            maker->trace->objects[i].row.flags |= OBJECT_BY_INIT;
        }
}

void small_trace_random(struct small_trace *trace, uint64_t seed)
{
    memset(trace, 0, sizeof *trace);
    uint32_t seeds[] = { (uint32_t)seed, (uint32_t)(seed >> 32), 20230617 };
    struct maker maker = { .trace = trace, .random = g_rand_new_with_seed_array(seeds, 3) };
    // Half of the runs know mutexes, data and threads only; the rest one or more other things.
    maker.features = chance(&maker, 30) ? SMALL_DATA : chance(&maker, 30) ? 0 : pick(&maker, SMALL_FEATURES);
    if (seed % 4 == 3 && seed / 4 % 2)
        maker.features |= SMALL_TIMED | SMALL_TRIES;
    if (seed % 4 == 3 && seed / 8 % 2)
        maker.features |= SMALL_PYTHON | SMALL_SEMAPHORES;
    maker.max_ops = 8 + pick(&maker, 40);
    trace->n_threads = 2 + pick(&maker, 3);
    for (unsigned t = 1; t <= trace->n_threads; t++) {
        maker.runners[t].budget = 4 + pick(&maker, 12);
        maker.runners[t].creator = t > 1 && chance(&maker, 75) ? (uint8_t)(1 + pick(&maker, t - 1)) : 0;
        maker.runners[t].status = maker.runners[t].creator ? ABSENT : RUNNING;
    }
    add_objects(&maker);
    init_mutexes(&maker);
    for (unsigned tries = 0; tries < 400 && trace->n_ops < maker.max_ops; tries++) {
        unsigned thread = 1 + pick(&maker, trace->n_threads);
        const struct runner *runner = &maker.runners[thread];
        // Few changes of thread, as in real runs.
        for (unsigned i = 1 + pick(&maker, 4); i > 0 && trace->n_ops < maker.max_ops; i--) {
            if (runner->status == RUNNING && runner->budget)
                act(&maker, thread);
            else if (runner->status == RUNNING)
                finish_thread(&maker, thread);
            else if (runner->status != ABSENT && runner->status != ENDED)
                resume(&maker, thread);
        }
    }
    g_rand_free(maker.random);
}

void small_trace_handed_over(struct small_trace *trace)
{
    static const struct small_op ops[] = {
        { .thread = 1, .kind = EVENT_ACQUIRE, .object = 1 },
        { .thread = 1, .kind = EVENT_ACQUIRE, .object = 2 },
        { .thread = 1, .kind = EVENT_RELEASE, .object = 2 },
        { .thread = 1, .kind = EVENT_RELEASE, .object = 1 },
        { .thread = 1, .kind = EVENT_ACQUIRE_TRY, .object = 3, .tries_first = true },
        { .thread = 2, .kind = EVENT_FAIL, .object = 3, .error = EAGAIN, .tries_first = true },
        { .thread = 2, .kind = EVENT_REQUEST, .object = 3 },
        { .thread = 3, .kind = EVENT_POST, .object = 3 },
        { .thread = 2, .kind = EVENT_ACQUIRE, .object = 3 },
        { .thread = 2, .kind = EVENT_ACQUIRE, .object = 2 },
        { .thread = 2, .kind = EVENT_ACQUIRE, .object = 1 },
    };
    memset(trace, 0, sizeof *trace);
    struct maker maker = { .trace = trace };
    trace->n_threads = 3;
    add_object(&maker, OBJECT_MUTEX, 0, 0);
    add_object(&maker, OBJECT_MUTEX, 0, 0);
    add_object(&maker, OBJECT_SEMAPHORE, 1, OBJECT_BY_INIT);
    memcpy(trace->ops, ops, sizeof ops);
    trace->n_ops = G_N_ELEMENTS(ops);
}

// --- shown and handed on ---

static const char *operation_name(const struct small_trace *trace, const struct small_op *op)
{
    bool semaphore = op->object && trace->objects[op->object].row.kind == OBJECT_SEMAPHORE;
    switch (op->kind) {
    case EVENT_ACQUIRE:
        return semaphore ? "wait" : "acq";
    case EVENT_RELEASE:
        return "rel";
    case EVENT_REQUEST:
        return "req";
    case EVENT_CREATE:
        return "fork";
    case EVENT_READ:
        return "r";
    case EVENT_WRITE:
        return "w";
    default:
        return event_name(op->kind);
    }
}

char *small_trace_text(const struct small_trace *trace)
{
    static const char prefixes[OBJECT_KINDS] = { [OBJECT_MUTEX] = 'L',
        [OBJECT_RWLOCK] = 'R',
        [OBJECT_COND] = 'C',
        [OBJECT_BARRIER] = 'B',
        [OBJECT_SEMAPHORE] = 'S',
        [OBJECT_ONCE] = 'O',
        [OBJECT_VARIABLE] = 'V' };
    GString *text = g_string_new(NULL);
    for (unsigned i = 1; i <= trace->n_objects; i++) {
        const struct trace_object *row = &trace->objects[i].row;
        if (row->value || row->flags)
            g_string_append_printf(text, "# %c%u: value %u, flags %#x\n", prefixes[row->kind], i,
                (unsigned)row->value, row->flags);
    }
    for (unsigned i = 0; i < trace->n_ops; i++) {
        const struct small_op *op = &trace->ops[i];
        g_string_append_printf(text, "T%u|%s(", op->thread, operation_name(trace, op));
        if (op->other)
            g_string_append_printf(text, "T%u", op->other);
        else
            g_string_append_printf(text, "%c%u", prefixes[trace->objects[op->object].row.kind], op->object);
        if (op->mutex)
            g_string_append_printf(text, ",L%u", op->mutex);
        if (op->error)
            g_string_append_printf(text, ",%d", op->error);
        g_string_append_printf(text, ")|%u\n", i);
    }
    return g_string_free(text, false);
}

struct prediction_step small_trace_step(const struct small_trace *trace, unsigned i, uint32_t place)
{
    const struct small_op *op = &trace->ops[i];
    return (struct prediction_step){
        .sequence = i + 1,
        .thread_id = op->thread,
        .stack = place,
        .other_thread = op->other,
        .object = op->object ? &trace->objects[op->object] : NULL,
        .mutex = op->mutex ? &trace->objects[op->mutex] : NULL,
        .error = op->error,
        .kind = op->kind,
        .timed = op->timed,
        .tries_first = op->tries_first,
    };
}
