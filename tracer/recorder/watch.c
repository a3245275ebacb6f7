// SPDX-License-Identifier: MIT
// The wait-for graph: its edges come from two sorted lists (who holds an object, which writers wait for it).
//
// A deadlock is a cycle, found by depth-first search over waiting threads. All edges of a thread must be removed before
// it can go on (it waits for all owners, not for one of them), so any cycle is a deadlock. Of what is given by no owner
// (conditions, barriers, most semaphores) there are no edges.
//
// Stuck is the greatest set of waiting threads none of which anybody outside the set can let go on: all that wait, less
// those that could still be let go on, until nothing changes. Blind where somebody unknown could act; the caller says so
// with threads that run.
#include "watch.h"

#include <glib.h>

// An owner of an object, or a writer that waits for it.
struct claim {
    uint32_t object;
    bool shared;
    bool waits;
    bool permit;
    size_t thread; // index
};

struct graph {
    const struct watch_thread *threads;
    size_t n;
    const bool *stuck; // NULL: all threads count
    GArray *claims;    // of struct claim, sorted by object
    GHashTable *by_id; // thread.id -> index + 1
    uint8_t *colour;   // of each thread: NEW, ON_PATH, DONE
};

enum { NEW, ON_PATH, DONE };

static gint compare_claims(gconstpointer left, gconstpointer right)
{
    const struct claim *a = left, *b = right;
    return a->object < b->object ? -1 : a->object > b->object;
}

static void collect_claims(struct graph *graph)
{
    for (size_t i = 0; i < graph->n; i++) {
        const struct watch_thread *thread = &graph->threads[i];
        g_hash_table_insert(graph->by_id, GUINT_TO_POINTER(thread->id), GSIZE_TO_POINTER(i + 1));
        for (size_t k = 0; k < thread->n_holds; k++) {
            struct claim claim = { thread->holds[k].object, thread->holds[k].shared, false, false, i };
            g_array_append_val(graph->claims, claim);
        }
        for (size_t k = 0; k < thread->n_permits; k++) {
            struct claim claim = { thread->permits[k].object, false, false, true, i };
            g_array_append_val(graph->claims, claim);
        }
        if (thread->wait == WATCH_EXCLUSIVE) {
            struct claim claim = { thread->target, false, true, false, i };
            g_array_append_val(graph->claims, claim);
        }
    }
    g_array_sort(graph->claims, compare_claims);
}

static void graph_init(struct graph *graph, const struct watch_thread *threads, size_t n, const bool *stuck)
{
    *graph = (struct graph){
        .threads = threads,
        .n = n,
        .stuck = stuck,
        .claims = g_array_new(FALSE, FALSE, sizeof(struct claim)),
        .by_id = g_hash_table_new(NULL, NULL),
        .colour = g_new0(uint8_t, n + 1),
    };
    collect_claims(graph);
}

static void graph_done(struct graph *graph)
{
    g_free(graph->colour);
    g_hash_table_destroy(graph->by_id);
    g_array_free(graph->claims, TRUE);
}

static guint first_claim(const struct graph *graph, uint32_t object)
{
    guint low = 0, high = graph->claims->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (g_array_index(graph->claims, struct claim, middle).object < object)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The claim at position, when it is one on this object; NULL at the end of these.
static const struct claim *claim_at(const struct graph *graph, uint32_t object, guint position)
{
    if (position >= graph->claims->len)
        return NULL;
    const struct claim *claim = &g_array_index(graph->claims, struct claim, position);
    return claim->object == object ? claim : NULL;
}

static size_t joined_thread(const struct graph *graph, const struct watch_thread *thread)
{
    size_t found = GPOINTER_TO_SIZE(g_hash_table_lookup(graph->by_id, GUINT_TO_POINTER(thread->target)));
    return found ? found - 1 : graph->n;
}

// Who takes a permit of a semaphore twice waits for a post, not for itself.
static bool permit_excludes(const struct graph *graph, size_t index, const struct claim *claim)
{
    const struct watch_thread *thread = &graph->threads[index];
    if (claim->thread == index)
        return false;
    if (graph->stuck)
        return graph->stuck[claim->thread];
    const struct claim *before = claim > &g_array_index(graph->claims, struct claim, 0) ? claim - 1 : NULL;
    const struct claim *end = &g_array_index(graph->claims, struct claim, graph->claims->len - 1);
    bool alone =
        (!before || before->object != claim->object) && (claim == end || claim[1].object != claim->object);
    return thread->lock_like && thread->known && alone;
}

// True when the thread at index waits because of this claim.
static bool excludes(const struct graph *graph, size_t index, const struct claim *claim)
{
    const struct watch_thread *thread = &graph->threads[index];
    if (thread->wait == WATCH_EVENT)
        return false;
    if ((thread->wait == WATCH_PERMIT) != claim->permit)
        return false;
    if (claim->permit)
        return permit_excludes(graph, index, claim);
    if (claim->waits)
        return thread->wait == WATCH_SHARED && thread->after_writers && claim->thread != index;
    if (thread->wait == WATCH_SHARED && claim->shared)
        return false;
    return claim->thread != index || !thread->recursive;
}

// --- cycles ---

// One step of a search: a thread on the path, and the claim to look at next.
struct step {
    size_t thread;
    guint claim;
};

// The next thread that the top of the path waits for, or n when there is none left.
static size_t next_edge(const struct graph *graph, struct step *step)
{
    const struct watch_thread *thread = &graph->threads[step->thread];
    if (thread->wait == WATCH_JOIN)
        return step->claim++ > 0 ? graph->n : joined_thread(graph, thread);
    const struct claim *claim;
    while ((claim = claim_at(graph, thread->target, step->claim))) {
        step->claim++;
        if (excludes(graph, step->thread, claim))
            return claim->thread;
    }
    return graph->n;
}

static struct step step_to(const struct graph *graph, size_t index)
{
    const struct watch_thread *thread = &graph->threads[index];
    return (struct step){ index, thread->wait == WATCH_JOIN ? 0 : first_claim(graph, thread->target) };
}

static bool is_open(const struct graph *graph, size_t index)
{
    return graph->colour[index] == NEW && graph->threads[index].wait != WATCH_RUNS &&
           (!graph->stuck || graph->stuck[index]);
}

// Searches from one thread; path has room for n. Returns the cycle's length, its threads in ret_cycle.
static size_t search(struct graph *graph, size_t start, struct step *path, size_t *ret_cycle)
{
    size_t depth = 0;
    path[depth++] = step_to(graph, start);
    graph->colour[start] = ON_PATH;
    while (depth > 0) {
        size_t next = next_edge(graph, &path[depth - 1]);
        if (next == graph->n) {
            graph->colour[path[--depth].thread] = DONE;
            continue;
        }
        if (graph->colour[next] == ON_PATH) {
            size_t from = depth;
            while (path[--from].thread != next)
                ;
            for (size_t i = from; i < depth; i++)
                ret_cycle[i - from] = path[i].thread;
            return depth - from;
        }
        if (is_open(graph, next)) {
            graph->colour[next] = ON_PATH;
            path[depth++] = step_to(graph, next);
        }
    }
    return 0;
}

size_t watch_find_cycle(const struct watch_thread *threads, size_t n, const bool *stuck, size_t *ret_cycle)
{
    struct graph graph;
    graph_init(&graph, threads, n, stuck);
    struct step *path = g_new(struct step, n + 1);
    size_t length = 0;
    for (size_t i = 0; i < n && length == 0; i++)
        if (is_open(&graph, i))
            length = search(&graph, i, path, ret_cycle);
    g_free(path);
    graph_done(&graph);
    return length;
}

// --- stuck ---

struct stuck_search {
    struct graph graph;
    bool *stuck;
    GHashTable *acting; // process.id -> how many of its threads are not stuck
    size_t n_acting;
};

static size_t acting_in(const struct stuck_search *search, uint32_t scope)
{
    if (!scope)
        return search->n_acting;
    return GPOINTER_TO_SIZE(g_hash_table_lookup(search->acting, GUINT_TO_POINTER(scope)));
}

static void note_acting(struct stuck_search *search, size_t index)
{
    uint32_t process = search->graph.threads[index].process;
    search->stuck[index] = false;
    search->n_acting++;
    g_hash_table_insert(
        search->acting, GUINT_TO_POINTER(process), GSIZE_TO_POINTER(acting_in(search, process) + 1));
}

// A semaphore's wait ends with any post: by a holder of a permit or, unless only those post, by anybody who acts.
static bool permit_may_come(const struct stuck_search *search, size_t index)
{
    const struct graph *graph = &search->graph;
    const struct watch_thread *thread = &graph->threads[index];
    if (!thread->lock_like || !thread->known)
        return acting_in(search, thread->scope) > 0;
    const struct claim *claim;
    for (guint i = first_claim(graph, thread->target); (claim = claim_at(graph, thread->target, i)); i++)
        if (claim->permit && !search->stuck[claim->thread])
            return true;
    return false;
}

static bool lock_may_come(const struct stuck_search *search, size_t index)
{
    const struct graph *graph = &search->graph;
    const struct watch_thread *thread = &graph->threads[index];
    if (thread->owner_gone)
        return false;
    const struct claim *claim;
    for (guint i = first_claim(graph, thread->target); (claim = claim_at(graph, thread->target, i)); i++)
        if (excludes(graph, index, claim) && search->stuck[claim->thread])
            return false;
    return true;
}

static bool may_go_on(const struct stuck_search *search, size_t index)
{
    const struct watch_thread *thread = &search->graph.threads[index];
    switch (thread->wait) {
    case WATCH_EXCLUSIVE:
    case WATCH_SHARED:
        return lock_may_come(search, index);
    case WATCH_JOIN: {
        size_t joined = joined_thread(&search->graph, thread);
        return joined == search->graph.n || !search->stuck[joined];
    }
    case WATCH_PERMIT:
        return permit_may_come(search, index);
    case WATCH_EVENT:
        return acting_in(search, thread->scope) > 0;
    default:
        return true;
    }
}

static size_t remove_until_nothing_changes(struct stuck_search *search)
{
    size_t left = 0;
    for (bool changed = true; changed;) {
        changed = false;
        left = 0;
        for (size_t i = 0; i < search->graph.n; i++) {
            if (search->stuck[i] && may_go_on(search, i)) {
                note_acting(search, i);
                changed = true;
            }
            left += search->stuck[i];
        }
    }
    return left;
}

size_t watch_find_stuck(const struct watch_thread *threads, size_t n, bool *ret_stuck)
{
    struct stuck_search search = { .stuck = ret_stuck, .acting = g_hash_table_new(NULL, NULL) };
    graph_init(&search.graph, threads, n, NULL);
    for (size_t i = 0; i < n; i++)
        ret_stuck[i] = true;
    for (size_t i = 0; i < n; i++)
        if (threads[i].wait == WATCH_RUNS)
            note_acting(&search, i);
    size_t left = remove_until_nothing_changes(&search);
    g_hash_table_destroy(search.acting);
    graph_done(&search.graph);
    return left;
}
