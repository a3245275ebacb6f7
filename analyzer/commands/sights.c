// SPDX-License-Identifier: MIT
// Watches a replay for the steps of findings, by thread, object and stack: a look-up for each event. Blind to what was held: of
// several times at one place with different locks held, it takes the first or the last all the same.
#include "sights.h"

#include <string.h>

static void *sight_key(uint32_t thread_id, uint32_t object_id, uint32_t stack)
{
    uint64_t key =
        ((uint64_t)thread_id << 32 | object_id) * 0x9e3779b97f4a7c15u ^ stack * 0xc2b2ae3d27d4eb4fu;
    return GSIZE_TO_POINTER(key);
}

static void free_array(void *array)
{
    g_array_unref(array);
}

struct sights *sights_new(const struct finding_list *findings)
{
    struct sights *sights = g_new0(struct sights, 1);
    sights->steps = g_array_new(false, true, sizeof(struct sight));
    sights->expected = g_hash_table_new_full(NULL, NULL, NULL, free_array);
    for (unsigned i = 0; i < findings->all->len; i++) {
        const struct finding *finding = findings->all->pdata[i];
        for (unsigned j = 0; j < finding->steps->len; j++) {
            const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, j);
            uint32_t object_id = step->object ? step->object->row.id : step->other_thread;
            void *key = sight_key(step->thread_id, object_id, step->stack);
            GArray *indices = g_hash_table_lookup(sights->expected, key);
            struct sight sight = { .finding = finding, .step = j };
            if (!indices) {
                indices = g_array_new(false, false, sizeof(unsigned));
                g_hash_table_insert(sights->expected, key, indices);
            }
            g_array_append_val(indices, sights->steps->len);
            g_array_append_val(sights->steps, sight);
        }
    }
    return sights;
}

void sights_free(struct sights *sights)
{
    g_array_unref(sights->steps);
    g_hash_table_unref(sights->expected);
    g_free(sights);
}

// A predicted request is, in the run itself, an acquisition that did not have to wait.
static bool is_step(const struct finding_step *step, uint32_t thread_id, const struct trace_event *event)
{
    if (step->thread_id != thread_id || step->stack != event->stack)
        return false;
    return strcmp(step->action, event_name(event->kind)) == 0 ||
           (g_str_has_prefix(step->action, "request") && event_is_acquire(event->kind));
}

// Where it was seen to happen it is the last time that counts: there it stopped. Else the first.
void sights_look(struct sights *sights, const struct replay_step *step, uint64_t ns)
{
    const struct trace_event *event = step->event;
    void *key = sight_key(step->ordered->thread_id, event->subject, event->stack);
    const GArray *indices = g_hash_table_lookup(sights->expected, key);
    for (unsigned i = 0; indices && i < indices->len; i++) {
        unsigned index = g_array_index(indices, unsigned, i);
        struct sight *sight = &g_array_index(sights->steps, struct sight, index);
        bool last = g_strcmp0(sight->finding->verdict, "observed") == 0;
        const struct finding_step *expected =
            &g_array_index(sight->finding->steps, struct finding_step, sight->step);
        if ((sight->seen && !last) || !is_step(expected, step->ordered->thread_id, event))
            continue;
        sight->seen = true;
        sight->ns = ns;
    }
}
