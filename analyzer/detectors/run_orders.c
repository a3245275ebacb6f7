// SPDX-License-Identifier: MIT
// Collects the orders of one run when somebody has asked for them.
//
// A lock takes part when it is named (static data) or made by an init call, and no other lock of its process is of its class;
// what is merely first used somewhere has no identity that another run could share. The pass that all detectors share finds out
// whether there are orders at all and which semaphores are locks (one permit, given back by whoever took it); a second one
// collects, with hand-offs that do not count those semaphores. Threads of a role count as kept apart from an order when
// create, join or hand-offs put all they do with its two locks on one side of it.
//
// Blind to locks taken back by the end of a condition wait, and to a flag under a mutex that was found set without a wait (the
// finding says so where conditions were signalled).
#include "run_orders.h"

#include "call_stack.h"
#include "detector.h"
#include "wide_hash.h"

#define ORDERS_MAX 1000u
#define THREADS_MAX 2000u // looked at for their roles

enum order_known { KNOWN_HELD = 1, KNOWN_WANTED = 2, KNOWN_HAND_OFF = 4 };

// What a thread has to do with an object; of object 0: with hand-offs.
struct touch {
    bool begun;
    uint64_t last_ticks;
};

struct collector {
    struct detection *detection;
    struct run_orders *orders;
    const char **classes; // by object id; NULL: takes no part
    // first pass
    uint32_t *takers;  // by object id: who has the semaphore's permit; 0: nobody
    bool *given_away;  // by object id: a semaphore that is no lock
    uint32_t *permits; // by thread id: how many semaphores it has
    bool nested;       // there are orders
    // second pass
    struct replay *replay;
    const char **roles;          // by thread id, found out when first asked for; NULL: not yet
    struct hand_off *hand_off;   // without semaphores that are locks
    struct held_set *semaphores; // by thread id
    GHashTable *known;           // set of char *
    GHashTable *touches;         // thread.id << 32 | object.id -> struct touch *
};

const char *run_orders_pair(uint32_t process_id, const char *held_class, const char *wanted_class)
{
    g_autofree char *text = g_strdup_printf("%u\n%s\n%s", process_id, held_class, wanted_class);
    return g_intern_string(text);
}

char *run_order_process(const struct run_order *order)
{
    const struct trace_process *process = model_process(order->run->model, order->process_id);
    return process && order->run->model->n_processes > 1
               ? g_strdup_printf("process %" G_GINT64_FORMAT, process->pid)
               : NULL;
}

static void order_free(void *data)
{
    struct run_order *order = data;
    g_hash_table_unref(order->roles);
    g_hash_table_unref(order->known_to);
    hand_off_moment_free(order->known);
    g_free(order->held);
    g_free(order);
}

struct run_orders *run_orders_new(const struct model *model)
{
    struct run_orders *orders = g_new0(struct run_orders, 1);
    orders->model = model;
    orders->all = g_ptr_array_new_with_free_func(order_free);
    orders->pairs = g_hash_table_new(NULL, NULL);
    return orders;
}

void run_orders_free(struct run_orders *orders)
{
    if (!orders)
        return;
    g_ptr_array_unref(orders->all);
    g_hash_table_unref(orders->pairs);
    g_free(orders);
}

// --- identities ---

// A semaphore that begins with one permit may be a lock, as long as who takes it also posts it.
static bool may_be_lock(const struct model_object *object)
{
    return object->row.kind == OBJECT_SEMAPHORE && object->row.flags & OBJECT_BY_INIT &&
           object->row.value == 1;
}

static bool has_identity(const struct model_object *object)
{
    bool lock = object->row.kind == OBJECT_MUTEX || object->row.kind == OBJECT_RWLOCK ||
                object->row.kind == OBJECT_SPINLOCK || may_be_lock(object);
    return lock && object->class_key &&
           (object->row.flags & OBJECT_BY_INIT || (object->row.name && *object->row.name));
}

static bool is_shared_by_processes(const struct model_object *object)
{
    return object->row.shared_key && *object->row.shared_key;
}

static const char *class_in_process(const struct model_object *object)
{
    uint32_t process_id = is_shared_by_processes(object) ? 0 : object->row.process_id;
    g_autofree char *text = g_strdup_printf("%u %s", process_id, object->class_key);
    return g_intern_string(text);
}

static const char **find_classes(const struct model *model)
{
    const char **classes = g_new0(const char *, model->objects->len + 1);
    g_autoptr(GHashTable) counts = g_hash_table_new(NULL, NULL);
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < model->objects->len; i++) {
            const struct model_object *object = model->objects->pdata[i];
            if (!object || !has_identity(object))
                continue;
            void *key = (void *)class_in_process(object);
            unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));
            if (pass == 0)
                g_hash_table_insert(counts, key, GUINT_TO_POINTER(count + 1));
            else if (count == 1)
                classes[i] = g_intern_string(object->class_key);
        }
    return classes;
}

// The same file may lie elsewhere in another run: what was built into it counts, where it says so.
static const char *program_of(const struct model *model, const struct model_thread *thread)
{
    const struct trace_process *process = model_process(model, thread->row.process_id);
    if (!process || !process->executable || !*process->executable)
        return NULL;
    for (unsigned i = 0; i < model->modules->len; i++) {
        const struct trace_module *module = model->modules->pdata[i];
        if (module && g_strcmp0(module->path, process->executable) == 0 && module->build_id &&
            *module->build_id)
            return g_intern_string(module->build_id);
    }
    return g_intern_string(process->executable);
}

static const char *role_of(const struct model *model, const struct model_thread *thread)
{
    const struct model_frame *start = model_frame(model, thread->row.start_frame);
    if (thread->row.serial == 1 || !start) {
        const struct trace_process *process = model_process(model, thread->row.process_id);
        return g_intern_static_string(process && process->forked_by ? "main of a forked child" : "main");
    }
    const struct trace_module *module = model_module(model, start->row.module_id);
    g_autofree char *made = fingerprint_stack(model, thread->row.create_stack);
    g_autofree char *text = g_strdup_printf(
        "%s+%" G_GUINT64_FORMAT " %s", module ? path_base(module->path) : "-", start->row.offset, made);
    return g_intern_string(text);
}

static const char *role_in_run(const struct collector *collector, const struct model_thread *thread)
{
    const char **role = &collector->roles[thread->row.id];
    if (!*role)
        *role = role_of(collector->detection->model, thread);
    return *role;
}

// --- the first pass: is there anything, and which semaphores are locks? ---

static void *begin(struct detection *detection)
{
    if (!detection->orders)
        return NULL;
    struct collector *collector = g_new0(struct collector, 1);
    collector->detection = detection;
    collector->orders = detection->orders;
    const struct model *model = detection->model;
    collector->classes = find_classes(model);
    collector->takers = g_new0(uint32_t, model->objects->len + 1);
    collector->given_away = g_new0(bool, model->objects->len + 1);
    collector->permits = g_new0(uint32_t, model->threads->len + 1);
    return collector;
}

static void give_away(struct collector *collector, uint32_t object_id)
{
    uint32_t *taker = &collector->takers[object_id];
    if (*taker)
        collector->permits[*taker]--;
    *taker = 0;
    collector->given_away[object_id] = true;
}

static void watch_semaphore(struct collector *collector, const struct replay_step *step)
{
    uint32_t id = step->object->row.id;
    uint32_t thread_id = step->ordered->thread_id;
    if (collector->given_away[id])
        return;
    if (event_is_acquire(step->event->kind) && collector->takers[id])
        give_away(collector, id);
    else if (event_is_acquire(step->event->kind)) {
        collector->takers[id] = thread_id;
        collector->permits[thread_id]++;
    } else if (step->event->kind == EVENT_POST && !step->ordered->refused) {
        if (collector->takers[id] != thread_id) {
            give_away(collector, id);
            return;
        }
        collector->takers[id] = 0;
        collector->permits[thread_id]--;
    }
}

static void event(void *data, const struct replay_step *step)
{
    struct collector *collector = data;
    if (!step->object || !collector->classes[step->object->row.id])
        return;
    collector->nested |= !step->hold && step->event->kind != EVENT_POST &&
                         (step->thread->held.count || collector->permits[step->ordered->thread_id]);
    if (may_be_lock(step->object))
        watch_semaphore(collector, step);
}

// --- the second pass: the orders ---

static bool is_lock(const struct collector *collector, const struct model_object *object)
{
    return object && collector->classes[object->row.id] && !collector->given_away[object->row.id];
}

// Everything a thread holds, semaphores that are locks included.
static GArray *all_holds(const struct collector *collector, const struct replay_step *step)
{
    const struct held_set *held = &step->thread->held;
    const struct held_set *semaphores = &collector->semaphores[step->ordered->thread_id];
    GArray *holds = g_array_new(false, false, sizeof(struct hold));
    if (held->count)
        g_array_append_vals(holds, held->holds, held->count);
    if (semaphores->count)
        g_array_append_vals(holds, semaphores->holds, semaphores->count);
    return holds;
}

// Once for each segment of a thread and set of held locks.
static bool is_new(
    struct collector *collector, const struct replay_step *step, const GArray *holds, uint32_t segment)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%u %u %u%c", step->ordered->thread_id, segment, step->object->row.id,
        event_is_shared(step->event->kind) ? 's' : 'x');
    for (unsigned i = 0; i < holds->len; i++) {
        const struct hold *hold = &g_array_index(holds, struct hold, i);
        g_string_append_printf(text, " %u%c", hold->object->row.id, hold->shared ? 's' : 'x');
    }
    char *key = g_string_free(text, false);
    if (g_hash_table_contains(collector->known, key)) {
        g_free(key);
        return false;
    }
    return g_hash_table_add(collector->known, key);
}

static void add_order(struct collector *collector, const struct replay_step *step, const GArray *holds,
    uint32_t segment, unsigned held)
{
    const struct model *model = collector->detection->model;
    const struct replay_thread *thread = step->thread;
    const struct model_object *object = g_array_index(holds, struct hold, held).object;
    const char *program = program_of(model, thread->thread);
    if (!program)
        return;
    const char *held_class = collector->classes[object->row.id];
    const char *wanted_class = collector->classes[step->object->row.id];
    bool shared = is_shared_by_processes(object) && is_shared_by_processes(step->object);
    uint32_t process_id = shared ? 0 : thread->thread->row.process_id;
    g_hash_table_add(collector->orders->pairs, (void *)run_orders_pair(process_id, held_class, wanted_class));
    struct run_order *order = g_new0(struct run_order, 1);
    *order = (struct run_order){
        .run = collector->orders,
        .program = program,
        .role = role_in_run(collector, thread->thread),
        .held_class = held_class,
        .wanted_class = wanted_class,
        .wanted = step->object,
        .wanted_shared = event_is_shared(step->event->kind),
        .process_id = process_id,
        .thread_id = step->ordered->thread_id,
        .segment = segment,
        .stack = step->event->stack ? step->event->stack : thread->request.stack,
        .ticks = step->event->ticks,
        .held = g_memdup2(holds->data, holds->len * sizeof(struct hold)),
        .n_held = holds->len,
        .key = held,
        .roles = g_hash_table_new(NULL, NULL),
        .known_to = g_hash_table_new(NULL, NULL),
        .known = hand_off_keep(collector->hand_off, step->ordered->thread_id),
    };
    g_ptr_array_add(collector->orders->all, order);
}

static bool may_block(unsigned kind)
{
    return kind == EVENT_REQUEST || kind == EVENT_REQUEST_SHARED || kind == EVENT_ACQUIRE ||
           kind == EVENT_ACQUIRE_SHARED;
}

static void note_orders(struct collector *collector, const struct replay_step *step)
{
    if (!may_block(step->event->kind) || !is_lock(collector, step->object) || step->hold ||
        !step->thread->thread || step->thread->lost ||
        held_set_find(&collector->semaphores[step->ordered->thread_id], step->object->row.id))
        return;
    g_autoptr(GArray) holds = all_holds(collector, step);
    uint32_t segment = thread_order_segment(replay_thread_order(collector->replay), step->ordered->thread_id);
    if (!holds->len || !is_new(collector, step, holds, segment))
        return;
    for (unsigned i = 0; i < holds->len; i++) {
        if (!is_lock(collector, g_array_index(holds, struct hold, i).object))
            continue;
        if (collector->orders->all->len < ORDERS_MAX)
            add_order(collector, step, holds, segment, i);
        else
            collector->orders->left_out = 1;
    }
}

static void hold_semaphore(struct collector *collector, const struct replay_step *step)
{
    struct held_set *semaphores = &collector->semaphores[step->ordered->thread_id];
    if (step->event->kind == EVENT_POST && !step->ordered->refused)
        held_set_release(semaphores, step->object->row.id);
    if (!event_is_acquire(step->event->kind))
        return;
    struct hold hold = {
        .object = step->object,
        .sequence = step->ordered->sequence,
        .ticks = step->event->ticks,
        .stack = step->event->stack ? step->event->stack : step->thread->request.stack,
    };
    held_set_add(semaphores, &hold);
}

// --- who came to know of an order before it began ---

static void note_known(
    struct collector *collector, uint32_t thread_id, uint32_t object_id, enum order_known hand_off)
{
    for (unsigned i = 0; i < collector->orders->all->len; i++) {
        struct run_order *order = collector->orders->all->pdata[i];
        unsigned bits = hand_off;
        if (object_id && order->held[order->key].object->row.id == object_id)
            bits |= KNOWN_HELD;
        if (object_id && order->wanted->row.id == object_id)
            bits |= KNOWN_WANTED;
        if (!bits || order->thread_id == thread_id ||
            hand_off_known(collector->hand_off, thread_id, order->thread_id) <= order->ticks)
            continue;
        gpointer key = GUINT_TO_POINTER(thread_id);
        bits |= GPOINTER_TO_UINT(g_hash_table_lookup(order->known_to, key));
        g_hash_table_insert(order->known_to, key, GUINT_TO_POINTER(bits));
    }
}

static struct touch *find_touch(const struct collector *collector, uint32_t thread_id, uint32_t object_id)
{
    uint64_t key = (uint64_t)thread_id << 32 | object_id;
    return g_hash_table_lookup(collector->touches, &key);
}

// The arrival at a barrier tells the others, the departure is told by them.
static void touch(struct collector *collector, const struct replay_step *step, uint32_t object_id)
{
    uint32_t thread_id = step->ordered->thread_id;
    struct touch *known = find_touch(collector, thread_id, object_id);
    if (!known) {
        uint64_t key = (uint64_t)thread_id << 32 | object_id;
        known = g_new0(struct touch, 1);
        g_hash_table_insert(collector->touches, g_memdup2(&key, sizeof key), known);
    }
    if (!known->begun && step->event->kind != EVENT_BARRIER_ARRIVE) {
        known->begun = true;
        note_known(collector, thread_id, object_id, object_id ? 0 : KNOWN_HAND_OFF);
    }
    if (step->event->kind != EVENT_BARRIER_LEAVE)
        known->last_ticks = MAX(known->last_ticks, step->event->ticks);
}

static bool hands_off(const struct replay_step *step)
{
    unsigned kind = step->event->kind;
    return kind == EVENT_POST || kind == EVENT_COND_SIGNAL || kind == EVENT_COND_BROADCAST ||
           kind == EVENT_COND_WAKE || kind == EVENT_BARRIER_ARRIVE || kind == EVENT_BARRIER_LEAVE ||
           (event_is_acquire(kind) && step->object && step->object->row.kind == OBJECT_SEMAPHORE);
}

static void collect(struct collector *collector, const struct replay_step *step)
{
    bool lock = is_lock(collector, step->object);
    bool semaphore = lock && step->object->row.kind == OBJECT_SEMAPHORE;
    collector->orders->signals |=
        step->event->kind == EVENT_COND_SIGNAL || step->event->kind == EVENT_COND_BROADCAST;
    note_orders(collector, step);
    if (semaphore)
        hold_semaphore(collector, step);
    else
        hand_off_apply(collector->hand_off, step->ordered);
    if (!model_thread(collector->detection->model, step->ordered->thread_id))
        return;
    if (lock && (event_is_request(step->event->kind) || event_is_acquire(step->event->kind)))
        touch(collector, step, step->object->row.id);
    else if (!lock && hands_off(step))
        touch(collector, step, 0);
}

// --- who else there was ---

// Do hand-offs keep all that the other has to do with the order's locks on one side of it?
static bool touches_apart(const struct collector *collector, const struct run_order *order, uint32_t other)
{
    const uint32_t objects[] = { order->held[order->key].object->row.id, order->wanted->row.id };
    const unsigned bits[] = { KNOWN_HELD, KNOWN_WANTED };
    unsigned known_to = GPOINTER_TO_UINT(g_hash_table_lookup(order->known_to, GUINT_TO_POINTER(other)));
    uint64_t known = hand_off_moment_known(order->known, other);
    bool before = true;
    bool after = true;
    for (int i = 0; i < 2; i++) {
        const struct touch *its = find_touch(collector, other, objects[i]);
        before &= !its || known_to & bits[i];
        after &= !its || its->last_ticks < known;
    }
    return before || after;
}

static enum role_presence presence_of(
    const struct collector *collector, const struct run_order *order, const struct model_thread *other)
{
    uint32_t id = other->row.id;
    struct thread_order *times = replay_thread_order(collector->replay);
    if (thread_order_before(times, order->thread_id, order->segment, id, 0) ||
        thread_order_before(times, id, thread_order_segment(times, id), order->thread_id, order->segment))
        return ROLE_APART;
    if (find_touch(collector, id, order->wanted->row.id) ||
        find_touch(collector, id, order->held[order->key].object->row.id))
        return touches_apart(collector, order, id) ? ROLE_APART : ROLE_BESIDE;
    const struct touch *hand_offs = find_touch(collector, id, 0);
    unsigned known_to = GPOINTER_TO_UINT(g_hash_table_lookup(order->known_to, GUINT_TO_POINTER(id)));
    bool passed = hand_offs && (known_to & KNOWN_HAND_OFF ||
                                   hand_offs->last_ticks < hand_off_moment_known(order->known, id));
    return passed ? ROLE_PASSED : ROLE_BESIDE;
}

// order->roles holds for each role the most that is known of any of its threads.
static void note_role(const struct collector *collector, struct run_order *order,
    const struct model_thread *other, const char *role)
{
    enum role_presence presence =
        other->row.id == order->thread_id ? ROLE_APART : presence_of(collector, order, other);
    enum role_presence known = (enum role_presence)GPOINTER_TO_UINT(g_hash_table_lookup(order->roles, role));
    order->accompanied |= presence >= ROLE_PASSED;
    g_hash_table_insert(order->roles, (void *)role, GUINT_TO_POINTER(MAX(presence, known)));
}

static void note_roles(const struct collector *collector)
{
    const struct model *model = collector->detection->model;
    GPtrArray *all = collector->orders->all;
    for (unsigned i = 0; i < MIN(model->threads->len, THREADS_MAX); i++) {
        const struct model_thread *other = model->threads->pdata[i];
        if (!other)
            continue;
        const char *role = role_in_run(collector, other);
        for (unsigned k = 0; k < all->len; k++) {
            struct run_order *order = all->pdata[k];
            if (!order->process_id || order->process_id == other->row.process_id)
                note_role(collector, order, other, role);
        }
    }
}

static void look_again(struct collector *collector)
{
    const struct model *model = collector->detection->model;
    collector->replay = replay_new(model);
    collector->hand_off = hand_off_new(model);
    collector->semaphores = g_new0(struct held_set, model->threads->len + 1);
    collector->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    collector->roles = g_new0(const char *, model->threads->len + 1);
    collector->touches = g_hash_table_new_full(wide_hash, g_int64_equal, g_free, g_free);
    struct replay_step step;
    while (replay_next(collector->replay, &step) == 1) // a damaged trace was noticed in the first pass
        collect(collector, &step);
    note_roles(collector);
    for (unsigned i = 0; i < model->threads->len; i++)
        held_set_done(&collector->semaphores[i]);
    g_free(collector->semaphores);
    g_free(collector->roles);
    g_hash_table_unref(collector->known);
    g_hash_table_unref(collector->touches);
    hand_off_free(collector->hand_off);
    replay_free(collector->replay);
}

static void finish(void *data)
{
    struct collector *collector = data;
    if (collector->nested)
        look_again(collector);
    g_free(collector->classes);
    g_free(collector->takers);
    g_free(collector->given_away);
    g_free(collector->permits);
    g_free(collector);
}

const struct detector detector_run_orders = {
    .name = "run-orders",
    .kinds = DETECTOR_SEES(EVENT_REQUEST) | DETECTOR_SEES(EVENT_REQUEST_SHARED) |
             DETECTOR_SEES(EVENT_ACQUIRE) | DETECTOR_SEES(EVENT_ACQUIRE_SHARED) |
             DETECTOR_SEES(EVENT_ACQUIRE_TRY) | DETECTOR_SEES(EVENT_ACQUIRE_TIMED) |
             DETECTOR_SEES(EVENT_POST),
    .begin = begin,
    .event = event,
    .finish = finish,
};
