// SPDX-License-Identifier: MIT
// Statistics by acquisition site, and by waiter and owner, in one pass. A wait counts for the thread that
// had the lock last before it ended: blind to others that had it earlier during the wait, and to all but the last of several
// readers.
#include "site_stats.h"

#include "call_stack.h"
#include "waited.h"

struct survey {
    const struct model *model;
    struct site_stats *stats;
    GHashTable *places;     // stack.id -> the text of its place, one pointer for one text
    GHashTable *site_index; // struct key -> index into sites, plus one
    GHashTable *wait_index; // struct key -> index into waits, plus one
    uint32_t *last_owner;   // by object.id
    struct waited waited;
};

struct key {
    uint64_t first;
    uint64_t second;
};

static guint key_hash(const void *data)
{
    const struct key *key = data;
    return (guint)((key->first * 0x9e3779b97f4a7c15u ^ key->second * 0xc2b2ae3d27d4eb4fu) >> 32);
}

static gboolean key_equal(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;
    return x->first == y->first && x->second == y->second;
}

// The entry of the key in the array, made of nothing if it is new.
static void *entry(GHashTable *index, GArray *array, struct key key)
{
    unsigned at = GPOINTER_TO_UINT(g_hash_table_lookup(index, &key));
    if (!at) {
        g_array_set_size(array, array->len + 1);
        at = array->len;
        g_hash_table_insert(index, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(at));
    }
    return array->data + (size_t)(at - 1) * g_array_get_element_size(array);
}

static const char *place_of(struct survey *survey, uint32_t stack)
{
    const char *known = g_hash_table_lookup(survey->places, GUINT_TO_POINTER(stack));
    if (known)
        return known;
    struct call_frame site;
    g_autofree char *text =
        call_stack_site(survey->model, stack, &site) ? call_frame_text(survey->model, &site) : NULL;
    known = g_string_chunk_insert_const(survey->stats->strings, text ? text : "unknown place");
    g_hash_table_insert(survey->places, GUINT_TO_POINTER(stack), (void *)known);
    return known;
}

static struct site_stats_site *site_of(
    struct survey *survey, const struct model_object *object, uint32_t stack)
{
    const char *place = place_of(survey, stack);
    struct key key = { object->class_id, (uintptr_t)place };
    struct site_stats_site *site = entry(survey->site_index, survey->stats->sites, key);
    if (!site->object)
        *site = (struct site_stats_site){ .object = object, .place = place };
    return site;
}

static void count_wait(struct survey *survey, const struct replay_step *step, uint64_t ticks)
{
    uint32_t waiter = step->ordered->thread_id;
    uint32_t owner = survey->last_owner[step->object->row.id];
    // Whoever took it in between was not recorded.
    if (owner == waiter)
        owner = 0;
    struct key key = { (uint64_t)waiter << 32 | owner, step->object->class_id };
    struct site_stats_wait *wait = entry(survey->wait_index, survey->stats->waits, key);
    if (!wait->object)
        *wait = (struct site_stats_wait){ .object = step->object, .waiter = waiter, .owner = owner };
    wait->waits++;
    wait->wait_ticks += ticks;
    wait->max_wait_ticks = MAX(wait->max_wait_ticks, ticks);
}

static void count_acquire(struct survey *survey, const struct replay_step *step)
{
    uint64_t ticks = 0;
    bool contended = waited_for(&survey->waited, step, &ticks);
    uint32_t stack = step->event->stack ? step->event->stack : contended ? step->thread->request.stack : 0;
    struct site_stats_site *site = site_of(survey, step->object, stack);
    site->acquisitions++;
    site->contended += contended;
    site->wait_ticks += ticks;
    if (contended)
        count_wait(survey, step, ticks);
}

static void count_fail(struct survey *survey, const struct replay_step *step)
{
    uint64_t ticks;
    if (!waited_for(&survey->waited, step, &ticks))
        return;
    site_of(survey, step->object, step->thread->request.stack)->wait_ticks += ticks;
    count_wait(survey, step, ticks);
}

static void count_release(
    struct survey *survey, const struct replay_step *step, const struct model_object *object)
{
    const struct hold *hold = held_set_find(&step->thread->held, object->row.id);
    if (hold && hold->depth == 1 && step->event->ticks > hold->ticks)
        site_of(survey, object, hold->stack)->hold_ticks += step->event->ticks - hold->ticks;
}

static void count_step(struct survey *survey, const struct replay_step *step)
{
    const struct trace_event *event = step->event;
    const struct model_object *object = step->mutex ? step->mutex : step->object;
    if (!object)
        return;
    uint32_t *owner = &survey->last_owner[object->row.id];
    if (event_is_acquire(event->kind)) {
        count_acquire(survey, step);
        *owner = object->row.kind == OBJECT_SEMAPHORE ? 0 : step->ordered->thread_id;
    } else if (event->kind == EVENT_FAIL) {
        count_fail(survey, step);
    } else if (event->kind == EVENT_COND_WAKE) {
        *owner = step->ordered->thread_id;
    } else if ((event->kind == EVENT_RELEASE && !step->ordered->refused) || event->kind == EVENT_COND_WAIT) {
        count_release(survey, step, object);
    }
    waited_apply(&survey->waited, step);
}

static int compare(uint64_t a, uint64_t b)
{
    return a == b ? 0 : a > b ? -1 : 1;
}

static int by_wait_then_hold(const void *a, const void *b)
{
    const struct site_stats_site *x = a;
    const struct site_stats_site *y = b;
    int order = compare(x->wait_ticks, y->wait_ticks);
    if (!order)
        order = compare(x->hold_ticks, y->hold_ticks);
    return order ? order : g_strcmp0(x->place, y->place);
}

static int by_wait(const void *a, const void *b)
{
    const struct site_stats_wait *x = a;
    const struct site_stats_wait *y = b;
    int order = compare(x->wait_ticks, y->wait_ticks);
    if (!order)
        order = compare(y->waiter, x->waiter);
    return order ? order : compare(y->owner, x->owner);
}

static int survey_trace(struct survey *survey)
{
    waited_init(&survey->waited, survey->model);
    struct replay *replay = replay_new(survey->model);
    struct replay_step step;
    int r;
    while ((r = replay_next(replay, &step)) == 1)
        count_step(survey, &step);
    replay_free(replay);
    waited_done(&survey->waited);
    return r;
}

struct site_stats *site_stats_of(const struct model *model, GError **error)
{
    struct site_stats *stats = g_new0(struct site_stats, 1);
    stats->sites = g_array_new(false, true, sizeof(struct site_stats_site));
    stats->waits = g_array_new(false, true, sizeof(struct site_stats_wait));
    stats->strings = g_string_chunk_new(1024);
    g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) site_index = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
    g_autoptr(GHashTable) wait_index = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
    g_autofree uint32_t *last_owner = g_new0(uint32_t, model->objects->len + 1);
    struct survey survey = { model, stats, places, site_index, wait_index, last_owner, { NULL } };
    if (survey_trace(&survey) < 0) {
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s", store_message(model->store));
        site_stats_free(stats);
        return NULL;
    }
    g_array_sort(stats->sites, by_wait_then_hold);
    g_array_sort(stats->waits, by_wait);
    return stats;
}

void site_stats_free(struct site_stats *stats)
{
    if (!stats)
        return;
    g_array_unref(stats->sites);
    g_array_unref(stats->waits);
    g_string_chunk_free(stats->strings);
    g_free(stats);
}
