// SPDX-License-Identifier: MIT
// Joins the orders of several runs into one graph of lock classes and looks for cycles of up to four of them.
//
// A cycle counts when no lock is common to two of its sides' held sets, no side only reads what the next one reads, and no run
// shows that the sides' threads never meet: one thread only of a role, or create, join or hand-offs between them. One whose orders
// were all seen in one process is that run's own, and was decided there. Blind to locks that cover a thread from its creation to
// its end, and to what data decides: hence never more than potential.
#include "united_runs.h"

#include <string.h>

#include "cycle.h"
#include "rules.h"

#define LENGTH_MAX 4u
#define STEPS_MAX 1000000u

struct side {
    const struct run_order *order;
    char *text; // its places, for an order that is the same whatever the order of the runs
};

struct search {
    const GPtrArray *runs;
    struct united_model *united;
    struct finding_list *findings;
    GArray *sides;       // of struct side, sorted
    GHashTable *by_held; // held class -> GArray of unsigned: indices of sides
    GHashTable *told;    // set of char *: cycles of classes
    uint64_t steps;
    unsigned length;
    const struct run_order *path[LENGTH_MAX];
};

// --- may two sides be parts of one cycle? ---

static const struct hold *key_hold(const struct run_order *order)
{
    return &order->held[order->key];
}

// Several locks of a class may be different ones here and there; that one could be the same is enough.
static bool have_gate(const struct run_order *a, const struct run_order *b)
{
    for (unsigned i = 0; i < a->n_held; i++)
        for (unsigned j = 0; j < b->n_held; j++)
            if (strcmp(a->held[i].object->class_key, b->held[j].object->class_key) == 0 &&
                !(a->held[i].shared && b->held[j].shared))
                return true;
    return false;
}

static enum role_presence presence(const struct run_order *order, const char *role)
{
    return (enum role_presence)GPOINTER_TO_UINT(g_hash_table_lookup(order->roles, role));
}

static bool may_meet(const struct run_order *a, const struct run_order *b)
{
    enum role_presence in_a = presence(a, b->role);
    enum role_presence in_b = presence(b, a->role);
    if (a->role == b->role)
        return in_a == ROLE_BESIDE || in_b == ROLE_BESIDE;
    if (in_a == ROLE_APART || in_b == ROLE_APART)
        return false;
    // Where a thread took neither lock its hand-offs say little; more, when nothing in the other run says otherwise.
    bool passed = in_a == ROLE_PASSED || in_b == ROLE_PASSED;
    return !passed || in_a == ROLE_BESIDE || in_b == ROLE_BESIDE;
}

static bool fits(const struct search *search, const struct run_order *next)
{
    const struct run_order *last = search->path[search->length - 1];
    if (next->program != last->program || (last->wanted_shared && key_hold(next)->shared))
        return false;
    for (unsigned i = 0; i < search->length; i++)
        if (search->path[i]->wanted_class == next->wanted_class || have_gate(search->path[i], next) ||
            !may_meet(search->path[i], next))
            return false;
    return true;
}

static bool has_all(const struct search *search, const struct run_orders *run, uint32_t process_id)
{
    for (unsigned i = 0; i < search->length; i++) {
        const struct run_order *order = search->path[i];
        if (!g_hash_table_contains(
                run->pairs, run_orders_pair(process_id, order->held_class, order->wanted_class)) &&
            !g_hash_table_contains(run->pairs, run_orders_pair(0, order->held_class, order->wanted_class)))
            return false;
    }
    return true;
}

static bool is_of_one_run(const struct search *search)
{
    for (unsigned r = 0; r < search->runs->len; r++) {
        const struct run_orders *run = search->runs->pdata[r];
        for (unsigned p = 0; p < run->model->processes->len; p++)
            if (has_all(search, run, p))
                return true;
    }
    return false;
}

static bool is_of_one_recording(const struct search *search)
{
    for (unsigned i = 1; i < search->length; i++)
        if (search->path[i]->run != search->path[0]->run)
            return false;
    return true;
}

// --- the finding ---

static GArray *take_holds(struct united_model *united, const struct run_order *order)
{
    GArray *holds = g_array_new(false, false, sizeof(struct hold));
    for (unsigned i = 0; i < order->n_held; i++) {
        struct hold hold = order->held[i];
        hold.stack = united_model_stack(united, order->run->model, hold.stack);
        hold.object = united_model_object(united, order->run->model, hold.object);
        g_array_append_val(holds, hold);
    }
    return holds;
}

static char *sentence(
    const struct search *search, const struct finding *finding, const struct cycle_edge *edges)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < search->length; i++) {
        g_autofree char *lock = finding_object_label(finding, edges[i].held[edges[i].key].object);
        g_string_append_printf(text, "%s'%s'", i == 0 ? "" : i + 1 < search->length ? ", " : " and ", lock);
    }
    g_string_append_printf(text, " are taken in %s in different %s: ",
        search->length == 2 ? "opposite orders" : "orders that form a cycle",
        is_of_one_recording(search) ? "processes" : "runs");
    for (unsigned i = 0; i < search->length; i++) {
        g_autofree char *held = finding_object_label(finding, edges[i].held[edges[i].key].object);
        g_autofree char *wanted = finding_object_label(finding, edges[i].wanted);
        g_autofree char *thread = finding_thread_label(finding, edges[i].thread_id);
        g_autofree char *process = run_order_process(search->path[i]);
        const char *run = search->path[i]->run->name;
        g_string_append_printf(text, "%s'%s' before '%s' by %s in %s%s%s", i ? ", " : "", held, wanted,
            thread, process ? process : "", process && run ? " of " : "", run ? run : "");
    }
    return g_string_free(text, false);
}

// Whoever finds a condition's flag set does not wait: nothing recorded says then that it came after the signal.
static const char *note(const struct search *search)
{
    bool signals = false;
    for (unsigned i = 0; i < search->length; i++)
        signals |= search->path[i]->run->signals;
    if (is_of_one_recording(search))
        return signals
                   ? "the orders were seen in different processes, and a condition's flag that was found set "
                     "without waiting would keep them apart unseen"
                   : "the orders were seen in different processes";
    return signals
               ? "the orders were seen in different runs, and a condition's flag that was found set without "
                 "waiting would keep them apart unseen"
               : "the orders were seen in different runs";
}

static void tell(struct search *search, const char *classes)
{
    const struct model *model = united_model_get(search->united);
    struct cycle_edge edges[LENGTH_MAX];
    GArray *holds[LENGTH_MAX];
    for (unsigned i = 0; i < search->length; i++) {
        const struct run_order *order = search->path[i];
        const struct model *from = order->run->model;
        holds[i] = take_holds(search->united, order);
        edges[i] = (struct cycle_edge){
            .thread_id = united_model_thread(search->united, from, order->thread_id),
            .held = (const struct hold *)(const void *)holds[i]->data,
            .n_held = order->n_held,
            .key = order->key,
            .wanted = united_model_object(search->united, from, order->wanted),
            .wanted_stack = united_model_stack(search->united, from, order->stack),
            .wanted_shared = order->wanted_shared,
        };
    }
    struct finding *finding =
        cycle_finding(model, &rule_lock_order_cycle, LEVEL_WARNING, edges, search->length);
    finding->verdict = "potential";
    finding->note = note(search);
    finding_set_message(finding, sentence(search, finding, edges));
    // Which of the places was seen depends on the runs that happen to be there: the classes are the same with any of them.
    g_autofree char *parts = g_strdup_printf("different runs\n%s", classes);
    finding_set_id(finding, parts);
    for (unsigned i = 0; i < search->length; i++)
        g_array_unref(holds[i]);
    finding_list_add(search->findings, finding);
}

// --- the search ---

static void try_close(struct search *search)
{
    const struct run_order *first = search->path[0];
    const struct run_order *last = search->path[search->length - 1];
    if (last->wanted_class != first->held_class || (last->wanted_shared && key_hold(first)->shared) ||
        is_of_one_run(search))
        return;
    GString *classes = g_string_new(NULL);
    for (unsigned i = 0; i < search->length; i++)
        g_string_append_printf(
            classes, "%s < %s\n", search->path[i]->held_class, search->path[i]->wanted_class);
    g_autofree char *text = g_string_free(classes, false);
    g_autofree char *key = g_strdup_printf("%s\n%s", first->program, text);
    if (g_hash_table_contains(search->told, key))
        return;
    tell(search, text);
    g_hash_table_add(search->told, g_steal_pointer(&key));
}

// A cycle is begun at the class that comes first by its text, so each is found from one side only.
static void search_on(struct search *search)
{
    const struct run_order *first = search->path[0];
    const struct run_order *last = search->path[search->length - 1];
    if (search->length > 1)
        try_close(search);
    const GArray *next = g_hash_table_lookup(search->by_held, last->wanted_class);
    if (search->length == LENGTH_MAX || last->wanted_class == first->held_class)
        return;
    for (unsigned i = 0; next && i < next->len && search->steps <= STEPS_MAX; i++) {
        unsigned index = g_array_index(next, unsigned, i);
        const struct run_order *order = g_array_index(search->sides, struct side, index).order;
        search->steps++;
        if (strcmp(order->held_class, first->held_class) <= 0 || !fits(search, order))
            continue;
        search->path[search->length++] = order;
        search_on(search);
        search->length--;
    }
}

static void side_clear(void *data)
{
    g_free(((struct side *)data)->text);
}

static int compare_sides(const void *a, const void *b)
{
    const struct side *x = a;
    const struct side *y = b;
    int order = strcmp(x->text, y->text);
    if (order == 0)
        order = g_strcmp0(x->order->run->name, y->order->run->name);
    return order != 0                                   ? order
           : x->order->thread_id == y->order->thread_id ? 0
           : x->order->thread_id < y->order->thread_id  ? -1
                                                        : 1;
}

static void add_sides(struct search *search, const struct run_orders *run)
{
    for (unsigned i = 0; i < run->all->len; i++) {
        const struct run_order *order = run->all->pdata[i];
        if (!order->accompanied)
            continue; // nobody was there whom it could have met
        g_autofree char *held = fingerprint_stack(run->model, key_hold(order)->stack);
        g_autofree char *wanted = fingerprint_stack(run->model, order->stack);
        struct side side = {
            .order = order,
            .text = g_strdup_printf("%s < %s\n%s\n%s", order->held_class, order->wanted_class, held, wanted),
        };
        g_array_append_val(search->sides, side);
    }
}

static void free_indices(void *data)
{
    g_array_unref(data);
}

static void index_sides(struct search *search)
{
    g_array_sort(search->sides, compare_sides);
    for (unsigned i = 0; i < search->sides->len; i++) {
        const char *held = g_array_index(search->sides, struct side, i).order->held_class;
        GArray *indices = g_hash_table_lookup(search->by_held, held);
        if (!indices) {
            indices = g_array_new(false, false, sizeof(unsigned));
            g_hash_table_insert(search->by_held, (char *)held, indices);
        }
        g_array_append_val(indices, i);
    }
}

struct united_model *united_runs_find(
    const GPtrArray *runs, struct finding_list *findings, uint64_t *ret_left_out)
{
    struct search search = {
        .runs = runs,
        .united = united_model_new(),
        .findings = findings,
        .sides = g_array_new(false, false, sizeof(struct side)),
        .by_held = g_hash_table_new_full(NULL, NULL, NULL, free_indices),
        .told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    g_array_set_clear_func(search.sides, side_clear);
    for (unsigned i = 0; i < runs->len; i++)
        add_sides(&search, runs->pdata[i]);
    index_sides(&search);
    for (unsigned i = 0; i < search.sides->len && search.steps <= STEPS_MAX; i++) {
        search.path[0] = g_array_index(search.sides, struct side, i).order;
        search.length = 1;
        search_on(&search);
    }
    *ret_left_out += search.steps > STEPS_MAX;
    g_hash_table_unref(search.told);
    g_hash_table_unref(search.by_held);
    g_array_unref(search.sides);
    return search.united;
}
