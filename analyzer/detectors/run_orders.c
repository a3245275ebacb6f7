// SPDX-License-Identifier: MIT
// Collects the orders of one run when somebody has asked for them.
//
// A lock takes part when it is named (static data) or made by an init call, and no other lock of its process is of its class;
// what is merely first used somewhere has no identity that another run could share. Blind to locks taken back by the end of a
// condition wait, and to semaphores.
#include "run_orders.h"

#include "call_stack.h"
#include "detector.h"

#define ORDERS_MAX 1000u
#define THREADS_MAX 2000u // looked at for their roles

struct collector {
    struct detection *detection;
    struct run_orders *orders;
    GHashTable *known;    // set of run_order_text
    const char **classes; // by object id; NULL: takes no part
};

const char *run_orders_pair(const char *program, const char *held_class, const char *wanted_class)
{
    g_autofree char *text = g_strdup_printf("%s\n%s\n%s", program, held_class, wanted_class);
    return g_intern_string(text);
}

static void order_free(void *data)
{
    struct run_order *order = data;
    g_hash_table_unref(order->roles);
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

static bool has_identity(const struct model_object *object)
{
    bool lock = object->row.kind == OBJECT_MUTEX || object->row.kind == OBJECT_RWLOCK ||
                object->row.kind == OBJECT_SPINLOCK;
    return lock && object->class_key &&
           (object->row.flags & OBJECT_BY_INIT || (object->row.name && *object->row.name));
}

static const char *class_in_process(const struct model_object *object)
{
    g_autofree char *text = g_strdup_printf("%u %s", object->row.process_id, object->class_key);
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
    if (thread->row.serial == 1 || !start)
        return g_intern_static_string("main");
    const struct trace_module *module = model_module(model, start->row.module_id);
    g_autofree char *made = fingerprint_stack(model, thread->row.create_stack);
    g_autofree char *text = g_strdup_printf(
        "%s+%" G_GUINT64_FORMAT " %s", module ? path_base(module->path) : "-", start->row.offset, made);
    return g_intern_string(text);
}

// --- collecting ---

static void *begin(struct detection *detection)
{
    struct collector *collector = g_new0(struct collector, 1);
    collector->detection = detection;
    collector->orders = detection->orders;
    if (!collector->orders)
        return collector;
    collector->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    collector->classes = find_classes(detection->model);
    return collector;
}

// Once for each segment of a thread and set of held locks.
static bool is_new(struct collector *collector, const struct replay_step *step, uint32_t segment)
{
    const struct held_set *held = &step->thread->held;
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%u %u %u%c", step->ordered->thread_id, segment, step->object->row.id,
        event_is_shared(step->event->kind) ? 's' : 'x');
    for (unsigned i = 0; i < held->count; i++)
        g_string_append_printf(
            text, " %u%c", held->holds[i].object->row.id, held->holds[i].shared ? 's' : 'x');
    char *key = g_string_free(text, false);
    if (g_hash_table_contains(collector->known, key)) {
        g_free(key);
        return false;
    }
    return g_hash_table_add(collector->known, key);
}

static void add_order(
    struct collector *collector, const struct replay_step *step, uint32_t segment, unsigned held)
{
    const struct model *model = collector->detection->model;
    const struct replay_thread *thread = step->thread;
    const struct hold *hold = &thread->held.holds[held];
    const char *program = program_of(model, thread->thread);
    if (!program)
        return;
    const char *held_class = collector->classes[hold->object->row.id];
    const char *wanted_class = collector->classes[step->object->row.id];
    g_hash_table_add(collector->orders->pairs, (void *)run_orders_pair(program, held_class, wanted_class));
    struct run_order *order = g_new0(struct run_order, 1);
    *order = (struct run_order){
        .run = collector->orders,
        .program = program,
        .role = role_of(model, thread->thread),
        .held_class = held_class,
        .wanted_class = wanted_class,
        .wanted = step->object,
        .wanted_shared = event_is_shared(step->event->kind),
        .thread_id = step->ordered->thread_id,
        .segment = segment,
        .stack = step->event->stack ? step->event->stack : thread->request.stack,
        .held = g_memdup2(thread->held.holds, thread->held.count * sizeof(struct hold)),
        .n_held = thread->held.count,
        .key = held,
        .roles = g_hash_table_new(NULL, NULL),
    };
    g_ptr_array_add(collector->orders->all, order);
}

static bool may_block(unsigned kind)
{
    return kind == EVENT_REQUEST || kind == EVENT_REQUEST_SHARED || kind == EVENT_ACQUIRE ||
           kind == EVENT_ACQUIRE_SHARED;
}

static void event(void *data, const struct replay_step *step)
{
    struct collector *collector = data;
    if (!collector->orders || !may_block(step->event->kind) || !step->object || step->hold ||
        !step->thread->held.count || !step->thread->thread || step->thread->lost || step->ordered->refused ||
        !collector->classes[step->object->row.id])
        return;
    const struct held_set *held = &step->thread->held;
    uint32_t segment =
        thread_order_segment(replay_thread_order(collector->detection->replay), step->ordered->thread_id);
    if (!is_new(collector, step, segment))
        return;
    for (unsigned i = 0; i < held->count; i++) {
        if (!collector->classes[held->holds[i].object->row.id] ||
            held->holds[i].object->row.process_id != step->object->row.process_id)
            continue;
        if (collector->orders->all->len < ORDERS_MAX)
            add_order(collector, step, segment, i);
        else
            collector->orders->left_out = 1;
    }
}

// --- who else there was ---

// order->roles holds for each thread seen so far that none of its role is known to be beside it, or that one is.
static void note_role(struct thread_order *times, struct run_order *order, const struct model_thread *other,
    const char *role, uint32_t last_segment)
{
    uint32_t id = other->row.id;
    if (id == order->thread_id) {
        if (!g_hash_table_contains(order->roles, role))
            g_hash_table_insert(order->roles, (void *)role, GUINT_TO_POINTER(ROLE_APART));
        return;
    }
    bool apart = thread_order_before(times, order->thread_id, order->segment, id, 0) ||
                 thread_order_before(times, id, last_segment, order->thread_id, order->segment);
    if (!apart)
        order->accompanied = true;
    else if (g_hash_table_contains(order->roles, role))
        return;
    g_hash_table_insert(order->roles, (void *)role, GUINT_TO_POINTER(apart ? ROLE_APART : ROLE_BESIDE));
}

static void note_roles(struct collector *collector)
{
    const struct model *model = collector->detection->model;
    struct thread_order *times = replay_thread_order(collector->detection->replay);
    GPtrArray *all = collector->orders->all;
    for (unsigned i = 0; i < MIN(model->threads->len, THREADS_MAX); i++) {
        const struct model_thread *other = model->threads->pdata[i];
        if (!other)
            continue;
        const char *role = role_of(model, other);
        uint32_t last_segment = thread_order_segment(times, other->row.id);
        for (unsigned k = 0; k < all->len; k++) {
            struct run_order *order = all->pdata[k];
            const struct model_thread *thread = model_thread(model, order->thread_id);
            if (thread && thread->row.process_id == other->row.process_id)
                note_role(times, order, other, role, last_segment);
        }
    }
}

static void finish(void *data)
{
    struct collector *collector = data;
    if (collector->orders) {
        note_roles(collector);
        g_hash_table_unref(collector->known);
        g_free(collector->classes);
    }
    g_free(collector);
}

const struct detector detector_run_orders = {
    .name = "run-orders",
    .kinds = DETECTOR_SEES(EVENT_REQUEST) | DETECTOR_SEES(EVENT_REQUEST_SHARED) |
             DETECTOR_SEES(EVENT_ACQUIRE) | DETECTOR_SEES(EVENT_ACQUIRE_SHARED),
    .begin = begin,
    .event = event,
    .finish = finish,
};
