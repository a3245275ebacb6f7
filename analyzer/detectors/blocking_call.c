// SPDX-License-Identifier: MIT
// lock-across-blocking-call: a system call that may take long is made with a lock held, so everybody who wants the lock waits
// for the call as well. Only where such calls were recorded (--blocking-calls). A call that came back at once did not block
// and is not told, except sleeping: that is meant to take long.
#include "detector.h"
#include "rules.h"
#include "wire.h"

#define BLOCKED_NS 1000000.0

const struct rule rule_lock_across_blocking_call = {
    .id = "lock-across-blocking-call",
    .level = LEVEL_WARNING,
    .summary = "A lock is held over a system call that blocks",
    .help = "Copy what the call needs, unlock, call, and lock again.",
};

struct call {
    uint32_t number;
    uint32_t stack;
    uint64_t ticks;
};

struct blocking_call {
    struct detection *detection;
    struct call *calls; // by thread id; number 0: in none
};

static void *begin(struct detection *detection)
{
    struct blocking_call *state = g_new0(struct blocking_call, 1);
    state->detection = detection;
    state->calls = g_new0(struct call, detection->model->threads->len + 1);
    return state;
}

static bool is_sleep(uint32_t number)
{
    return number == WIRE_CALL_sleep || number == WIRE_CALL_usleep || number == WIRE_CALL_nanosleep ||
           number == WIRE_CALL_clock_nanosleep;
}

static void report(struct blocking_call *state, const struct replay_step *step, const struct call *call)
{
    const struct model *model = state->detection->model;
    const struct held_set *held = &step->thread->held;
    struct finding *finding = finding_new(model, &rule_lock_across_blocking_call, LEVEL_WARNING);
    finding->site_stack = call->stack;
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GString) parts = g_string_new(model_call_name(call->number));
    for (unsigned i = 0; i < held->count; i++) {
        const struct hold *hold = &held->holds[i];
        finding_add_step(finding, step->ordered->thread_id, hold->shared ? "acquire-shared" : "acquire",
            hold->object, hold->stack, held->holds, i);
        g_string_append_printf(names, "%s'%s'", i ? " and " : "", hold->object->label);
        g_string_append_printf(parts, "\n%s", hold->object->fingerprint);
    }
    finding_add_step(finding, step->ordered->thread_id, model_call_name(call->number), NULL, call->stack,
        held->holds, held->count);
    g_autofree char *self = finding_thread_label(finding, step->ordered->thread_id);
    finding_set_message(finding,
        g_strdup_printf("%s calls %s while it holds %s", self, model_call_name(call->number), names->str));
    g_autofree char *place = fingerprint_stack(model, call->stack);
    g_string_append_printf(parts, "\n%s", place);
    finding_set_id(finding, parts->str);
    finding_list_add(state->detection->findings, finding);
}

static void event(void *data, const struct replay_step *step)
{
    struct blocking_call *state = data;
    struct call *call = &state->calls[step->ordered->thread_id];
    if (step->event->kind == EVENT_BLOCK_BEGIN) {
        bool known = step->event->subject < WIRE_CALLS;
        *call = (struct call){ known ? step->event->subject : 0, step->event->stack, step->event->ticks };
        return;
    }
    double took_ns = (double)(step->event->ticks - call->ticks) * state->detection->model->ns_per_tick;
    if (call->number && call->number == step->event->subject && step->thread->held.count &&
        (took_ns >= BLOCKED_NS || is_sleep(call->number)))
        report(state, step, call);
    call->number = 0;
}

static void finish(void *data)
{
    struct blocking_call *state = data;
    g_free(state->calls);
    g_free(state);
}

const struct detector detector_blocking_call = {
    .name = "blocking-call",
    .kinds = DETECTOR_SEES(EVENT_BLOCK_BEGIN) | DETECTOR_SEES(EVENT_BLOCK_END),
    .begin = begin,
    .event = event,
    .finish = finish,
};
