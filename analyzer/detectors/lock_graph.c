// SPDX-License-Identifier: MIT
// Collects patterns and enumerates their cycles.
//
// Enumeration works inside the strongly connected components of the graph held -> wanted over locks, by depth-first search.
// Each cycle is found once: it starts at its smallest wanted lock. Rounds of growing length make sure that the short cycles,
// which people can act on, come before a bound on the search is reached. Gates prune while searching.
#include "lock_graph.h"

#include <string.h>

#include "components.h"
#include "prediction_trace.h"
#include "wide_hash.h"

#define PATTERNS_MAX 200000u // distinct (wanted, held set)
#define INSTANCES_MAX 256u   // of a pattern
#define PATHS_MAX 64u        // of a pattern, before only other threads are added
#define SEGMENTS_MAX 16u     // of an instance
#define PLACES_MAX 2000u     // patterns of the same places and classes: one more of them tells nothing new
#define STEPS_MAX 2000000u   // of the search, for each length
#define CYCLE_LENGTH_MAX 256u

struct lock_graph {
    GHashTable *patterns;    // set of struct graph_pattern *
    GHashTable *places;      // of uint64_t: hash of places and classes -> number of patterns
    GPtrArray *writers;      // those of patterns that want to write what prefers writers
    GPtrArray *join_objects; // of struct model_object *
    uint64_t left_out;
};

static unsigned pattern_hash(const void *data)
{
    const struct graph_pattern *pattern = data;
    unsigned hash = pattern->wanted.object->row.id * 4u + pattern->wanted.shared * 2u + pattern->blocks;
    for (unsigned i = 0; i < pattern->n_held; i++)
        hash = hash * 31u + pattern->held[i].object->row.id * 2u + pattern->held[i].shared;
    return hash * 2654435761u;
}

static gboolean pattern_equal(const void *a, const void *b)
{
    const struct graph_pattern *x = a;
    const struct graph_pattern *y = b;
    if (x->wanted.object != y->wanted.object || x->wanted.shared != y->wanted.shared ||
        x->blocks != y->blocks || x->n_held != y->n_held)
        return false;
    for (unsigned i = 0; i < x->n_held; i++)
        if (x->held[i].object != y->held[i].object || x->held[i].shared != y->held[i].shared)
            return false;
    return true;
}

static void instance_free(void *data)
{
    struct graph_instance *instance = data;
    g_array_unref(instance->segments);
    g_array_unref(instance->positions);
    g_free(instance->held_stacks);
    g_free(instance);
}

static void pattern_free(void *data)
{
    struct graph_pattern *pattern = data;
    g_ptr_array_unref(pattern->instances);
    g_free(pattern->held);
    g_free(pattern);
}

struct lock_graph *lock_graph_new(void)
{
    struct lock_graph *graph = g_new0(struct lock_graph, 1);
    graph->patterns = g_hash_table_new_full(pattern_hash, pattern_equal, pattern_free, NULL);
    graph->places = g_hash_table_new_full(wide_hash, g_int64_equal, g_free, NULL);
    graph->writers = g_ptr_array_new();
    graph->join_objects = g_ptr_array_new_with_free_func(g_free);
    return graph;
}

void lock_graph_free(struct lock_graph *graph)
{
    if (!graph)
        return;
    g_ptr_array_unref(graph->writers);
    g_hash_table_unref(graph->patterns);
    g_hash_table_unref(graph->places);
    g_ptr_array_unref(graph->join_objects);
    g_free(graph);
}

const struct model_object *lock_graph_join_object(struct lock_graph *graph, uint32_t id)
{
    struct model_object *object = g_new0(struct model_object, 1);
    object->row.id = id;
    object->row.kind = OBJECT_NONE;
    object->label = object->class_key = object->fingerprint = "end of a thread";
    g_ptr_array_add(graph->join_objects, object);
    return object;
}

bool lock_graph_prefers_writers(const struct model_object *object)
{
    return object->row.kind == OBJECT_RWLOCK && object->row.flags & OBJECT_PREFER_WRITER;
}

uint64_t lock_graph_left_out(const struct lock_graph *graph)
{
    return graph->left_out;
}

unsigned graph_pattern_find(const struct graph_pattern *pattern, const struct model_object *object)
{
    unsigned i = 0;
    while (i < pattern->n_held && pattern->held[i].object != object)
        i++;
    return i;
}

static bool same_instance(const struct graph_instance *instance, const struct graph_request *request,
    const struct hold *held, unsigned n)
{
    if (instance->thread_id != request->thread_id || instance->stack != request->stack)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (instance->held_stacks[i] != held[i].stack)
            return false;
    return true;
}

static void add_occurrence(struct graph_instance *instance, uint32_t segment, uint32_t position)
{
    GArray *segments = instance->segments;
    GArray *positions = instance->positions;
    instance->count++;
    if (position != PREDICTION_NEVER &&
        !(positions->len && g_array_index(positions, uint32_t, positions->len - 1) == position))
        g_array_append_val(positions, position);
    if (segments->len && g_array_index(segments, uint32_t, segments->len - 1) == segment)
        return;
    if (segments->len < SEGMENTS_MAX)
        g_array_append_val(segments, segment);
    else // keep the first ones and the last
        g_array_index(segments, uint32_t, segments->len - 1) = segment;
}

static void add_instance(
    struct graph_pattern *pattern, const struct graph_request *request, const struct hold *held, unsigned n)
{
    bool known_thread = false;
    for (unsigned i = pattern->instances->len; i-- > 0;) {
        struct graph_instance *instance = pattern->instances->pdata[i];
        known_thread |= instance->thread_id == request->thread_id;
        if (same_instance(instance, request, held, n)) {
            add_occurrence(instance, request->segment, request->position);
            return;
        }
    }
    // Another thread adds more to what can be said than another path of the same one.
    if (pattern->instances->len >= INSTANCES_MAX || (known_thread && pattern->instances->len >= PATHS_MAX)) {
        pattern->left_out++;
        return;
    }
    struct graph_instance *instance = g_new0(struct graph_instance, 1);
    instance->thread_id = request->thread_id;
    instance->stack = request->stack;
    instance->sequence = request->sequence;
    instance->segments = g_array_new(false, false, sizeof(uint32_t));
    instance->positions = g_array_new(false, false, sizeof(uint32_t));
    instance->held_stacks = g_new(uint32_t, n);
    for (unsigned i = 0; i < n; i++)
        instance->held_stacks[i] = held[i].stack;
    add_occurrence(instance, request->segment, request->position);
    g_ptr_array_add(pattern->instances, instance);
}

// Is there room for another pattern of these places? Many locks of few classes would fill the graph with one story.
static bool has_room(
    struct lock_graph *graph, const struct graph_request *request, const struct hold *held, unsigned n)
{
    uint64_t hash = (uint64_t)request->wanted->class_id << 32 | request->stack;
    for (unsigned i = 0; i < n; i++)
        hash =
            hash * UINT64_C(0x9e3779b97f4a7c15) + ((uint64_t)held[i].object->class_id << 32 | held[i].stack);
    uint64_t *known;
    void *count = NULL;
    if (g_hash_table_size(graph->patterns) >= PATTERNS_MAX)
        return false;
    if (g_hash_table_lookup_extended(graph->places, &hash, (void **)&known, &count) &&
        GPOINTER_TO_UINT(count) >= PLACES_MAX)
        return false;
    g_hash_table_insert(
        graph->places, g_memdup2(&hash, sizeof hash), GUINT_TO_POINTER(GPOINTER_TO_UINT(count) + 1));
    return true;
}

void lock_graph_add(struct lock_graph *graph, const struct graph_request *request)
{
    unsigned n = MIN(request->n_held, LOCK_GRAPH_HELD_MAX);
    const struct hold *held = request->held + (request->n_held - n);
    struct graph_lock locks[LOCK_GRAPH_HELD_MAX];
    for (unsigned i = 0; i < n; i++)
        locks[i] = (struct graph_lock){ held[i].object, held[i].shared };
    struct graph_pattern key = {
        .wanted = { request->wanted, request->shared },
        .blocks = request->blocks,
        .n_held = n,
        .held = locks,
    };
    struct graph_pattern *pattern = g_hash_table_lookup(graph->patterns, &key);
    if (!pattern) {
        if (!has_room(graph, request, held, n)) {
            graph->left_out++;
            return;
        }
        pattern = g_memdup2(&key, sizeof key);
        pattern->held = g_memdup2(locks, n * sizeof *locks);
        pattern->instances = g_ptr_array_new_with_free_func(instance_free);
        g_hash_table_add(graph->patterns, pattern);
        if (request->blocks && !request->shared && lock_graph_prefers_writers(request->wanted))
            g_ptr_array_add(graph->writers, pattern);
    }
    add_instance(pattern, request, held, n);
}

// --- cycles ---

struct search {
    struct lock_graph *graph;
    struct components *components; // of locks, by object id
    GHashTable *holders;           // object id -> GPtrArray of patterns that hold it
    bool with_obstacles;
    lock_graph_cycle_fn each;
    void *data;
    unsigned min_length; // of this round
    unsigned max_length;
    uint64_t steps;
    bool ended; // the callback has had enough
    unsigned length;
    const struct graph_pattern *path[CYCLE_LENGTH_MAX];
    enum cycle_obstacle obstacles[CYCLE_LENGTH_MAX]; // strongest among the path up to there
};

static enum cycle_obstacle first_of(enum cycle_obstacle a, enum cycle_obstacle b)
{
    return a == OBSTACLE_NONE ? b : b == OBSTACLE_NONE ? a : MIN(a, b);
}

// A lock held by both keeps the two apart, unless both only read it.
bool graph_pattern_have_gate(const struct graph_pattern *a, const struct graph_pattern *b)
{
    for (unsigned i = 0; i < a->n_held; i++) {
        unsigned j = graph_pattern_find(b, a->held[i].object);
        if (j < b->n_held && !(a->held[i].shared && b->held[j].shared))
            return true;
    }
    return false;
}

bool graph_pattern_both_read(const struct graph_pattern *wants, const struct graph_pattern *holds)
{
    unsigned i = graph_pattern_find(holds, wants->wanted.object);
    return wants->wanted.shared && i < holds->n_held && holds->held[i].shared;
}

void lock_graph_each_writer(struct lock_graph *graph, const struct model_object *object,
    bool (*each)(const struct graph_pattern *pattern, void *data), void *data)
{
    for (unsigned i = 0; i < graph->writers->len; i++) {
        const struct graph_pattern *pattern = graph->writers->pdata[i];
        if (pattern->wanted.object == object && !each(pattern, data))
            return;
    }
}

// What stands between a thread that wants and one that holds.
static enum cycle_obstacle edge_obstacle(
    const struct search *search, const struct graph_pattern *wants, const struct graph_pattern *holds)
{
    if (!wants->blocks)
        return OBSTACLE_TRYLOCK;
    if (!graph_pattern_both_read(wants, holds))
        return OBSTACLE_NONE;
    return search->graph->writers->len && lock_graph_prefers_writers(wants->wanted.object)
               ? OBSTACLE_NONE
               : OBSTACLE_READ_READ;
}

static enum cycle_obstacle extend_obstacle(const struct search *search, const struct graph_pattern *next)
{
    const struct graph_pattern *last = search->path[search->length - 1];
    enum cycle_obstacle obstacle =
        first_of(search->obstacles[search->length - 1], edge_obstacle(search, last, next));
    for (unsigned i = 0; i < search->length; i++)
        if (graph_pattern_have_gate(search->path[i], next))
            obstacle = first_of(obstacle, OBSTACLE_GATE);
    return obstacle;
}

static bool on_path(const struct search *search, const struct model_object *object)
{
    for (unsigned i = 0; i < search->length; i++)
        if (search->path[i]->wanted.object == object)
            return true;
    return false;
}

static void try_close(struct search *search)
{
    const struct graph_pattern *last = search->path[search->length - 1];
    if (search->length < search->min_length ||
        graph_pattern_find(search->path[0], last->wanted.object) == search->path[0]->n_held)
        return;
    enum cycle_obstacle obstacle =
        first_of(search->obstacles[search->length - 1], edge_obstacle(search, last, search->path[0]));
    if (obstacle == OBSTACLE_NONE || search->with_obstacles)
        search->ended = !search->each(search->path, search->length, obstacle, search->data);
}

static void search_on(struct search *search)
{
    const struct graph_pattern *last = search->path[search->length - 1];
    const struct model_object *first_lock = search->path[0]->wanted.object;
    try_close(search);
    if (search->length == search->max_length)
        return;
    const GPtrArray *holders =
        g_hash_table_lookup(search->holders, GUINT_TO_POINTER(last->wanted.object->row.id));
    for (unsigned i = 0; holders && i < holders->len && !search->ended; i++) {
        const struct graph_pattern *next = holders->pdata[i];
        if (next->wanted.object->row.id <= first_lock->row.id || on_path(search, next->wanted.object))
            continue;
        if (search->steps > STEPS_MAX)
            return;
        search->steps += search->length; // each is compared with the whole path
        search->graph->left_out += search->steps > STEPS_MAX;
        enum cycle_obstacle obstacle = extend_obstacle(search, next);
        if (obstacle != OBSTACLE_NONE && !search->with_obstacles)
            continue;
        search->obstacles[search->length] = obstacle;
        search->path[search->length++] = next;
        search_on(search);
        search->length--;
    }
}

static int by_first_seen(const void *a, const void *b)
{
    const struct graph_pattern *x = *(struct graph_pattern *const *)a;
    const struct graph_pattern *y = *(struct graph_pattern *const *)b;
    const struct graph_instance *first_x = x->instances->pdata[0];
    const struct graph_instance *first_y = y->instances->pdata[0];
    return first_x->sequence < first_y->sequence ? -1 : first_x->sequence > first_y->sequence;
}

// Patterns that can be part of a cycle, those seen first first.
static GPtrArray *cyclic_patterns(struct search *search)
{
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, search->graph->patterns);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const struct graph_pattern *pattern = key;
        if (pattern->blocks || search->with_obstacles)
            for (unsigned i = 0; i < pattern->n_held; i++)
                components_add_edge(
                    search->components, pattern->held[i].object->row.id, pattern->wanted.object->row.id);
    }
    components_find(search->components);
    GPtrArray *patterns = g_ptr_array_new();
    g_hash_table_iter_init(&iter, search->graph->patterns);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const struct graph_pattern *pattern = key;
        bool cyclic = false;
        for (unsigned i = 0; i < pattern->n_held; i++)
            cyclic |= components_same(
                search->components, pattern->held[i].object->row.id, pattern->wanted.object->row.id);
        if (cyclic && (pattern->blocks || search->with_obstacles)) {
            search->graph->left_out += pattern->left_out;
            g_ptr_array_add(patterns, key);
        }
    }
    g_ptr_array_sort(patterns, by_first_seen);
    return patterns;
}

static void index_holders(struct search *search, const GPtrArray *patterns)
{
    for (unsigned i = 0; i < patterns->len; i++) {
        struct graph_pattern *pattern = patterns->pdata[i];
        for (unsigned j = 0; j < pattern->n_held; j++) {
            uint32_t id = pattern->held[j].object->row.id;
            if (!components_same(search->components, id, pattern->wanted.object->row.id))
                continue;
            GPtrArray *holders = g_hash_table_lookup(search->holders, GUINT_TO_POINTER(id));
            if (!holders) {
                holders = g_ptr_array_new();
                g_hash_table_insert(search->holders, GUINT_TO_POINTER(id), holders);
            }
            g_ptr_array_add(holders, pattern);
        }
    }
}

static void free_holders(void *data)
{
    g_ptr_array_unref(data);
}

void lock_graph_each_cycle(
    struct lock_graph *graph, bool with_obstacles, lock_graph_cycle_fn each, void *data)
{
    static const unsigned rounds[][2] = { { 2, 2 }, { 3, 3 }, { 4, 4 }, { 5, CYCLE_LENGTH_MAX } };
    g_autofree struct search *search = g_new0(struct search, 1);
    search->graph = graph;
    search->with_obstacles = with_obstacles;
    search->each = each;
    search->data = data;
    search->components = components_new();
    search->holders = g_hash_table_new_full(NULL, NULL, NULL, free_holders);
    g_autoptr(GPtrArray) patterns = cyclic_patterns(search);
    index_holders(search, patterns);
    for (size_t round = 0; round < G_N_ELEMENTS(rounds); round++) {
        search->min_length = rounds[round][0];
        search->max_length = rounds[round][1];
        search->steps = 0;
        for (unsigned i = 0; i < patterns->len && !search->ended; i++) {
            search->path[0] = patterns->pdata[i];
            search->obstacles[0] = OBSTACLE_NONE;
            search->length = 1;
            search_on(search);
        }
    }
    components_free(search->components);
    g_hash_table_unref(search->holders);
}
