// SPDX-License-Identifier: MIT
// `trenza export`: a trace's events for other tools, in the merged order.
//
// std is RAPID's format, `T1|acq(L3)|17`: acq, rel, fork and join of threads T<thread.id> on locks L<object.id>; the location is the
// frame.id of the call. It knows exclusive locks only: mutexes and spinlocks, and rwlocks by their writers (readers are left
// out). Of a recursive lock the outermost acquisition counts. A condition wait releases and acquires its mutex. A lock freed by
// another thread, or by its owner's death, is released in its owner's name.
//
// A trace that `trenza import` made of such a file is written with the file's own names and locations, accesses and requests.
//
// perfetto is export_perfetto.c.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis.h"
#include "call_stack.h"
#include "command.h"
#include "export_perfetto.h"
#include "output.h"
#include "replay.h"

static struct {
    char *format;
    char *output;
} options;

static const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &options.format,
        "perfetto (for ui.perfetto.dev), std (RAPID's trace format) or csv (every event)",
        "perfetto|std|csv" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "write there instead of to standard output",
        "FILE" },
    { NULL },
};

struct exporter {
    const struct model *model;
    FILE *stream;
    bool imported;             // from STD
    struct perfetto *perfetto; // NULL: another format
};

// --- std ---

static bool is_lock(const struct model_object *object)
{
    return object && (object->row.kind == OBJECT_MUTEX || object->row.kind == OBJECT_RWLOCK ||
                         object->row.kind == OBJECT_SPINLOCK);
}

static const char *imported_name(const struct exporter *exporter, char prefix, uint32_t id)
{
    const struct model_thread *thread = prefix == 'T' ? model_thread(exporter->model, id) : NULL;
    const struct model_object *object = prefix == 'T' ? NULL : model_object(exporter->model, id);
    const char *name = thread ? thread->row.name : object ? object->row.name : NULL;
    return name ? name : "?";
}

static void std_line(const struct exporter *exporter, uint32_t thread_id, const char *what, char prefix,
    uint32_t id, uint32_t stack)
{
    uint32_t top = call_stack_top(exporter->model, stack);
    const struct model_frame *frame = model_frame(exporter->model, top);
    if (exporter->imported)
        fprintf(exporter->stream, "%s|%s(%s)|%" G_GUINT64_FORMAT "\n",
            imported_name(exporter, 'T', thread_id), what, imported_name(exporter, prefix, id),
            frame ? frame->row.offset : 0);
    else
        fprintf(exporter->stream, "T%u|%s(%c%u)|%u\n", thread_id, what, prefix, id, top);
}

static void std_acquire(
    const struct exporter *exporter, const struct replay_step *step, const struct model_object *object)
{
    const struct ordered_event *ordered = step->ordered;
    const struct hold *hold = held_set_find(&step->thread->held, object->row.id);
    if (hold && !hold->shared)
        return;
    if (ordered->owner_died && ordered->owner && ordered->owner != ordered->thread_id)
        std_line(exporter, ordered->owner, "rel", 'L', object->row.id, 0);
    std_line(exporter, ordered->thread_id, "acq", 'L', object->row.id, step->event->stack);
}

static void std_release(
    const struct exporter *exporter, const struct replay_step *step, const struct model_object *object)
{
    const struct hold *hold = held_set_find(&step->thread->held, object->row.id);
    if (hold && !hold->shared && hold->depth == 1)
        std_line(exporter, step->ordered->thread_id, "rel", 'L', object->row.id, step->event->stack);
    else if (!hold && step->ordered->owner)
        std_line(exporter, step->ordered->owner, "rel", 'L', object->row.id, step->event->stack);
}

static void std_start(const struct exporter *exporter, const struct replay_step *step)
{
    const struct model_thread *thread = step->thread->thread;
    const struct trace_process *process = model_process(exporter->model, thread->row.process_id);
    // A forked process begins with the thread that nobody in it created. One that has done nothing but end is left out: nobody
    // can tell when, among the others, it was made.
    if (step->thread->events == 1 && step->event->kind != EVENT_NONE && process && process->forked_by &&
        !thread->row.creator_id)
        std_line(exporter, process->forked_by, "fork", 'T', thread->row.id, 0);
}

static void std_step(const struct exporter *exporter, const struct replay_step *step)
{
    const struct trace_event *event = step->event;
    uint32_t thread_id = step->ordered->thread_id;
    std_start(exporter, step);
    if (event_is_acquire(event->kind) && !event_is_shared(event->kind)) {
        if (is_lock(step->object))
            std_acquire(exporter, step, step->object);
        return;
    }
    switch (event->kind) {
    case EVENT_RELEASE:
        if (is_lock(step->object) && !step->ordered->refused)
            std_release(exporter, step, step->object);
        break;
    case EVENT_COND_WAIT:
        if (is_lock(step->mutex) && !step->ordered->refused &&
            held_set_find(&step->thread->held, step->mutex->row.id))
            std_release(exporter, step, step->mutex);
        break;
    case EVENT_COND_WAKE:
        // What was refused is known at its beginning but for the rare case; then its release has been written, and this takes
        // it back.
        if (is_lock(step->mutex) &&
            (order_wake_has_mutex(event) || step->thread->gave_back.object == step->mutex))
            std_acquire(exporter, step, step->mutex);
        break;
    case EVENT_CREATE:
        if (!step->ordered->refused)
            std_line(exporter, thread_id, "fork", 'T', event->subject, event->stack);
        break;
    case EVENT_JOIN:
        std_line(exporter, thread_id, "join", 'T', event->subject, event->stack);
        break;
    case EVENT_REQUEST:
        if (exporter->imported)
            std_line(exporter, thread_id, "req", 'L', event->subject, event->stack);
        break;
    case EVENT_READ:
    case EVENT_WRITE:
        std_line(
            exporter, thread_id, event->kind == EVENT_READ ? "r" : "w", 'V', event->subject, event->stack);
        break;
    default:
        break;
    }
}

// --- csv ---

static void csv_text(FILE *stream, const char *text)
{
    fputc(',', stream);
    if (!text)
        return;
    if (!strpbrk(text, ",\"\n\r")) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void csv_header(FILE *stream)
{
    fputs("sequence,time_ns,process,thread,thread_name,event,subject,subject_name,arg,mutex,mutex_name,stack,"
          "function,file,line\n",
        stream);
}

static void csv_step(const struct exporter *exporter, const struct replay_step *step)
{
    FILE *stream = exporter->stream;
    const struct trace_event *event = step->event;
    const struct model_thread *thread = step->thread->thread;
    const struct model_thread *subject =
        model_subject_is_thread(event->kind) ? model_thread(exporter->model, event->subject) : NULL;
    if (event->kind == EVENT_NONE)
        return;
    fprintf(stream, "%" G_GUINT64_FORMAT ",%.0f,%u,%u", step->ordered->sequence,
        (double)event->ticks * exporter->model->ns_per_tick, thread->row.process_id, thread->row.id);
    csv_text(stream, thread->label);
    csv_text(stream, event_name(event->kind));
    fprintf(stream, ",%u", event->subject);
    csv_text(stream, step->object ? step->object->label : subject ? subject->label : NULL);
    bool pair = event->kind == EVENT_COND_WAIT || event->kind == EVENT_COND_WAKE;
    fprintf(stream, ",%" G_GINT64_FORMAT, pair ? (int64_t)chunk_arg_code(event->arg) : event->arg);
    fprintf(stream, ",%u", pair ? chunk_arg_object(event->arg) : 0);
    csv_text(stream, step->mutex ? step->mutex->label : NULL);
    struct call_frame site = { 0 };
    call_stack_site(exporter->model, event->stack, &site);
    fprintf(stream, ",%u", event->stack);
    csv_text(stream, site.function);
    csv_text(stream, site.file ? call_frame_file(exporter->model, &site) : NULL);
    fprintf(stream, ",%" G_GINT64_FORMAT "\n", site.line);
}

// --- perfetto ---

static void perfetto_format_step(const struct exporter *exporter, const struct replay_step *step)
{
    perfetto_step(exporter->perfetto, step);
}

// --- progress ---

#define PROGRESS_EVENTS 65536u
#define PROGRESS_AFTER_US G_USEC_PER_SEC

struct progress {
    uint64_t all;
    uint64_t done;
    gint64 next_us; // 0: nobody looks
    bool told;
};

static void progress_begin(struct progress *progress, uint64_t all, const FILE *stream)
{
    bool seen = isatty(STDERR_FILENO) && !(stream == stdout && isatty(STDOUT_FILENO));
    *progress =
        (struct progress){ .all = all, .next_us = seen ? g_get_monotonic_time() + PROGRESS_AFTER_US : 0 };
}

static void progress_step(struct progress *progress)
{
    if (++progress->done % PROGRESS_EVENTS || !progress->next_us)
        return;
    gint64 now_us = g_get_monotonic_time();
    if (now_us < progress->next_us)
        return;
    fprintf(stderr, "\rtrenza: %.0f %% written",
        100 * (double)progress->done / (double)MAX(progress->all, progress->done));
    progress->told = true;
    progress->next_us = now_us + PROGRESS_AFTER_US / 5;
}

static void progress_end(const struct progress *progress)
{
    if (progress->told)
        fprintf(stderr, "\r\033[K");
}

// --- the command ---

struct export_format {
    const char *name;
    void (*header)(FILE *stream);
    void (*step)(const struct exporter *exporter, const struct replay_step *step);
    bool finds; // findings are part of it
};

static const struct export_format formats[] = {
    { "perfetto", NULL, perfetto_format_step, true },
    { "std", NULL, std_step, false },
    { "csv", csv_header, csv_step, false },
};

static int export_events(const struct analysis *analysis, const struct export_format *format, FILE *stream)
{
    struct exporter exporter = { .model = analysis->model, .stream = stream };
    struct progress progress;
    struct replay_step step;
    int r;
    char *source = store_get_text(analysis->store, "source");
    exporter.imported = g_strcmp0(source, "std") == 0;
    free(source);
    progress_begin(&progress, analysis->model->n_events, stream);
    if (format->header)
        format->header(stream);
    if (format->finds)
        exporter.perfetto = perfetto_new(analysis->model, analysis->result->findings, stream);
    struct replay *replay = replay_new(analysis->model);
    while ((r = replay_next(replay, &step)) == 1 && !ferror(stream)) {
        format->step(&exporter, &step);
        progress_step(&progress);
    }
    replay_free(replay);
    if (exporter.perfetto)
        perfetto_finish(exporter.perfetto);
    progress_end(&progress);
    return r;
}

static const struct export_format *find_format(const char *name)
{
    for (size_t i = 0; name && i < G_N_ELEMENTS(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static int run(char **operands, char **program)
{
    const struct export_format *format = find_format(options.format);
    if (!format)
        return command_fail("export: --format is perfetto, std or csv%s%s", options.format ? ", not " : "",
            options.format ? options.format : "");
    if (program || !*operands || operands[1])
        return command_fail("export: one trace is needed; see `trenza help export`");
    g_autoptr(GError) error = NULL;
    struct analysis *analysis = analysis_open(*operands, &error);
    if (!analysis || (format->finds && !analysis_run(analysis, false, false, &error))) {
        analysis_free(analysis);
        return command_fail("%s", error->message);
    }
    struct output output;
    int code = COMMAND_FAILED;
    if (output_open(&output, options.output)) {
        int r = export_events(analysis, format, output.stream);
        if (r < 0)
            command_fail("%s: %s", *operands, store_message(analysis->store));
        code = output_close(&output, r >= 0) && r >= 0 ? COMMAND_OK : COMMAND_FAILED;
    }
    analysis_free(analysis);
    return code;
}

const struct command command_export = {
    .name = "export",
    .usage = "--format=perfetto|std|csv [-o FILE] TRACE",
    .summary = "Write the events of a trace for other tools",
    .details =
        "perfetto: trace-event JSON for ui.perfetto.dev: what each thread holds and waits for, arrows from "
        "who lets go\n"
        "     to who goes on, and the steps of findings as marks.\n"
        "std: RAPID's trace format, one `T1|acq(L3)|17` a line: acq, rel, fork, join; the number is the "
        "frame.id of the call.\n"
        "     Readers of rwlocks are left out; of recursive locks only the outermost acquisition counts.\n"
        "csv: every event with names and places.",
    .options = entries,
    .run = run,
};
