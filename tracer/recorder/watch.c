// SPDX-License-Identifier: MIT
// Finds a cycle in the wait-for graph: a depth-first search over waiting threads, whose edges come from two sorted lists
// (who holds an object, which writers wait for it).
//
// All edges of a thread must be removed before it can go on (it waits for all owners, not for one of them), so any cycle
// is a deadlock. Blind to whatever is given by no owner: conditions, semaphores, barriers; these are never an edge.
#include "watch.h"

#include <glib.h>

// An owner of an object, or a writer that waits for it.
struct claim {
    uint32_t object;
    bool shared;
    bool waits;
    size_t thread; // index
};

struct graph {
    const struct watch_thread *threads;
    size_t n;
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
            struct claim claim = { thread->holds[k].object, thread->holds[k].shared, false, i };
            g_array_append_val(graph->claims, claim);
        }
        if (thread->wait == WATCH_EXCLUSIVE) {
            struct claim claim = { thread->target, false, true, i };
            g_array_append_val(graph->claims, claim);
        }
    }
    g_array_sort(graph->claims, compare_claims);
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

// True when the thread at index waits because of this claim.
static bool excludes(const struct graph *graph, size_t index, const struct claim *claim)
{
    const struct watch_thread *thread = &graph->threads[index];
    if (claim->waits)
        return thread->wait == WATCH_SHARED && thread->after_writers && claim->thread != index;
    if (thread->wait == WATCH_SHARED && claim->shared)
        return false;
    return claim->thread != index || !thread->recursive;
}

// One step of a search: a thread on the path, and the claim to look at next.
struct step {
    size_t thread;
    guint claim;
};

// The next thread that the top of the path waits for, or n when there is none left.
static size_t next_edge(const struct graph *graph, struct step *step)
{
    const struct watch_thread *thread = &graph->threads[step->thread];
    if (thread->wait == WATCH_JOIN) {
        if (step->claim++ > 0)
            return graph->n;
        size_t found = GPOINTER_TO_SIZE(g_hash_table_lookup(graph->by_id, GUINT_TO_POINTER(thread->target)));
        return found ? found - 1 : graph->n;
    }
    while (step->claim < graph->claims->len) {
        const struct claim *claim = &g_array_index(graph->claims, struct claim, step->claim);
        if (claim->object != thread->target)
            break;
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
        if (graph->colour[next] == NEW && graph->threads[next].wait != WATCH_RUNS) {
            graph->colour[next] = ON_PATH;
            path[depth++] = step_to(graph, next);
        }
    }
    return 0;
}

size_t watch_find_cycle(const struct watch_thread *threads, size_t n, size_t *ret_cycle)
{
    struct graph graph = {
        .threads = threads,
        .n = n,
        .claims = g_array_new(FALSE, FALSE, sizeof(struct claim)),
        .by_id = g_hash_table_new(NULL, NULL),
        .colour = g_new0(uint8_t, n + 1),
    };
    struct step *path = g_new(struct step, n + 1);
    collect_claims(&graph);
    size_t length = 0;
    for (size_t i = 0; i < n && length == 0; i++)
        if (threads[i].wait != WATCH_RUNS && graph.colour[i] == NEW)
            length = search(&graph, i, path, ret_cycle);
    g_free(path);
    g_free(graph.colour);
    g_hash_table_destroy(graph.by_id);
    g_array_free(graph.claims, TRUE);
    return length;
}
