// SPDX-License-Identifier: MIT
// What a finding told in full says beside its story. Who holds what at the end follows from the steps alone: a lock that a
// thread holds and no step tells of is not there.
#include "explain.h"

#include <string.h>

#include "call_stack.h"
#include "columns.h"
#include "report.h"

static bool begins(const struct finding_step *step, const char *action)
{
    return g_str_has_prefix(step->action, action);
}

static void hold(GPtrArray *held, const struct model_object *object)
{
    if (object && !g_ptr_array_find(held, object, NULL))
        g_ptr_array_add(held, (void *)object);
}

// What the thread holds after all rows; the caller frees the array.
static GPtrArray *held_at_end(const GPtrArray *rows, uint32_t thread_id)
{
    GPtrArray *held = g_ptr_array_new();
    for (unsigned i = 0; i < rows->len; i++) {
        const struct finding_step *step = rows->pdata[i];
        if (step->thread_id != thread_id)
            continue;
        // The mutex of the wait is among what was held before and not after.
        if (begins(step, "cond-wait"))
            g_ptr_array_set_size(held, 0);
        for (unsigned j = 0; j < step->n_holding; j++)
            hold(held, step->holding[j]);
        if (begins(step, "acquire"))
            hold(held, step->object);
        else if (begins(step, "release") && step->object)
            g_ptr_array_remove(held, (void *)step->object);
    }
    return held;
}

// Who of the threads of the rows holds the object at the end; 0: none of them.
static uint32_t holder_at_end(const GPtrArray *rows, const struct model_object *object)
{
    for (unsigned i = 0; i < rows->len; i++) {
        const struct finding_step *step = rows->pdata[i];
        g_autoptr(GPtrArray) held = held_at_end(rows, step->thread_id);
        if (g_ptr_array_find(held, object, NULL))
            return step->thread_id;
    }
    return 0;
}

// Somebody else unlocked it: whether that ended the hold depends on the lock's kind.
static bool is_given_back_by_another(
    const GPtrArray *rows, const struct model_object *object, uint32_t thread_id)
{
    for (unsigned i = 0; i < rows->len; i++) {
        const struct finding_step *step = rows->pdata[i];
        if (step->object == object && step->thread_id != thread_id && begins(step, "release"))
            return true;
    }
    return false;
}

static void append_object(GString *text, const struct finding *finding, const struct model_object *object)
{
    g_autofree char *label = finding_object_label(finding, object);
    g_string_append_c(text, '\'');
    report_append_clean(text, label);
    g_string_append_c(text, '\'');
}

static void append_thread(GString *text, const struct finding *finding, uint32_t thread_id)
{
    g_autofree char *label = finding_thread_label(finding, thread_id);
    report_append_clean(text, label);
}

static void append_wait(
    GString *text, const struct finding *finding, const GPtrArray *rows, const struct finding_step *step)
{
    g_autofree char *deed = report_step_deed(finding, step);
    bool wants = g_str_has_prefix(deed, "wants ");
    g_string_append(text, wants ? "waits for " : "");
    report_append_clean(text, deed + (wants ? strlen("wants ") : 0));
    uint32_t holder = wants && step->object ? holder_at_end(rows, step->object) : 0;
    if (!holder)
        return;
    g_string_append(text, ", which ");
    if (holder == step->thread_id)
        g_string_append(text, "it holds itself");
    else {
        append_thread(text, finding, holder);
        g_string_append(text, " holds");
    }
}

// The thread's last step is at `row`.
static void append_thread_end(
    GString *text, const struct finding *finding, const GPtrArray *rows, unsigned row)
{
    const struct finding_step *step = rows->pdata[row];
    bool waits = columns_waits(rows, row);
    g_autoptr(GPtrArray) held = held_at_end(rows, step->thread_id);
    if (!waits && !held->len)
        return;
    g_string_append(text, "      ");
    append_thread(text, finding, step->thread_id);
    for (unsigned i = 0; i < held->len; i++) {
        g_string_append(text, i == 0 ? " holds " : i + 1 < held->len ? ", " : " and ");
        append_object(text, finding, held->pdata[i]);
        if (is_given_back_by_another(rows, held->pdata[i], step->thread_id))
            g_string_append(text, " (another thread has unlocked it)");
    }
    if (waits) {
        g_string_append(text, held->len ? " and " : " ");
        append_wait(text, finding, rows, step);
    }
    g_string_append_c(text, '\n');
}

static bool is_last_of_thread(const GPtrArray *rows, unsigned row)
{
    uint32_t thread_id = ((const struct finding_step *)rows->pdata[row])->thread_id;
    for (unsigned i = row + 1; i < rows->len; i++)
        if (((const struct finding_step *)rows->pdata[i])->thread_id == thread_id)
            return false;
    return true;
}

void explain_end(GString *text, const struct finding *finding)
{
    g_autoptr(GPtrArray) rows = columns_rows(finding);
    g_autoptr(GString) lines = g_string_new(NULL);
    for (unsigned i = 0; i < rows->len; i++)
        if (is_last_of_thread(rows, i))
            append_thread_end(lines, finding, rows, i);
    g_string_append_printf(
        text, "    after these steps:%s\n%s", lines->len ? "" : " no thread holds or waits", lines->str);
}

void explain_verdict(GString *text, const struct finding *finding)
{
    static const char *const reasons[][2] = {
        { "observed", "The run itself came to this point; nothing had to be inferred." },
        { "confirmed",
            "The program was run again, its threads held up where they take the second lock, and came to "
            "this\n"
            "         very deadlock; only the timing was Trenza's." },
        { "predicted", "The steps above are all from this run. Each thread makes them in its own order, and "
                       "each lock is\n"
                       "         free when it is taken; only the timing differs." },
        { "potential",
            "Each thread was seen to do its part, and nothing recorded forces one part to end before the\n"
            "         other begins; whether they can really meet in this way is not proven." },
        { "impossible",
            "Each thread was seen to do its part, but what else was recorded keeps the parts from meeting." },
    };
    const char *verdict = finding->verdict;
    if (!verdict)
        g_string_append(text, "    why: The steps above were recorded as they are told.\n");
    for (size_t i = 0; verdict && i < G_N_ELEMENTS(reasons); i++)
        if (strcmp(reasons[i][0], verdict) == 0)
            g_string_append_printf(text, "    why: %s\n", reasons[i][1]);
    if (finding->steered && g_strcmp0(verdict, "confirmed") != 0)
        g_string_append(text,
            "         Steered re-runs did not come to it: what the threads read may keep them apart, or they "
            "came by\n"
            "         at other times than those runs waited for. Nothing is proven by that.\n");
}

static bool is_lock(const struct model_object *object)
{
    return object->row.kind == OBJECT_MUTEX || object->row.kind == OBJECT_RWLOCK ||
           object->row.kind == OBJECT_SPINLOCK;
}

static bool is_circle_of_locks(const struct finding *finding)
{
    if (strcmp(finding->rule->id, "lock-order-cycle") != 0 && strcmp(finding->rule->id, "deadlock") != 0)
        return false;
    for (unsigned i = 0; i < finding->objects->len; i++)
        if (!is_lock(finding->objects->pdata[i]))
            return false;
    for (unsigned i = 0; i < finding->steps->len; i++)
        if (g_array_index(finding->steps, struct finding_step, i).other_thread)
            return false;
    return finding->objects->len >= 2;
}

static bool is_one_class(const struct finding *finding)
{
    const struct model_object *first = finding->objects->pdata[0];
    for (unsigned i = 1; i < finding->objects->len; i++)
        if (((const struct model_object *)finding->objects->pdata[i])->class_id != first->class_id)
            return false;
    return true;
}

static unsigned position(const struct finding *finding, const struct model_object *object)
{
    unsigned at = 0;
    g_ptr_array_find(finding->objects, object, &at);
    return at;
}

// Takes its lock while it holds one that comes later in the order.
static bool is_against_order(const struct finding *finding, const struct finding_step *step)
{
    for (unsigned i = 0; begins(step, "request") && step->object && i < step->n_holding; i++)
        if (position(finding, step->holding[i]) > position(finding, step->object))
            return true;
    return false;
}

static void append_order(GString *text, const struct finding *finding)
{
    g_string_append(text, "      one order: ");
    if (is_one_class(finding)) {
        g_string_append(
            text, "these locks are of one kind; sort them, for example by address, before taking them\n");
        return;
    }
    for (unsigned i = 0; i < finding->objects->len; i++) {
        g_string_append(text, i ? " before " : "");
        append_object(text, finding, finding->objects->pdata[i]);
    }
    const char *before = "; that changes ";
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, i);
        struct call_frame site;
        if (!is_against_order(finding, step) || !call_stack_site(finding->model, step->stack, &site))
            continue;
        g_autofree char *place = call_frame_text(finding->model, &site);
        g_string_append_printf(text, "%s%s", before, place);
        before = ", ";
    }
    g_string_append_c(text, '\n');
}

void explain_remedies(GString *text, const struct finding *finding)
{
    if (!is_circle_of_locks(finding))
        return;
    append_order(text, finding);
    g_string_append(text,
        "      a gate: one more lock, taken before any of these wherever more than one is needed\n"
        "      trylock: try the second; when it is taken, give the first back and start again\n");
}
