// SPDX-License-Identifier: MIT
// `trenza record`: runs a program (or, for the preload that was loaded without us, waits for processes to come) and writes its
// trace. Exits as the program did; 125 when the trace is not what it should be, 126 and 127 when there was nothing to run.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "finish.h"
#include "output.h"
#include "recorder.h"
#include "store.h"

#define WARNINGS_MAX 5 // lines about what was not recorded; the rest is in the trace

static struct {
    char *output;
    char *on_full;
    char *on_deadlock;
    char *preload;
    double timeout;
    double linger;
    int ready_fd;
    gboolean blocking_calls;
    gboolean attach;
    gboolean quiet;
} options = { .ready_fd = -1, .linger = -1 };

static const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
        "the trace (default trenza.db; %p: a number of its own); an old one becomes TRACE.old", "TRACE" },
    { "on-full", 0, 0, G_OPTION_ARG_STRING, &options.on_full,
        "wait (default): a program faster than its recorder waits, nothing is lost; drop: it loses and "
        "counts",
        "wait|drop" },
    { "blocking-calls", 'b', 0, G_OPTION_ARG_NONE, &options.blocking_calls,
        "also record system calls that block (read, poll, nanosleep ...)", NULL },
    { "on-deadlock", 0, 0, G_OPTION_ARG_STRING, &options.on_deadlock,
        "wait (default) only notes a deadlock in the trace; stop ends the program, too", "stop|wait" },
    { "timeout", 't', 0, G_OPTION_ARG_DOUBLE, &options.timeout,
        "end the program after so long, and note what its threads did", "SECONDS" },
    { "linger", 0, 0, G_OPTION_ARG_DOUBLE, &options.linger,
        "go on recording the program's children so long after its end (default: until they end)", "SECONDS" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "no summary, no warnings", NULL },
    { "preload", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &options.preload, "another preload library",
        "FILE" },
    { "attach", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options.attach, "wait for processes to come",
        NULL },
    { "ready-fd", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &options.ready_fd,
        "where to tell the session's path", "FD" },
    { NULL },
};

// --- options ---

// 0: first (also when none is given), 1: second, -1: told that it is neither.
static int choose(const char *option, const char *value, const char *first, const char *second)
{
    if (!value || strcmp(value, first) == 0)
        return 0;
    if (strcmp(value, second) == 0)
        return 1;
    command_fail("record: --%s is %s or %s, not '%s'", option, first, second, value);
    return -1;
}

static bool read_options(
    char **operands, char **program, const char *output, struct recorder_options *ret_recorder)
{
    int drop = choose("on-full", options.on_full, "wait", "drop");
    int stop = choose("on-deadlock", options.on_deadlock, "wait", "stop");
    if (drop < 0 || stop < 0)
        return false;
    if (!(options.timeout >= 0) || !isfinite(options.timeout) || !isfinite(options.linger)) {
        command_fail("record: --timeout and --linger are numbers of seconds");
        return false;
    }
    if (*operands || (options.attach ? program != NULL || options.ready_fd < 0 : !program || !*program)) {
        command_fail("record: no program given; see `trenza help record`");
        return false;
    }
    *ret_recorder = (struct recorder_options){
        .output = output,
        .argv = options.attach ? NULL : program,
        .preload_path = options.preload,
        .drop_when_full = drop,
        .blocking_calls = options.blocking_calls,
        .on_deadlock = stop ? RECORDER_DEADLOCK_STOP : RECORDER_DEADLOCK_WAIT,
        .timeout = options.timeout,
        .linger = options.linger,
        .ready_fd = options.ready_fd,
        .quiet = options.quiet,
        .keep_open = true,
    };
    return true;
}

// --- what is said at the end ---

// 1234567 -> 1,234,567
static char *grouped(uint64_t number)
{
    g_autofree char *digits = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    GString *text = g_string_new(NULL);
    for (const char *at = digits; *at; at++) {
        g_string_append_c(text, *at);
        size_t left = strlen(at + 1);
        if (left > 0 && left % 3 == 0)
            g_string_append_c(text, ',');
    }
    return g_string_free(text, FALSE);
}

static const char *plural(uint64_t number)
{
    return number == 1 ? "" : "s";
}

static void print_summary(const char *trace, const struct recorder_result *result)
{
    g_autofree char *events = grouped(result->events);
    g_autofree char *lost = result->lost ? grouped(result->lost) : g_strdup("nothing");
    fprintf(stderr, "trenza: %s: %s event%s, %u thread%s, %u process%s, %s lost (%.1f s)\n", trace, events,
        plural(result->events), result->threads, plural(result->threads), result->processes,
        result->processes == 1 ? "" : "es", lost, result->seconds);
}

static int print_warning(uint32_t process_id, const char *what, const char *detail, void *data)
{
    int *lines = data;
    if (++*lines > WARNINGS_MAX)
        return 0;
    if (process_id)
        fprintf(stderr, "trenza: warning: process %u: %s: %s\n", process_id, what, detail ? detail : "");
    else
        fprintf(stderr, "trenza: warning: %s: %s\n", what, detail ? detail : "");
    return 0;
}

// What was not recorded, and why, is in the trace's table `coverage`.
static void print_warnings(const char *trace)
{
    struct store *store = NULL;
    int lines = 0;
    if (store_open(trace, true, &store) >= 0)
        store_each_coverage(store, print_warning, &lines);
    store_close(store);
    if (lines > WARNINGS_MAX)
        fprintf(stderr, "trenza: warning: and %d more, in the table coverage of the trace\n",
            lines - WARNINGS_MAX);
}

static int exit_of_error(const GError *error)
{
    if (g_error_matches(error, RECORDER_ERROR, RECORDER_ERROR_CANNOT_RUN))
        return COMMAND_CANNOT_RUN;
    if (g_error_matches(error, RECORDER_ERROR, RECORDER_ERROR_NOT_FOUND))
        return COMMAND_NOT_FOUND;
    return COMMAND_FAILED;
}

static int run(char **operands, char **program)
{
    g_autofree char *output = output_name(options.output ? options.output : "trenza.db");
    struct recorder_options recorder;
    if (!read_options(operands, program, output, &recorder))
        return COMMAND_FAILED;
    struct recorder_result result;
    g_autoptr(GError) error = NULL;
    if (!recorder_run(&recorder, &result, &error)) {
        command_fail("%s", error->message);
        if (result.exit_status >= 0 && recorder.argv)
            command_fail("the program itself ended with status %d", result.exit_status);
        return exit_of_error(error);
    }
    // In the connection that wrote it: opening a trace takes longer than recording a short program.
    if (!finish_open_trace(result.store, recorder.output, &error))
        return command_fail("%s", error->message);
    if (!recorder.quiet) {
        print_summary(recorder.output, &result);
        print_warnings(recorder.output);
    }
    return result.exit_status;
}

const struct command command_record = {
    .name = "record",
    .usage = "[OPTION...] -- PROGRAM [ARGUMENT...]",
    .summary = "Run a program and record what its threads do with their locks",
    .details =
        "Exits as the program did (128+N for signal N). 125: Trenza itself failed, or the trace is not "
        "complete;\n126, 127: the program could not be run or found.",
    .options = entries,
    .runs_program = true,
    .run = run,
};
