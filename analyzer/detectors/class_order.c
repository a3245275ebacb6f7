// SPDX-License-Identifier: MIT
// lock-order-cycle of a class with itself: locks made at one place in the code are taken while another of them is held, now in
// one order, now in the other. Two such locks may never have met in both orders in this run, but nothing keeps them from it.
//
// Silent where the run shows an order: always the lower address first, or always the higher; always the one made first, or always
// the one made last (an index, a parent before its children). Silent, too, where one lock was always held around it, where one
// thread only did so, where create and join kept those who did apart, and where lock-order has told a cycle of two of these locks.
// Silent, at last, where each place in the code always takes the same one: these locks have parts to play that are theirs alone, and
// what orders they are taken in is for lock-order to say.
// Blind to orders by other means, such as a number inside the object: hence a warning.
//
// Locks of which the program says that they are ordered by address (trenza.h) are not guessed about: a place that takes a lower
// one while it holds a higher one breaks the program's own rule. That is an error each time, whoever else was there or not.
#include <string.h>

#include "call_stack.h"
#include "cycle.h"
#include "rules.h"

#define EXAMPLES_MAX 8u // kept of each direction, of different threads
#define HELD_MAX 64u // so many of the locks held, the last ones taken, are compared with one that is wanted

struct example {
    uint32_t thread_id;
    uint32_t segment;
    struct hold *held; // owned
    unsigned n_held;
    unsigned key;
    const struct model_object *wanted;
    uint32_t stack;
};

struct class_state {
    bool
        stated; // the program says what their order is; locks it does not say so of have a state of their own
    unsigned by_address[2]; // how often: [0] the higher one first, [1] the lower one first
    unsigned by_age[2];     // [0] the younger one first, [1] the older one first
    GArray *examples[2];    // of struct example, by address
    GArray *gates;          // of const struct model_object *: held around it each time
    GHashTable *places;     // frame id -> object id: what is taken there
    bool varies;            // somewhere now this one is taken, now that one
};

struct class_order {
    struct detection *detection;
    GHashTable *classes; // class_key() -> struct class_state *
    gpointer last_key;   // the one asked for last
    struct class_state *last;
    bool cut; // somebody held more than HELD_MAX
};

static void example_clear(void *data)
{
    g_free(((struct example *)data)->held);
}

static void class_free(void *data)
{
    struct class_state *class = data;
    g_array_unref(class->examples[0]);
    g_array_unref(class->examples[1]);
    if (class->gates)
        g_array_unref(class->gates);
    g_hash_table_unref(class->places);
    g_free(class);
}

static void *begin(struct detection *detection)
{
    struct class_order *state = g_new0(struct class_order, 1);
    state->detection = detection;
    state->classes = g_hash_table_new_full(NULL, NULL, NULL, class_free);
    return state;
}

// Locks of two processes never meet, unless they are shared: then they are those of the process that made them.
static gpointer class_key(const struct model_object *object, bool stated)
{
    return GSIZE_TO_POINTER((gsize)object->row.process_id << 32 | (object->class_id * 2 + stated));
}

static unsigned class_id_of_key(gpointer key)
{
    return (uint32_t)GPOINTER_TO_SIZE(key) / 2;
}

static struct class_state *need_class(
    struct class_order *state, const struct model_object *object, bool stated)
{
    gpointer key = class_key(object, stated);
    if (state->last && state->last_key == key)
        return state->last;
    struct class_state *class = g_hash_table_lookup(state->classes, key);
    state->last_key = key;
    state->last = class;
    if (class)
        return class;
    state->last = class = g_new0(struct class_state, 1);
    class->stated = stated;
    class->places = g_hash_table_new(NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        class->examples[i] = g_array_new(false, true, sizeof(struct example));
        g_array_set_clear_func(class->examples[i], example_clear);
    }
    g_hash_table_insert(state->classes, key, class);
    return class;
}

// Keeps of the gates those that are held now as well; readers are no gate.
static void keep_gates(struct class_state *class, const struct held_set *held)
{
    if (!class->gates) {
        class->gates = g_array_new(false, false, sizeof(const struct model_object *));
        for (unsigned i = 0; i < held->count; i++)
            if (!held->holds[i].shared)
                g_array_append_val(class->gates, held->holds[i].object);
        return;
    }
    for (unsigned i = class->gates->len; i-- > 0;) {
        const struct model_object *gate = g_array_index(class->gates, const struct model_object *, i);
        const struct hold *hold = i < held->count && held->holds[i].object == gate
                                      ? &held->holds[i] // where it was: threads take them in the same order
                                      : held_set_find(held, gate->row.id);
        if (!hold || hold->shared)
            g_array_remove_index_fast(class->gates, i);
    }
}

// One of each thread is enough to find two that could meet; of what is wrong in itself, one of each pair of places.
static bool is_kept(
    const GArray *examples, bool stated, uint32_t thread_id, uint32_t hold_stack, uint32_t stack)
{
    for (unsigned i = 0; i < examples->len; i++) {
        const struct example *example = &g_array_index(examples, struct example, i);
        if (stated ? example->stack == stack && example->held[example->key].stack == hold_stack
                   : example->thread_id == thread_id)
            return true;
    }
    return false;
}

static void keep_example(struct class_order *state, const struct class_state *class, GArray *examples,
    const struct replay_step *step, const struct model_object *wanted, unsigned key)
{
    const struct replay_thread *thread = step->thread;
    uint32_t stack = step->event->stack ? step->event->stack : thread->request.stack;
    if (examples->len >= EXAMPLES_MAX ||
        is_kept(examples, class->stated, step->ordered->thread_id, thread->held.holds[key].stack, stack))
        return;
    struct example example = {
        .thread_id = step->ordered->thread_id,
        .segment =
            thread_order_segment(replay_thread_order(state->detection->replay), step->ordered->thread_id),
        .held = g_memdup2(thread->held.holds, thread->held.count * sizeof(struct hold)),
        .n_held = thread->held.count,
        .key = key,
        .wanted = wanted,
        .stack = stack,
    };
    g_array_append_val(examples, example);
}

// What has no init call is made, as far as the run shows, by its first use: that it was used first means nothing.
static void note_age(
    struct class_state *class, const struct model_object *first, const struct model_object *second)
{
    bool known = first->row.flags & second->row.flags & OBJECT_BY_INIT;
    class->by_age[0] += !known || first->row.id > second->row.id;
    class->by_age[1] += !known || first->row.id < second->row.id;
}

static void note_place(
    struct class_order *state, struct class_state *class, uint32_t stack, const struct model_object *object)
{
    if (class->varies)
        return;
    gpointer place = GUINT_TO_POINTER(call_stack_top(state->detection->model, stack));
    unsigned before = GPOINTER_TO_UINT(g_hash_table_lookup(class->places, place));
    if (!before && place)
        g_hash_table_insert(class->places, place, GUINT_TO_POINTER(object->row.id));
    else
        class->varies = before != object->row.id;
}

static void event(void *data, const struct replay_step *step)
{
    struct class_order *state = data;
    const struct replay_thread *thread = step->thread;
    const struct model_object *wanted = step->object;
    if (!thread->held.count || !wanted || !wanted->class_id || step->hold ||
        wanted->row.kind == OBJECT_SEMAPHORE)
        return;
    // What it has asked for and now gets was counted when it asked.
    if (event_is_acquire(step->event->kind) && event_is_request(thread->request.kind) &&
        thread->request.subject == step->event->subject)
        return;
    struct class_state *classes[2] = { NULL, NULL }; // by stated
    const uint32_t stack = step->event->stack ? step->event->stack : thread->request.stack;
    state->cut |= thread->held.count > HELD_MAX;
    for (unsigned i = thread->held.count > HELD_MAX ? thread->held.count - HELD_MAX : 0;
         i < thread->held.count; i++) {
        const struct hold *hold = &thread->held.holds[i];
        if (hold->object->class_id != wanted->class_id ||
            hold->object->row.process_id != wanted->row.process_id ||
            (hold->shared && event_is_shared(step->event->kind)))
            continue;
        bool stated = hold->object->row.flags & wanted->row.flags & OBJECT_BY_ADDRESS;
        if (!classes[stated]) {
            classes[stated] = need_class(state, wanted, stated);
            keep_gates(classes[stated], &thread->held);
            note_place(state, classes[stated], stack, wanted);
        }
        struct class_state *class = classes[stated];
        unsigned up = hold->object->row.address < wanted->row.address;
        class->by_address[up]++;
        note_age(class, hold->object, wanted);
        note_place(state, class, hold->stack, hold->object);
        keep_example(state, class, class->examples[up], step, wanted, i);
    }
}

// Two examples of different directions, else of any, by different threads at the same time. False: there are none.
static bool find_pair(
    struct class_order *state, const struct class_state *class, const struct example *ret_pair[2])
{
    static const unsigned char directions[][2] = { { 0, 1 }, { 0, 0 }, { 1, 1 } };
    struct thread_order *order = replay_thread_order(state->detection->replay);
    for (size_t d = 0; d < G_N_ELEMENTS(directions); d++) {
        const GArray *first = class->examples[directions[d][0]];
        const GArray *second = class->examples[directions[d][1]];
        for (unsigned i = 0; i < first->len; i++)
            for (unsigned j = 0; j < second->len; j++) {
                const struct example *a = &g_array_index(first, struct example, i);
                const struct example *b = &g_array_index(second, struct example, j);
                if (!thread_order_concurrent(order, a->thread_id, a->segment, b->thread_id, b->segment))
                    continue;
                // Told is one of each direction, whoever did it.
                ret_pair[0] = d == 0 ? a : &g_array_index(class->examples[0], struct example, 0);
                ret_pair[1] = d == 0 ? b : &g_array_index(class->examples[1], struct example, 0);
                return true;
            }
    }
    return false;
}

static bool has_two_of(const struct finding *finding, unsigned class_id, uint32_t flag)
{
    unsigned same = 0;
    for (unsigned i = 0; i < finding->objects->len; i++) {
        const struct model_object *object = finding->objects->pdata[i];
        same += object->class_id == class_id && (object->row.flags & flag) == flag;
    }
    return same > 1;
}

// Has a circle of locks of the class been told already?
static bool is_told(const struct class_order *state, unsigned class_id)
{
    const GPtrArray *findings = state->detection->findings->all;
    for (unsigned i = 0; i < findings->len; i++) {
        const struct finding *finding = findings->pdata[i];
        if ((finding->rule == &rule_lock_order_cycle || finding->rule == &rule_deadlock) &&
            !finding->reason && has_two_of(finding, class_id, 0))
            return true;
    }
    return false;
}

static struct cycle_edge edge_of(const struct example *example)
{
    return (struct cycle_edge){
        .thread_id = example->thread_id,
        .held = example->held,
        .n_held = example->n_held,
        .key = example->key,
        .wanted = example->wanted,
        .wanted_stack = example->stack,
    };
}

// "accounts[].lock" out of the key "mutex bank accounts[].lock"; of a lock without a name, where it was made.
static const char *class_name(const struct model_object *object)
{
    const char *name = object->class_key;
    if (!object->row.name || !*object->row.name)
        return object->label;
    for (unsigned word = 0; word < 2 && strchr(name, ' '); word++)
        name = strchr(name, ' ') + 1;
    return name;
}

static void report(struct class_order *state, const struct example *pair[2])
{
    const struct cycle_edge edges[] = { edge_of(pair[0]), edge_of(pair[1]) };
    struct finding *finding =
        cycle_finding(state->detection->model, &rule_lock_order_cycle, LEVEL_WARNING, edges, 2);
    const struct model_object *wanted = pair[0]->wanted;
    g_autofree char *parts = g_strdup_printf("class %s", wanted->class_key);
    finding_set_id(finding, parts);
    finding->verdict = "potential";
    finding_look_for_steering(finding);
    g_autofree char *first = finding_thread_label(finding, pair[0]->thread_id);
    g_autofree char *second = finding_thread_label(finding, pair[1]->thread_id);
    bool one = pair[0]->thread_id == pair[1]->thread_id;
    finding_set_message(finding, g_strdup_printf("locks of one class (%s) are taken while another of them is "
                                                 "held, in no consistent order, by %s%s%s",
                                     class_name(wanted), first, one ? "" : " and ", one ? "" : second));
    finding_list_add(state->detection->findings, finding);
}

// --- the order that the program states ---

static bool has_step(const struct finding *finding, const struct example *example)
{
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        if (step->stack == example->stack && step->object &&
            step->object->class_id == example->wanted->class_id)
            return true;
    }
    return false;
}

// A circle that was told already, with this place in it, is told as what it is. False: there is none.
static bool add_to_circle(const struct class_order *state, const struct example *example, const char *text)
{
    const GPtrArray *findings = state->detection->findings->all;
    bool added = false;
    for (unsigned i = 0; i < findings->len; i++) {
        struct finding *finding = findings->pdata[i];
        if ((finding->rule != &rule_lock_order_cycle && finding->rule != &rule_deadlock) || finding->reason ||
            !has_two_of(finding, example->wanted->class_id, OBJECT_BY_ADDRESS) || !has_step(finding, example))
            continue;
        added = true;
        finding->level = LEVEL_ERROR;
        if (!strstr(finding->message, text))
            finding_set_message(finding, g_strdup_printf("%s; %s", finding->message, text));
    }
    return added;
}

static void report_broken(struct class_order *state, const struct example *example)
{
    g_autofree char *order = g_strdup_printf(
        "the program says that locks of one class (%s) are taken in the order of their addresses",
        class_name(example->wanted));
    if (add_to_circle(state, example, order))
        return;
    const struct cycle_edge edge = edge_of(example);
    struct finding *finding =
        cycle_finding(state->detection->model, &rule_lock_order_cycle, LEVEL_ERROR, &edge, 1);
    g_autofree char *parts = g_strdup_printf("stated order\n%s", finding->parts);
    finding_set_id(finding, parts);
    g_autofree char *thread = finding_thread_label(finding, example->thread_id);
    g_autofree char *held = finding_object_label(finding, example->held[example->key].object);
    g_autofree char *wanted = finding_object_label(finding, example->wanted);
    finding_set_message(
        finding, g_strdup_printf("%s, but %s takes '%s' while it holds '%s', which lies higher", order,
                     thread, wanted, held));
    finding_list_add(state->detection->findings, finding);
}

static void finish(void *data)
{
    struct class_order *state = data;
    g_autoptr(GList) ids = g_hash_table_get_keys(state->classes);
    state->detection->left_out += state->cut;
    for (GList *id = ids; id; id = id->next) {
        const struct class_state *class = g_hash_table_lookup(state->classes, id->data);
        const struct example *pair[2];
        for (unsigned i = 0; class->stated && i < class->examples[0]->len; i++)
            report_broken(state, &g_array_index(class->examples[0], struct example, i));
        if (class->stated || !class->varies || !class->by_address[0] || !class->by_address[1] ||
            !class->by_age[0] || !class->by_age[1])
            continue;
        if (class->gates->len || is_told(state, class_id_of_key(id->data)) || !find_pair(state, class, pair))
            continue;
        report(state, pair);
    }
    g_hash_table_unref(state->classes);
    g_free(state);
}

const struct detector detector_class_order = {
    .name = "class-order",
    .kinds = DETECTOR_SEES(EVENT_REQUEST) | DETECTOR_SEES(EVENT_REQUEST_SHARED) |
             DETECTOR_SEES(EVENT_ACQUIRE) | DETECTOR_SEES(EVENT_ACQUIRE_SHARED),
    .begin = begin,
    .event = event,
    .finish = finish,
};
