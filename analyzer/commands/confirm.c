// SPDX-License-Identifier: MIT
// `trenza check --confirm`: runs the program again and holds its threads up where they come to take the last lock of a
// cycle (tracer/preload/steer.c). When the run ends in the very deadlock, over the same kinds of locks taken at the same
// places, that is the proof; when it does not, nothing is proven, and the finding stays what it was.
//
// Holding up at these places alone can keep a cycle from closing: another thread may have to pass through what is held. So
// the second and third run also let one side begin only when the others have come to their places.
//
// Bounds: FINDINGS_MAX cycles, strongest first, TRIES runs each, SECONDS_MAX in all.
// Blind: cycles of routines of pthread_once alone, of locks of CPython's (which are tried first, with the interpreter's own lock
// held), of more than RECORDER_PLACES sides, or through code outside every module are not tried.
#include "confirm.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "analysis.h"
#include "call_stack.h"
#include "command.h"
#include "finish.h"
#include "prediction_feed.h"

#define FINDINGS_MAX 5u
#define TRIES 3u
#define SECONDS_MAX 300.0
#define SECONDS_EXTRA 10.0
#define PATIENCE_MIN 1.0
#define PATIENCE_MAX 10.0
#define PLACE_FRAMES 3u // of the program's own, as many as make two findings the same

// The sides of a cycle: where each takes the lock that the next one holds, and where it has taken the one it holds then.
struct sides {
    struct recorder_place wants[RECORDER_PLACES];
    struct recorder_place holds[RECORDER_PLACES]; // n_frames 0: not known
    unsigned n;
};

// --- places ---

static unsigned count_own_frames(const struct model_frame *frame)
{
    unsigned own = frame->n_symbols == 0;
    for (unsigned i = 0; i < frame->n_symbols; i++) {
        const struct call_frame shown = { .function = frame->symbols[i].function,
            .file = frame->symbols[i].file };
        own += !call_frame_is_system(&shown);
    }
    return own;
}

static bool find_place(const struct model *model, uint32_t stack_id, struct recorder_place *ret_place)
{
    const struct model_stack *stack = model_stack(model, stack_id);
    const uint32_t top = call_stack_top(model, stack_id);
    unsigned at = 0;
    while (stack && at < stack->depth && stack->frames[at] != top)
        at++;
    ret_place->n_frames = 0;
    for (unsigned own = 0; stack && at < stack->depth && own < PLACE_FRAMES; at++) {
        const struct model_frame *frame = model_frame(model, stack->frames[at]);
        const struct trace_module *module = frame ? model_module(model, frame->row.module_id) : NULL;
        if (!module || ret_place->n_frames == RECORDER_PLACE_FRAMES)
            break;
        ret_place->frames[ret_place->n_frames++] = (struct recorder_frame){
            .path = module->path, .build_id = module->build_id, .offset = frame->row.offset
        };
        own += count_own_frames(frame);
    }
    return ret_place->n_frames > 0;
}

static const struct finding_step *step_at(const struct finding *finding, unsigned i)
{
    return &g_array_index(finding->steps, struct finding_step, i);
}

// A side's acquisition stands before its request (cycle.c).
static void find_hold(const struct finding *finding, unsigned request, struct recorder_place *ret_place)
{
    ret_place->n_frames = 0;
    if (request == 0)
        return;
    const struct finding_step *before = step_at(finding, request - 1);
    if (before->thread_id == step_at(finding, request)->thread_id &&
        g_str_has_prefix(before->action, "acquire"))
        find_place(finding->model, before->stack, ret_place);
}

static bool is_joined(const struct finding *finding, uint32_t thread_id)
{
    for (unsigned i = 0; i < finding->steps->len; i++)
        if (g_str_has_prefix(step_at(finding, i)->action, "join") &&
            step_at(finding, i)->other_thread == thread_id)
            return true;
    return false;
}

static bool find_sides(const struct finding *finding, struct sides *ret_sides)
{
    unsigned n = 0;
    unsigned ends = 0;
    for (unsigned i = 0; i < finding->steps->len; i++) {
        const struct finding_step *step = step_at(finding, i);
        // Who waits for a thread's end, or for a routine's, waits while that one is held up, and needs no holding up itself.
        ends += g_str_has_prefix(step->action, "join") || g_str_has_prefix(step->action, "once-request");
        if (!g_str_has_prefix(step->action, "request"))
            continue;
        // A writer is waited for by the readers of the cycle (tracer/preload/steer.c), and need not be held up itself.
        if (!step->n_holding && !is_joined(finding, step->thread_id))
            continue;
        if (n == RECORDER_PLACES || !find_place(finding->model, step->stack, &ret_sides->wants[n]))
            return false;
        find_hold(finding, i, &ret_sides->holds[n]);
        n++;
    }
    ret_sides->n = n;
    return n + ends >= 2 && n >= 1;
}

// Those are tried before they are waited for, which cannot be held up: the interpreter's own lock is held then.
static bool is_of_python(const struct finding *finding)
{
    for (unsigned i = 0; i < finding->steps->len; i++)
        if (prediction_feed_is_python_lock(finding->model, step_at(finding, i)->object))
            return true;
    return false;
}

static const char *why_not(const struct finding *finding, struct sides *ret_sides)
{
    if (is_of_python(finding))
        return "Python tries its locks before it waits for them";
    return find_sides(finding, ret_sides) ? NULL : "there is no place where holding threads up would do it";
}

static bool is_wanted(const struct finding *finding)
{
    return strcmp(finding->rule->id, "lock-order-cycle") == 0 && !finding->steered && !finding->suppressed &&
           !finding->baseline &&
           (g_strcmp0(finding->verdict, "predicted") == 0 || g_strcmp0(finding->verdict, "potential") == 0);
}

// --- what a run came to ---

static bool is_all_of_class(const struct finding *deadlock, const char *class_key)
{
    for (unsigned i = 0; i < deadlock->objects->len; i++)
        if (strcmp(((const struct model_object *)deadlock->objects->pdata[i])->class_key, class_key) != 0)
            return false;
    return deadlock->objects->len > 0;
}

// The findings made of a class alone tell of no two places in particular.
static bool is_reached(const struct finding *finding, const struct finding_list *steered)
{
    const char *class_key =
        g_str_has_prefix(finding->parts, "class ") ? finding->parts + strlen("class ") : NULL;
    for (unsigned i = 0; i < steered->all->len; i++) {
        const struct finding *deadlock = steered->all->pdata[i];
        if (strcmp(deadlock->rule->id, "deadlock") != 0)
            continue;
        if (class_key ? is_all_of_class(deadlock, class_key) : strcmp(deadlock->parts, finding->parts) == 0)
            return true;
    }
    return false;
}

// Every finding that a run has reached is confirmed, also one it was not made for.
static bool look_at(const char *trace, const struct finding_list *list, const struct finding *wanted)
{
    struct analysis *analysis = finish_trace(trace, NULL) ? analysis_open(trace, NULL) : NULL;
    bool good = analysis && analysis_run(analysis, false, false, NULL);
    for (unsigned i = 0; good && i < list->all->len; i++) {
        struct finding *finding = list->all->pdata[i];
        if (is_wanted(finding) && is_reached(finding, analysis->result->findings))
            finding_set_steered(finding, true);
    }
    analysis_free(analysis);
    return wanted->steered;
}

// --- runs ---

static void remove_trace(const char *path)
{
    static const char *const parts[] = { "", "-wal", "-shm", "-journal" };
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_strconcat(path, parts[i], NULL);
        g_unlink(part);
    }
}

struct campaign {
    const struct confirm *confirm;
    struct finding_list *list;
    char *trace;   // of the run that goes on
    gint64 end_us; // g_get_monotonic_time() when no further run begins
    bool given_up;
};

// Long enough for the others to come by, if they come as they did; no longer than anybody would wait.
static double patience_of(const struct campaign *campaign)
{
    return CLAMP(campaign->confirm->seconds * 1.5 + 0.5, PATIENCE_MIN, PATIENCE_MAX);
}

// last: the side that waits until the others have come to their places, before it holds anything; sides->n: none.
static bool run_steered(struct campaign *campaign, const struct sides *sides, unsigned last)
{
    const struct recorder_steering steering = {
        .places = sides->wants,
        .n_places = sides->n,
        .gate = last < sides->n && sides->holds[last].n_frames ? &sides->holds[last] : NULL,
        .patience = patience_of(campaign),
    };
    struct recorder_options recorder = *campaign->confirm->recorder;
    recorder.output = campaign->trace;
    recorder.on_deadlock = RECORDER_DEADLOCK_STOP;
    // All pauses at one place together are less than two of the first and some.
    recorder.timeout =
        campaign->confirm->seconds * 2 + SECONDS_EXTRA + 2 * steering.patience * (sides->n + 1);
    recorder.quiet = recorder.mute = true;
    recorder.steering = &steering;
    struct recorder_result result;
    g_autoptr(GError) error = NULL;
    bool good = recorder_run(&recorder, &result, &error);
    if (!good)
        command_fail("confirm: %s", error->message);
    campaign->given_up |= !good || result.ended == RECORDER_ENDED_INTERRUPTED;
    return good;
}

// A run that reached it stays, when traces do.
static void keep_trace(const struct campaign *campaign, const struct finding *finding)
{
    if (!campaign->confirm->keeps) {
        g_printerr("trenza: confirm: reached\n");
        return;
    }
    g_autofree char *kept = g_strconcat(campaign->confirm->recorder->output, ".", finding->id, NULL);
    if (g_rename(campaign->trace, kept) == 0)
        g_printerr("trenza: confirm: reached; the trace of that run is '%s'\n", kept);
    else
        command_fail("confirm: cannot write '%s': %s", kept, g_strerror(errno));
}

static void try_finding(struct campaign *campaign, struct finding *finding, const struct sides *sides)
{
    g_autoptr(GString) message = g_string_new(NULL);
    report_append_clean(message, finding->message);
    g_printerr("trenza: confirm: running the program again, steered: %s\n", message->str);
    remove_trace(campaign->trace);
    unsigned runs = 0;
    while (runs < TRIES && !campaign->given_up && g_get_monotonic_time() < campaign->end_us) {
        unsigned last = runs ? runs - 1 : sides->n;
        runs++;
        bool reached =
            run_steered(campaign, sides, last) && look_at(campaign->trace, campaign->list, finding);
        if (reached)
            keep_trace(campaign, finding);
        remove_trace(campaign->trace);
        if (reached)
            return;
    }
    if (campaign->given_up || runs == 0)
        return;
    finding_set_steered(finding, false);
    g_printerr("trenza: confirm: not reached\n");
}

static int by_strength(const void *a, const void *b)
{
    const struct finding *x = *(struct finding *const *)a;
    const struct finding *y = *(struct finding *const *)b;
    bool x_predicted = strcmp(x->verdict, "predicted") == 0;
    bool y_predicted = strcmp(y->verdict, "predicted") == 0;
    return x_predicted != y_predicted ? y_predicted - x_predicted : strcmp(x->id, y->id);
}

void confirm_findings(const struct confirm *confirm, struct finding_list *list)
{
    struct campaign campaign = {
        .confirm = confirm,
        .list = list,
        .trace = g_strconcat(confirm->recorder->output, ".steered", NULL),
        .end_us = g_get_monotonic_time() + (gint64)(SECONDS_MAX * G_USEC_PER_SEC),
    };
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();
    for (unsigned i = 0; i < list->all->len; i++)
        if (is_wanted(list->all->pdata[i]))
            g_ptr_array_add(wanted, list->all->pdata[i]);
    g_ptr_array_sort(wanted, by_strength);
    unsigned tried = 0;
    for (unsigned i = 0; i < wanted->len && tried < FINDINGS_MAX && !campaign.given_up; i++) {
        struct finding *finding = wanted->pdata[i];
        struct sides sides;
        if (!is_wanted(finding))
            continue;
        const char *reason = why_not(finding, &sides);
        if (reason) {
            g_autoptr(GString) message = g_string_new(NULL);
            report_append_clean(message, finding->message);
            g_printerr("trenza: confirm: not tried, because %s: %s\n", reason, message->str);
            continue;
        }
        try_finding(&campaign, finding, &sides);
        tried++;
    }
    unsigned left = 0;
    for (unsigned i = 0; i < wanted->len; i++)
        left += is_wanted(wanted->pdata[i]);
    if (left)
        g_printerr("trenza: confirm: %u cycle%s not tried\n", left, left == 1 ? " was" : "s were");
    finding_list_sort(list);
    g_free(campaign.trace);
}
