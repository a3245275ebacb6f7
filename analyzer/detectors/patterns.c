// SPDX-License-Identifier: MIT
// Each cycle of patterns and each choice of instances of different threads is a candidate for its places. Of the candidates of
// the same places those whose sides lie nearest to each other in the run are tried, until one is predicted: the less happens
// between them, the less stands in the way.
#include "patterns.h"

#include <stdlib.h>
#include <string.h>

#include "judges.h"
#include "wide_hash.h"

#define VISITS_MAX 20000u              // choices of threads looked at for one cycle
#define VISITS_ALL_MAX 4000000u        // the same for all cycles; after that many
#define VISITS_LATE_MAX 16u            // each of the rest, longer and later ones, gets only so many
#define CYCLES_MAX 200000u             // cycles looked at
#define PLACES_MAX 64u                 // of one cycle
#define PLACES_ALL_MAX 2000u           // of all cycles: more than anybody reads
#define ATTEMPTS_MAX 64u               // choices of threads tried for the same places
#define CLOSURE_VISITS_MAX 2000000000u // events, over all attempts: some seconds
#define EVENTS_ALONE 20000u            // with fewer in the trace, threads cost more than they spare

// One choice of threads for one cycle.
struct candidate {
    unsigned n;
    unsigned n_writers;
    struct pattern_side *sides; // owned
    uint64_t distance;          // between the first and the last of its sides in the run
};

// What all candidates of the same places have in common.
struct places {
    GArray *candidates;          // of struct candidate, at most ATTEMPTS_MAX
    uint64_t worst;              // distance among them
    uint64_t passed_over;        // candidates that were too many
    struct candidate impossible; // one that cannot be, in case there is no other; no sides: none
    const char *reason;          // why it cannot be
};

struct finder {
    const struct patterns_options *options;
    GHashTable *by_places; // uint64_t * -> struct places *
    GPtrArray *places;     // of struct places *, in order of discovery
    uint64_t left_out;
    unsigned looked_at;
    uint64_t visits; // choices looked at for all cycles so far
    GArray *covers;  // of struct prediction_cover: scratch
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
    unsigned visits_max;
    unsigned places; // new ones of this cycle
    bool distinct;   // some choice had different threads
    bool tried;      // some choice became a candidate
    bool bounded;
};

static void candidate_clear(void *data)
{
    g_free(((struct candidate *)data)->sides);
}

static void places_free(void *data)
{
    struct places *places = data;
    g_array_unref(places->candidates);
    candidate_clear(&places->impossible);
    g_free(places);
}

// The lock a side holds that the one before it in the circle wants.
static unsigned key_of(const struct casting *casting, unsigned i)
{
    unsigned before = (i + casting->n - 1) % casting->n;
    return graph_pattern_find(casting->patterns[i], casting->patterns[before]->wanted.object);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t mix(uint64_t hash, uint32_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

// Equal for choices that differ in nothing a finding would show, wherever the circle is begun, and however often it goes through
// the same places: a transfer between any two of many accounts is one cycle, whether two, three or more of them meet.
static uint64_t places_key(const struct casting *casting)
{
    unsigned n = casting->n;
    g_autofree uint64_t *edges = g_new(uint64_t, n);
    for (unsigned i = 0; i < n; i++) {
        const struct graph_pattern *pattern = casting->patterns[i];
        const struct graph_instance *instance = casting->sides[i].instance;
        unsigned held = key_of(casting, i);
        edges[i] =
            mix(mix(mix(mix(1, pattern->wanted.object->class_id), pattern->held[held].object->class_id),
                    instance->stack),
                instance->held_stacks[held]);
    }
    qsort(edges, n, sizeof *edges, by_number);
    uint64_t key = 0;
    for (unsigned i = 0; i < n; i++)
        if (i == 0 || edges[i - 1] != edges[i])
            key = mix(mix(key, (uint32_t)edges[i]), (uint32_t)(edges[i] >> 32));
    return key;
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

// --- candidates ---

// NULL: there are too many.
static struct places *need_places(struct casting *casting, unsigned max)
{
    struct finder *finder = casting->finder;
    uint64_t key = places_key(casting);
    struct places *places = g_hash_table_lookup(finder->by_places, &key);
    if (places)
        return places;
    if (finder->places->len >= max) {
        casting->bounded = true;
        return NULL;
    }
    places = g_new0(struct places, 1);
    places->candidates = g_array_new(false, false, sizeof(struct candidate));
    g_array_set_clear_func(places->candidates, candidate_clear);
    g_ptr_array_add(finder->places, places);
    g_hash_table_insert(finder->by_places, g_memdup2(&key, sizeof key), places);
    casting->places++;
    return places;
}

static uint64_t distance(const struct casting *casting)
{
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    for (unsigned i = 0; i < casting->n + casting->n_writers; i++) {
        first = MIN(first, casting->sides[i].instance->sequence);
        last = MAX(last, casting->sides[i].instance->sequence);
    }
    return last - first;
}

static struct candidate make_candidate(const struct casting *casting)
{
    return (struct candidate){
        .n = casting->n,
        .n_writers = casting->n_writers,
        .sides = g_memdup2(casting->sides, (casting->n + casting->n_writers) * sizeof *casting->sides),
        .distance = distance(casting),
    };
}

static void set_impossible(struct casting *casting, const char *reason)
{
    // What cannot be leaves room for what can.
    struct places *places = need_places(casting, PLACES_ALL_MAX / 2);
    if (!places || places->impossible.sides)
        return;
    places->impossible = make_candidate(casting);
    places->reason = reason;
}

static void find_worst(struct places *places)
{
    places->worst = 0;
    for (unsigned i = 0; i < places->candidates->len; i++)
        places->worst = MAX(places->worst, g_array_index(places->candidates, struct candidate, i).distance);
}

static void add_candidate(struct casting *casting)
{
    casting->tried = true;
    if (has_cover_gate(casting)) {
        set_impossible(casting, "gate lock");
        return;
    }
    struct places *places = need_places(casting, PLACES_ALL_MAX);
    if (!places)
        return;
    bool full = places->candidates->len >= ATTEMPTS_MAX;
    places->passed_over += full;
    if (full && distance(casting) >= places->worst)
        return;
    struct candidate candidate = make_candidate(casting);
    g_array_append_val(places->candidates, candidate);
    for (unsigned i = 0; full && i < places->candidates->len; i++)
        if (g_array_index(places->candidates, struct candidate, i).distance == places->worst) {
            g_array_remove_index(places->candidates, i);
            break;
        }
    find_worst(places);
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
    bool exhausted = ++casting->visits > casting->visits_max || casting->places >= PLACES_MAX;
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
    add_candidate(casting);
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
    set_impossible(casting, casting->distinct ? reasons[casting->obstacle] : "same thread");
}

static bool may_take_long(const struct finder *finder)
{
    return finder->visits < VISITS_ALL_MAX && finder->places->len < PLACES_ALL_MAX;
}

static bool each_cycle(
    const struct graph_pattern *const *patterns, unsigned n, enum cycle_obstacle obstacle, void *data)
{
    struct finder *finder = data;
    // Each side may need a writer of its own.
    g_autofree struct pattern_side *sides = g_new0(struct pattern_side, 2 * n);
    struct casting casting = {
        .finder = finder,
        .patterns = patterns,
        .n = n,
        .sides = sides,
        .obstacle = obstacle,
        .visits_max = may_take_long(finder) ? VISITS_MAX : VISITS_LATE_MAX,
    };
    if (obstacle == OBSTACLE_NONE)
        cast_sides(&casting, 0);
    finder->visits += casting.visits;
    if (finder->options->all && !casting.tried)
        remember_obstacle(&casting);
    finder->left_out += casting.bounded;
    if (++finder->looked_at < CYCLES_MAX)
        return true;
    finder->left_out++;
    return false;
}

// --- verdicts ---

static int by_distance(const void *a, const void *b)
{
    uint64_t x = ((const struct candidate *)a)->distance;
    uint64_t y = ((const struct candidate *)b)->distance;
    return x < y ? -1 : x > y;
}

static void set_sides(struct pattern_cycle *cycle, const struct candidate *candidate)
{
    cycle->n = candidate->n;
    cycle->n_writers = candidate->n_writers;
    cycle->sides = candidate->sides;
}

// One candidate of each of the places that have as many, in order.
static void judge_round(
    struct finder *finder, struct judges *judges, unsigned attempt, struct pattern_cycle *cycles)
{
    g_autofree struct judges_case *cases = g_new0(struct judges_case, finder->places->len);
    g_autofree unsigned *indices = g_new(unsigned, finder->places->len);
    unsigned n = 0;
    for (unsigned i = 0; i < finder->places->len; i++) {
        const struct places *places = finder->places->pdata[i];
        if (attempt >= places->candidates->len || cycles[i].reached)
            continue;
        const struct candidate *candidate = &g_array_index(places->candidates, struct candidate, attempt);
        indices[n] = i;
        cases[n++] = (struct judges_case){
            .sides = candidate->sides,
            .n = candidate->n + candidate->n_writers,
            .known = cycles[i].verdict,
        };
    }
    finder->left_out += judges_decide(judges, cases, n);
    for (unsigned k = 0; k < n; k++) {
        struct pattern_cycle *cycle = &cycles[indices[k]];
        const struct places *places = finder->places->pdata[indices[k]];
        cycle->reached = cases[k].reached;
        if (cases[k].verdict <= cycle->verdict)
            continue;
        set_sides(cycle, &g_array_index(places->candidates, struct candidate, attempt));
        cycle->verdict = cases[k].verdict;
        cycle->reason = cycle->verdict == PATTERN_ORDERED ? "ordered" : NULL;
    }
}

// The strongest verdict that a candidate of its places gets, for each of them. The nearest candidates of all places are tried
// first: should the bound be reached, every place has had its turn.
static struct pattern_cycle *judge_all(struct finder *finder)
{
    struct pattern_cycle *cycles = g_new0(struct pattern_cycle, finder->places->len);
    for (unsigned i = 0; i < finder->places->len; i++) {
        const struct places *places = finder->places->pdata[i];
        g_array_sort(places->candidates, by_distance);
        cycles[i] = (struct pattern_cycle){ .verdict = PATTERN_IMPOSSIBLE, .reason = places->reason };
        set_sides(&cycles[i], &places->impossible);
    }
    const struct judges_options options = {
        .trace = finder->options->trace,
        .order = finder->options->order,
        .threads = finder->options->trace->n_events < EVENTS_ALONE ? 1 : g_get_num_processors(),
        .visits_max = CLOSURE_VISITS_MAX,
    };
    struct judges *judges = judges_new(&options);
    for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++)
        judge_round(finder, judges, attempt, cycles);
    judges_free(judges);
    for (unsigned i = 0; i < finder->places->len; i++) {
        const struct places *places = finder->places->pdata[i];
        finder->left_out += places->passed_over > 0 && cycles[i].verdict != PATTERN_PREDICTED;
    }
    return cycles;
}

uint64_t patterns_find(const struct patterns_options *options, pattern_cycle_fn each, void *data)
{
    struct finder finder = {
        .options = options,
        .by_places = g_hash_table_new_full(wide_hash, g_int64_equal, g_free, NULL),
        .places = g_ptr_array_new_with_free_func(places_free),
        .covers = g_array_new(false, false, sizeof(struct prediction_cover)),
    };
    lock_graph_each_cycle(options->graph, options->all, each_cycle, &finder);
    g_autofree struct pattern_cycle *cycles = judge_all(&finder);
    for (unsigned i = 0; i < finder.places->len; i++) {
        if (cycles[i].verdict >= PATTERN_POTENTIAL || options->all)
            each(&cycles[i], data);
        if (cycles[i].reached)
            g_array_unref(cycles[i].reached);
    }
    uint64_t left_out = finder.left_out + lock_graph_left_out(options->graph);
    g_hash_table_unref(finder.by_places);
    g_ptr_array_unref(finder.places);
    g_array_unref(finder.covers);
    return left_out;
}
