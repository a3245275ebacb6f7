// SPDX-License-Identifier: MIT
// The story of a cycle. It is told from the smallest edge on (by its text), so that the same cycle reads the same in each run.
// Its fingerprint does not count how often the same comes again.
#include "cycle.h"

#include <string.h>

static char *edge_text(const struct model *model, const struct cycle_edge *edge)
{
    const struct hold *key = edge->key < edge->n_held ? &edge->held[edge->key] : NULL;
    g_autofree char *held = fingerprint_stack(model, key ? key->stack : 0);
    g_autofree char *wanted = fingerprint_stack(model, edge->wanted_stack);
    return g_strdup_printf("%s < %s < %s < %s", key ? key->object->fingerprint : "-", held,
        edge->wanted ? edge->wanted->fingerprint : "join", wanted);
}

// The edges' texts, NULL-terminated, and where to begin.
static char **edge_texts(
    const struct model *model, const struct cycle_edge *edges, unsigned n, unsigned *ret_first)
{
    char **texts = g_new0(char *, n + 1);
    for (unsigned i = 0; i < n; i++)
        texts[i] = edge_text(model, &edges[i]);
    *ret_first = 0;
    for (unsigned start = 1; start < n; start++)
        for (unsigned i = 0; i < n; i++) {
            int order = strcmp(texts[(start + i) % n], texts[(*ret_first + i) % n]);
            if (order < 0)
                *ret_first = start;
            if (order != 0)
                break;
        }
    return texts;
}

// After how many edges the texts begin again. Workers that do the same make one circle, however many of them there are.
static unsigned period(char **texts, unsigned n)
{
    for (unsigned length = 1; length < n; length++) {
        unsigned same = 0;
        while (n % length == 0 && same < n && strcmp(texts[same], texts[(same + length) % n]) == 0)
            same++;
        if (same == n)
            return length;
    }
    return n;
}

static char *joined(char **texts, unsigned n, unsigned first)
{
    GString *all = g_string_new(NULL);
    unsigned distinct = period(texts, n);
    for (unsigned i = 0; i < distinct; i++)
        g_string_append_printf(all, "%s\n", texts[(first + i) % n]);
    return g_string_free(all, false);
}

char *cycle_fingerprint(const struct model *model, const struct cycle_edge *edges, unsigned n)
{
    unsigned first;
    g_auto(GStrv) texts = edge_texts(model, edges, n, &first);
    return joined(texts, n, first);
}

const char *cycle_take_action(const struct model_object *object, bool shared)
{
    return object->row.kind == OBJECT_ONCE ? "once-begin" : shared ? "acquire-shared" : "acquire";
}

const char *cycle_want_action(const struct model_object *object, bool shared)
{
    return !object                           ? "join-request"
           : object->row.kind == OBJECT_ONCE ? "once-request"
           : shared                          ? "request-shared"
                                             : "request";
}

static void add_edge_steps(
    struct finding *finding, const struct cycle_edge *edge, const struct cycle_edge *next)
{
    if (edge->key < edge->n_held) {
        const struct hold *key = &edge->held[edge->key];
        finding_add_step(finding, edge->thread_id, cycle_take_action(key->object, key->shared), key->object,
            key->stack, edge->held, edge->key);
    }
    finding_add_step(finding, edge->thread_id, cycle_want_action(edge->wanted, edge->wanted_shared),
        edge->wanted, edge->wanted_stack, edge->held, edge->n_held);
    if (!edge->wanted)
        g_array_index(finding->steps, struct finding_step, finding->steps->len - 1).other_thread =
            next->thread_id;
}

struct finding *cycle_finding(const struct model *model, const struct rule *rule, enum finding_level level,
    const struct cycle_edge *edges, unsigned n)
{
    struct finding *finding = finding_new(model, rule, level);
    unsigned first;
    g_auto(GStrv) texts = edge_texts(model, edges, n, &first);
    // The locks of the circle come first, in its order, before what else is held.
    for (unsigned i = 0; i < n; i++) {
        const struct cycle_edge *edge = &edges[(first + i) % n];
        if (edge->key < edge->n_held &&
            !g_ptr_array_find(finding->objects, edge->held[edge->key].object, NULL))
            g_ptr_array_add(finding->objects, (void *)edge->held[edge->key].object);
    }
    for (unsigned i = 0; i < n; i++)
        add_edge_steps(finding, &edges[(first + i) % n], &edges[(first + i + 1) % n]);
    finding->site_stack = edges[first].wanted_stack;
    g_autofree char *parts = joined(texts, n, first);
    finding_set_id(finding, parts);
    return finding;
}
