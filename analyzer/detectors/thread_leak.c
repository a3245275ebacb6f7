// SPDX-License-Identifier: MIT
// thread-leak: a thread has ended and nobody has joined or detached it, so what it occupied is never given back. Told when
// its process ends in order: until then it might still be joined. Threads still alive at that time are daemons, no leak.
#include "detector.h"
#include "rules.h"

const struct rule rule_thread_leak = {
    .id = "thread-leak",
    .level = LEVEL_WARNING,
    .summary = "A thread is neither joined nor detached",
    .help =
        "Join it, or make it detached (pthread_detach, or pthread_attr_setdetachstate before it is created).",
};

struct life {
    bool created;
    bool cared_for; // joined, detached, or made so
    bool ended;
    uint32_t end_stack;
    uint32_t creator_id;
    uint32_t create_stack;
};

struct thread_leak {
    struct detection *detection;
    struct life *lives; // by thread id
    GHashTable *exited; // set of process.id: exit has been called; threads that end afterwards do not count
};

static void *begin(struct detection *detection)
{
    struct thread_leak *state = g_new0(struct thread_leak, 1);
    state->detection = detection;
    state->lives = g_new0(struct life, detection->model->threads->len + 1);
    state->exited = g_hash_table_new(NULL, NULL);
    return state;
}

static struct life *life_of(struct thread_leak *state, uint32_t thread_id)
{
    return model_thread(state->detection->model, thread_id) ? &state->lives[thread_id] : NULL;
}

static uint32_t process_of(const struct replay_step *step)
{
    return step->thread->thread->row.process_id;
}

static void event(void *data, const struct replay_step *step)
{
    struct thread_leak *state = data;
    struct life *subject = life_of(state, step->event->subject);
    struct life *self = life_of(state, step->ordered->thread_id);
    switch (step->event->kind) {
    case EVENT_CREATE:
        if (subject && !step->ordered->refused) {
            subject->created = true;
            subject->cared_for |= step->event->arg == 1;
            subject->creator_id = step->ordered->thread_id;
            subject->create_stack = step->event->stack;
        }
        break;
    case EVENT_JOIN:
    case EVENT_DETACH:
        if (subject)
            subject->cared_for = true;
        break;
    case EVENT_THREAD_END:
        if (self && !g_hash_table_contains(state->exited, GUINT_TO_POINTER(process_of(step)))) {
            self->ended = true;
            self->end_stack = step->event->stack;
        }
        break;
    case EVENT_EXIT:
        g_hash_table_add(state->exited, GUINT_TO_POINTER(process_of(step)));
        break;
    }
}

static void report(struct thread_leak *state, const struct model_thread *thread, const struct life *life)
{
    const struct model *model = state->detection->model;
    struct finding *finding = finding_new(model, &rule_thread_leak, LEVEL_WARNING);
    finding->site_stack = life->create_stack;
    finding_add_step(finding, life->creator_id, "create", NULL, life->create_stack, NULL, 0);
    finding_add_step(finding, thread->row.id, "end", NULL, life->end_stack, NULL, 0);
    g_autofree char *label = finding_thread_label(finding, thread->row.id);
    finding_set_message(finding, g_strdup_printf("%s has ended and was neither joined nor detached", label));
    g_autofree char *created = fingerprint_stack(model, life->create_stack);
    finding_set_id(finding, created);
    finding_list_add(state->detection->findings, finding);
}

static void finish(void *data)
{
    struct thread_leak *state = data;
    const struct model *model = state->detection->model;
    for (uint32_t i = 0; i < model->threads->len; i++) {
        const struct model_thread *thread = model_thread(model, i);
        const struct life *life = &state->lives[i];
        if (!thread || !life->created || !life->ended || life->cared_for || model->n_lost)
            continue;
        const struct trace_process *process = model_process(model, thread->row.process_id);
        if (g_hash_table_contains(state->exited, GUINT_TO_POINTER(thread->row.process_id)) ||
            (process && g_strcmp0(process->ended_how, "exit") == 0))
            report(state, thread, life);
    }
    g_hash_table_unref(state->exited);
    g_free(state->lives);
    g_free(state);
}

const struct detector detector_thread_leak = {
    .name = "thread-leak",
    .kinds = DETECTOR_SEES(EVENT_CREATE) | DETECTOR_SEES(EVENT_JOIN) | DETECTOR_SEES(EVENT_DETACH) |
             DETECTOR_SEES(EVENT_THREAD_END) | DETECTOR_SEES(EVENT_EXIT),
    .begin = begin,
    .event = event,
    .finish = finish,
};
