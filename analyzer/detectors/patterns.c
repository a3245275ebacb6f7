// SPDX-License-Identifier: MIT
// For each cycle of patterns all choices of instances of different threads are tried until one is predicted.
//
// One choice is decided in time linear in the trace (PLDI 2023, algorithm 2): begin with the first occurrence of each side; close
// the set of the points before them; where the set has gone past an occurrence, go on to the side's next one outside of it. The
// set never has to shrink, because what is needed to reach a later occurrence includes what an earlier one needed.
//
// A choice that fails is tried once more by hand-offs alone: if these already keep the sides apart, the cycle is ordered and
// cannot happen; else it may, in a way that this search does not see (critical sections in another order than recorded).
#include "patterns.h"

#include <stdlib.h>
#include <string.h>

#include "closure.h"

#define VISITS_MAX 20000u              // choices of threads looked at for one cycle
#define CYCLES_MAX 200000u             // cycles looked at
#define PLACES_MAX 64u                 // of one cycle
#define ATTEMPTS_MAX 64u               // choices of threads tried for the same places
#define CLOSURE_VISITS_MAX 2000000000u // events, over all attempts

struct finder {
    const struct patterns_options *options;
    struct closure *closure;
    GHashTable *by_places; // char * -> struct pattern_cycle *
    GPtrArray *cycles;     // of struct pattern_cycle *, in order of discovery
    uint64_t left_out;
    unsigned looked_at;
    GArray *covers; // of struct prediction_cover: scratch
};

// One cycle of patterns on its way to threads.
struct casting {
    struct finder *finder;
    const struct graph_pattern *const *patterns;
    unsigned n;
    unsigned n_writers;
    struct pattern_side *sides;
    enum cycle_obstacle obstacle;
    unsigned visits;
    unsigned places; // new ones of this cycle
    bool distinct;   // some choice had different threads
    bool tried;      // some choice came as far as being decided
    bool bounded;
};

static void cycle_free(void *data)
{
    struct pattern_cycle *cycle = data;
    g_free(cycle->sides);
    if (cycle->reached)
        g_array_unref(cycle->reached);
    g_free(cycle);
}

// The lock a side holds that the one before it in the circle wants.
static unsigned key_of(const struct casting *casting, unsigned i)
{
    unsigned before = (i + casting->n - 1) % casting->n;
    return graph_pattern_find(casting->patterns[i], casting->patterns[before]->wanted.object);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Equal for choices that differ in nothing a finding would show, wherever the circle is begun, and however often it goes through
// the same places: a transfer between any two of many accounts is one cycle, whether two, three or more of them meet.
static char *places_key(const struct casting *casting)
{
    unsigned n = casting->n;
    g_auto(GStrv) texts = g_new0(char *, n + 1);
    for (unsigned i = 0; i < n; i++) {
        const struct graph_pattern *pattern = casting->patterns[i];
        const struct graph_instance *instance = casting->sides[i].instance;
        unsigned held = key_of(casting, i);
        texts[i] = g_strdup_printf("%u,%u,%u,%u;", pattern->wanted.object->class_id,
            pattern->held[held].object->class_id, instance->stack, instance->held_stacks[held]);
    }
    qsort(texts, n, sizeof *texts, by_text);
    GString *key = g_string_new(NULL);
    for (unsigned i = 0; i < n; i++)
        if (i == 0 || strcmp(texts[i - 1], texts[i]) != 0)
            g_string_append(key, texts[i]);
    return g_string_free(key, false);
}

// --- deciding one choice ---

static uint32_t position_at(const struct pattern_side *side, unsigned index)
{
    return g_array_index(side->instance->positions, uint32_t, index);
}

// The first occurrence at or behind a position.
static unsigned skip_to(const struct pattern_side *side, unsigned index, uint32_t position)
{
    unsigned end = side->instance->positions->len;
    while (index < end) {
        unsigned middle = index + (end - index) / 2;
        if (position_at(side, middle) < position)
            index = middle + 1;
        else
            end = middle;
    }
    return index;
}

// Can all sides be brought to one of their occurrences at once? Sets their positions.
static bool reach(struct closure *closure, enum closure_rules rules, struct pattern_side *sides, unsigned n)
{
    g_autofree unsigned *indices = g_new0(unsigned, n);
    closure_begin(closure, rules);
    for (unsigned i = 0; i < n; i++)
        closure_include(
            closure, (struct prediction_point){ sides[i].instance->thread_id, position_at(&sides[i], 0) });
    for (bool moved = true; moved;) {
        if (!closure_run(closure))
            return false;
        moved = false;
        for (unsigned i = 0; i < n; i++) {
            uint32_t reached = closure_position(closure, sides[i].instance->thread_id);
            if (reached <= position_at(&sides[i], indices[i]))
                continue;
            indices[i] = skip_to(&sides[i], indices[i], reached);
            if (indices[i] == sides[i].instance->positions->len)
                return false;
            moved = true;
            closure_include(closure, (struct prediction_point){
                                         sides[i].instance->thread_id, position_at(&sides[i], indices[i]) });
        }
    }
    for (unsigned i = 0; i < n; i++)
        sides[i].position = position_at(&sides[i], indices[i]);
    return true;
}

static GArray *copy_reached(const struct closure *closure)
{
    const GArray *threads = closure_threads(closure);
    GArray *reached = g_array_new(false, false, sizeof(struct prediction_point));
    for (unsigned i = 0; i < threads->len; i++) {
        uint32_t thread_id = g_array_index(threads, uint32_t, i);
        struct prediction_point point = { thread_id, closure_position(closure, thread_id) };
        g_array_append_val(reached, point);
    }
    return reached;
}

// By create and join alone: some parts of the threads' lives in which all sides happen at the same time.
static bool concurrent_segments(
    struct thread_order *order, struct pattern_side *sides, unsigned n, unsigned depth, uint32_t *segments)
{
    if (depth == n)
        return true;
    const struct graph_instance *instance = sides[depth].instance;
    for (unsigned s = 0; s < instance->segments->len; s++) {
        bool fits = true;
        segments[depth] = g_array_index(instance->segments, uint32_t, s);
        for (unsigned i = 0; i < depth && fits; i++)
            fits = thread_order_concurrent(
                order, sides[i].instance->thread_id, segments[i], instance->thread_id, segments[depth]);
        if (fits && concurrent_segments(order, sides, n, depth + 1, segments))
            return true;
    }
    return false;
}

static bool all_recorded(const struct pattern_side *sides, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!sides[i].instance->positions->len)
            return false;
    return true;
}

static enum pattern_verdict decide(struct casting *casting, GArray **ret_reached)
{
    struct finder *finder = casting->finder;
    unsigned n = casting->n + casting->n_writers;
    if (closure_visits(finder->closure) > CLOSURE_VISITS_MAX) {
        casting->bounded = true;
        return PATTERN_POTENTIAL;
    }
    if (all_recorded(casting->sides, n)) {
        if (reach(finder->closure, CLOSURE_ALL, casting->sides, n)) {
            *ret_reached = copy_reached(finder->closure);
            return PATTERN_PREDICTED;
        }
        return reach(finder->closure, CLOSURE_HANDOFFS, casting->sides, n) ? PATTERN_POTENTIAL
                                                                           : PATTERN_ORDERED;
    }
    g_autofree uint32_t *segments = g_new(uint32_t, n);
    return concurrent_segments(finder->options->order, casting->sides, n, 0, segments) ? PATTERN_POTENTIAL
                                                                                       : PATTERN_ORDERED;
}

// --- gates from outside: locks that cover a thread ---

static bool is_apart(const struct prediction_cover *cover, const struct casting *casting, unsigned other)
{
    const struct pattern_side *side = &casting->sides[other];
    if (cover->owner_id == side->instance->thread_id)
        return false;
    for (unsigned i = 0; i < side->pattern->n_held; i++)
        if (side->pattern->held[i].object->row.id == cover->object_id)
            return !(cover->shared && side->pattern->held[i].shared);
    return false;
}

static bool covers_apart(const struct prediction_cover *a, const struct prediction_cover *b)
{
    return a->object_id == b->object_id && a->sequence != b->sequence && !(a->shared && b->shared);
}

static bool has_cover_gate(struct casting *casting)
{
    unsigned n = casting->n + casting->n_writers;
    g_autofree unsigned *ends = g_new0(unsigned, n);
    GArray *covers = casting->finder->covers;
    g_array_set_size(covers, 0);
    for (unsigned i = 0; i < n; i++) {
        prediction_survey_covers(
            casting->finder->options->survey, casting->sides[i].instance->thread_id, covers);
        ends[i] = covers->len;
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = i ? ends[i - 1] : 0; k < ends[i]; k++) {
            const struct prediction_cover *cover = &g_array_index(covers, struct prediction_cover, k);
            for (unsigned j = 0; j < n; j++)
                if (j != i && is_apart(cover, casting, j))
                    return true;
            for (unsigned m = ends[i]; m < covers->len; m++)
                if (covers_apart(cover, &g_array_index(covers, struct prediction_cover, m)))
                    return true;
        }
    return false;
}

// --- remembering ---

static void remember(
    struct casting *casting, enum pattern_verdict verdict, const char *reason, GArray *reached)
{
    struct finder *finder = casting->finder;
    g_autofree char *key = places_key(casting);
    struct pattern_cycle *cycle = g_hash_table_lookup(finder->by_places, key);
    bool known = cycle != NULL;
    if (!known) {
        cycle = g_new0(struct pattern_cycle, 1);
        g_ptr_array_add(finder->cycles, cycle);
        g_hash_table_insert(finder->by_places, g_steal_pointer(&key), cycle);
        casting->places++;
    }
    cycle->attempts++;
    if (known && verdict <= cycle->verdict) {
        if (reached)
            g_array_unref(reached);
        return;
    }
    unsigned n = casting->n + casting->n_writers;
    g_free(cycle->sides);
    cycle->sides = g_memdup2(casting->sides, n * sizeof *casting->sides);
    cycle->n = casting->n;
    cycle->n_writers = casting->n_writers;
    cycle->verdict = verdict;
    cycle->reason = reason;
    cycle->reached = reached;
}

// Has enough been tried for these places?
static bool is_settled(struct casting *casting)
{
    g_autofree char *key = places_key(casting);
    const struct pattern_cycle *cycle = g_hash_table_lookup(casting->finder->by_places, key);
    if (cycle && cycle->verdict != PATTERN_PREDICTED && cycle->attempts >= ATTEMPTS_MAX)
        casting->bounded = true;
    return cycle && (cycle->verdict == PATTERN_PREDICTED || cycle->attempts >= ATTEMPTS_MAX);
}

static void try_choice(struct casting *casting)
{
    casting->tried = true;
    if (is_settled(casting))
        return;
    if (has_cover_gate(casting)) {
        remember(casting, PATTERN_IMPOSSIBLE, "gate lock", NULL);
        return;
    }
    GArray *reached = NULL;
    enum pattern_verdict verdict = decide(casting, &reached);
    remember(casting, verdict, verdict == PATTERN_ORDERED ? "ordered" : NULL, reached);
}

// --- choosing threads ---

static bool thread_is_taken(const struct casting *casting, unsigned depth, uint32_t thread_id)
{
    for (unsigned i = 0; i < depth; i++)
        if (casting->sides[i].instance->thread_id == thread_id)
            return true;
    return false;
}

static bool is_exhausted(struct casting *casting)
{
    bool exhausted = ++casting->visits > VISITS_MAX || casting->places >= PLACES_MAX;
    casting->bounded |= exhausted;
    return exhausted;
}

static void cast_writers(struct casting *casting, unsigned side);

struct writer_choice {
    struct casting *casting;
    unsigned side;
};

static bool each_writer(const struct graph_pattern *pattern, void *data)
{
    const struct writer_choice *choice = data;
    struct casting *casting = choice->casting;
    unsigned depth = casting->n + casting->n_writers;
    for (unsigned i = 0; i < depth; i++)
        if (graph_pattern_have_gate(casting->sides[i].pattern, pattern))
            return true;
    for (unsigned i = 0; i < pattern->instances->len; i++) {
        const struct graph_instance *instance = pattern->instances->pdata[i];
        if (thread_is_taken(casting, depth, instance->thread_id))
            continue;
        if (is_exhausted(casting))
            return false;
        casting->sides[depth] = (struct pattern_side){ .pattern = pattern, .instance = instance };
        casting->n_writers++;
        cast_writers(casting, choice->side + 1);
        casting->n_writers--;
    }
    return true;
}

// From this side on: wherever a reader waits for a reader, a third thread must wait to write.
static void cast_writers(struct casting *casting, unsigned side)
{
    for (; side < casting->n; side++) {
        const struct graph_pattern *wants = casting->patterns[side];
        if (!graph_pattern_both_read(wants, casting->patterns[(side + 1) % casting->n]))
            continue;
        struct writer_choice choice = { casting, side };
        lock_graph_each_writer(casting->finder->options->graph, wants->wanted.object, each_writer, &choice);
        return;
    }
    try_choice(casting);
}

static void cast_sides(struct casting *casting, unsigned depth)
{
    if (depth == casting->n) {
        casting->distinct = true;
        if (casting->obstacle == OBSTACLE_NONE)
            cast_writers(casting, 0);
        return;
    }
    const GPtrArray *instances = casting->patterns[depth]->instances;
    for (unsigned i = 0; i < instances->len; i++) {
        const struct graph_instance *instance = instances->pdata[i];
        if (thread_is_taken(casting, depth, instance->thread_id))
            continue;
        if (is_exhausted(casting))
            return;
        casting->sides[depth] =
            (struct pattern_side){ .pattern = casting->patterns[depth], .instance = instance };
        cast_sides(casting, depth + 1);
        if (casting->obstacle != OBSTACLE_NONE && casting->distinct)
            return; // one choice is enough to tell why not
    }
}

// No choice of threads came as far as being decided.
static void remember_obstacle(struct casting *casting)
{
    static const char *const reasons[] = {
        [OBSTACLE_TRYLOCK] = "trylock",
        [OBSTACLE_READ_READ] = "read-read",
        [OBSTACLE_GATE] = "gate lock",
    };
    // Where a waiting writer could have stood in the way of readers, none would.
    if (casting->obstacle == OBSTACLE_NONE)
        casting->obstacle = OBSTACLE_READ_READ;
    casting->distinct = false;
    casting->visits = 0;
    cast_sides(casting, 0); // ends with the first choice of different threads in sides
    for (unsigned i = 0; i < casting->n && !casting->distinct; i++)
        casting->sides[i] = (struct pattern_side){ .pattern = casting->patterns[i],
            .instance = casting->patterns[i]->instances->pdata[0] };
    remember(
        casting, PATTERN_IMPOSSIBLE, casting->distinct ? reasons[casting->obstacle] : "same thread", NULL);
}

static bool each_cycle(
    const struct graph_pattern *const *patterns, unsigned n, enum cycle_obstacle obstacle, void *data)
{
    struct finder *finder = data;
    // Each side may need a writer of its own.
    g_autofree struct pattern_side *sides = g_new0(struct pattern_side, 2 * n);
    struct casting casting = {
        .finder = finder, .patterns = patterns, .n = n, .sides = sides, .obstacle = obstacle
    };
    if (obstacle == OBSTACLE_NONE)
        cast_sides(&casting, 0);
    if (finder->options->all && !casting.tried)
        remember_obstacle(&casting);
    finder->left_out += casting.bounded;
    if (++finder->looked_at < CYCLES_MAX)
        return true;
    finder->left_out++;
    return false;
}

uint64_t patterns_find(const struct patterns_options *options, pattern_cycle_fn each, void *data)
{
    struct finder finder = {
        .options = options,
        .closure = closure_new(options->trace),
        .by_places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .cycles = g_ptr_array_new_with_free_func(cycle_free),
        .covers = g_array_new(false, false, sizeof(struct prediction_cover)),
    };
    lock_graph_each_cycle(options->graph, options->all, each_cycle, &finder);
    for (unsigned i = 0; i < finder.cycles->len; i++) {
        const struct pattern_cycle *cycle = finder.cycles->pdata[i];
        if (cycle->verdict >= PATTERN_POTENTIAL || options->all)
            each(cycle, data);
    }
    uint64_t left_out = finder.left_out + lock_graph_left_out(options->graph);
    closure_free(finder.closure);
    g_hash_table_unref(finder.by_places);
    g_ptr_array_unref(finder.cycles);
    g_array_unref(finder.covers);
    return left_out;
}
