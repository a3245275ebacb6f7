// SPDX-License-Identifier: MIT
// `trenza check`: analyses traces, or records a program and analyses that, and reports. The CI line.
//
// Exit codes never mix: what the check found (66 or --error-exitcode), what the program said (its own status), what Trenza
// failed at (125), and what could not be run (126, 127).
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "analysis.h"
#include "baseline.h"
#include "command.h"
#include "confirm.h"
#include "finish.h"
#include "leftovers.h"
#include "output.h"
#include "recorder.h"
#include "source_root.h"
#include "suppressions.h"
#include "traces.h"

static struct {
    char **formats;
    char **suppressions;
    char **baselines;
    char *gen_suppressions;
    char *source_root;
    char *output;
    char *fail_on;
    char *on_deadlock;
    int error_exitcode;
    double timeout;
    double linger;
    gboolean blocking_calls;
    gboolean confirm;
    gboolean all;
} options = { .error_exitcode = COMMAND_FINDINGS };

static const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.formats,
        "text, json, sarif, junit or github, to standard output or FILE; may be repeated", "FORMAT[:FILE]" },
    { "all", 'a', 0, G_OPTION_ARG_NONE, &options.all, "also cycles that cannot happen, with the reason",
        NULL },
    { "fail-on", 0, 0, G_OPTION_ARG_STRING, &options.fail_on,
        "error (default), warning or note: from this level on the check fails", "LEVEL" },
    { "error-exitcode", 0, 0, G_OPTION_ARG_INT, &options.error_exitcode,
        "exit code of a failed check (default 66)", "N" },
    { "suppressions", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.suppressions,
        "findings to keep quiet about; may be repeated", "FILE" },
    { "gen-suppressions", 0, 0, G_OPTION_ARG_FILENAME, &options.gen_suppressions,
        "write suppressions for what is found to FILE (- for standard output)", "FILE" },
    { "baseline", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.baselines,
        "an earlier JSON report or trace: only what is not in it makes the check fail; may be repeated",
        "FILE" },
    { "source-root", 0, 0, G_OPTION_ARG_FILENAME, &options.source_root,
        "sarif, junit and github name files relative to it (default: the repository here)", "FOLDER" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "keep the program's trace", "TRACE" },
    { "timeout", 't', 0, G_OPTION_ARG_DOUBLE, &options.timeout,
        "end the program after so long, and tell what its threads did", "SECONDS" },
    { "blocking-calls", 'b', 0, G_OPTION_ARG_NONE, &options.blocking_calls,
        "also record system calls that block (read, poll, nanosleep ...): locks held over them are reported",
        NULL },
    { "confirm", 'c', 0, G_OPTION_ARG_NONE, &options.confirm,
        "run the program again, steered, to reach the cycles of locks that could be a deadlock", NULL },
    { "linger", 0, 0, G_OPTION_ARG_DOUBLE, &options.linger,
        "go on with children that outlive the program for so long (default 0; -1: until they end)",
        "SECONDS" },
    { "on-deadlock", 0, 0, G_OPTION_ARG_STRING, &options.on_deadlock,
        "stop (default) ends a deadlocked program, wait does not", "stop|wait" },
    { NULL },
};

// Where a report goes.
struct sink {
    const struct report_format *format;
    const char *file; // NULL: standard output or standard error
};

static bool parse_formats(GArray *ret_sinks)
{
    static char *by_default[] = { (char *)"text", NULL };
    char **words = options.formats ? options.formats : by_default;
    for (; *words; words++) {
        const char *colon = strchr(*words, ':');
        g_autofree char *name = colon ? g_strndup(*words, (size_t)(colon - *words)) : g_strdup(*words);
        struct sink sink = { .format = report_format_find(name), .file = colon ? colon + 1 : NULL };
        if (!sink.format || (colon && !colon[1])) {
            g_autofree char *names = report_format_names();
            command_fail("check: no such format: '%s' (%s, and perhaps :FILE)", *words, names);
            return false;
        }
        g_array_append_val(ret_sinks, sink);
    }
    if (options.gen_suppressions) {
        bool to_output = strcmp(options.gen_suppressions, "-") == 0;
        struct sink sink = { .format = &report_suppressions,
            .file = to_output ? NULL : options.gen_suppressions };
        g_array_append_val(ret_sinks, sink);
    }
    return true;
}

static bool parse_level(const char *name, enum finding_level *ret_level)
{
    for (int level = LEVEL_NOTE; level <= LEVEL_ERROR; level++)
        if (strcmp(name, finding_level_name(level)) == 0) {
            *ret_level = level;
            return true;
        }
    command_fail("check: --fail-on is error, warning or note, not '%s'", name);
    return false;
}

static bool parse_options(GArray *ret_sinks, enum finding_level *ret_level)
{
    if (!parse_formats(ret_sinks) || !parse_level(options.fail_on ? options.fail_on : "error", ret_level))
        return false;
    if (options.error_exitcode < 0 || options.error_exitcode > 255) {
        command_fail("check: --error-exitcode is from 0 to 255, not %d", options.error_exitcode);
        return false;
    }
    if (!(options.timeout >= 0) || !isfinite(options.timeout) || !isfinite(options.linger)) {
        command_fail("check: --timeout and --linger are numbers of seconds");
        return false;
    }
    if (options.on_deadlock && strcmp(options.on_deadlock, "stop") != 0 &&
        strcmp(options.on_deadlock, "wait") != 0) {
        command_fail("check: --on-deadlock is stop or wait, not '%s'", options.on_deadlock);
        return false;
    }
    return true;
}

static bool write_report(const struct report *report, const struct sink *sink, FILE *stream)
{
    struct output output;
    if (!output_open(&output, sink->file))
        return false;
    if (!sink->file)
        output.stream = stream;
    struct report_style style = { .colour = !sink->file && output_wants_colour(stream) };
    g_autofree char *text = sink->format->render(report, &style);
    // One write: others, like what the program has left behind, may write to the same log.
    fflush(output.stream);
    setvbuf(output.stream, NULL, _IONBF, 0);
    bool good = fputs(text, output.stream) != EOF;
    return output_close(&output, good) && good;
}

static bool write_reports(const struct report *report, const GArray *sinks, bool program_ran)
{
    bool good = true;
    for (unsigned i = 0; i < sinks->len; i++) {
        const struct sink *sink = &g_array_index(sinks, struct sink, i);
        // Standard output belongs to the program; machines that want theirs there have asked for it.
        FILE *stream = program_ran && sink->format == &report_text ? stderr : stdout;
        good &= write_report(report, sink, stream);
    }
    return good;
}

static bool has_failures(const struct report *report)
{
    for (unsigned i = 0; i < report->list->all->len; i++) {
        const struct finding *finding = report->list->all->pdata[i];
        if (report_is_failure(report, finding))
            return true;
    }
    return false;
}

// What is known already: read before anything runs, so that a mistake in it costs no time.
struct known {
    GPtrArray *suppressions; // of struct suppression *
    GHashTable *baseline;    // set of char *
};

static void known_done(struct known *known)
{
    g_ptr_array_unref(known->suppressions);
    g_hash_table_unref(known->baseline);
}

static bool known_init(struct known *known)
{
    known->suppressions = g_ptr_array_new_with_free_func(suppression_free);
    known->baseline = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GError) error = NULL;
    bool good = true;
    for (char **path = options.suppressions; good && path && *path; path++)
        good = suppressions_read(*path, known->suppressions, &error);
    for (char **path = options.baselines; good && path && *path; path++)
        good = baseline_read(*path, known->baseline, &error);
    if (good)
        return true;
    command_fail("check: %s", error->message);
    known_done(known);
    return false;
}

static char *find_source_root(void)
{
    if (options.source_root)
        return g_canonicalize_filename(options.source_root, NULL);
    g_autofree char *here = g_get_current_dir();
    return source_root_find(here);
}

// What a check was asked for.
struct request {
    const GArray *sinks;
    const struct known *known;
    enum finding_level fail_on;
};

// Analyses the traces and reports. The exit code; status is what the program said, 0 for traces. again: how to run it once
// more; NULL: it shall not be.
static int check_traces(
    char **operands, const struct request *request, const struct confirm *again, bool program_ran, int status)
{
    g_autoptr(GError) error = NULL;
    leftovers_watch();
    g_autoptr(GPtrArray) paths = traces_find(operands, &error);
    g_autoptr(GPtrArray) analyses = paths ? traces_analyse(paths, options.all, &error) : NULL;
    if (!analyses)
        return command_fail("%s", error->message);
    struct report *report = analysis_report(analyses, options.all);
    g_autofree char *root = find_source_root();
    report->source_root = root;
    report->fail_on = request->fail_on;
    report->suppressions = request->known->suppressions;
    report->has_baseline = options.baselines != NULL;
    suppressions_apply(request->known->suppressions, report->list);
    baseline_apply(request->known->baseline, report->list);
    if (again)
        confirm_findings(again, report->list);
    bool written = write_reports(report, request->sinks, program_ran);
    bool failed = has_failures(report);
    if (options.output && program_ran && !store_findings(options.output, report->list, &error)) {
        command_fail("%s", error->message);
        written = false;
    }
    analysis_report_free(report);
    return !written ? COMMAND_FAILED : failed ? options.error_exitcode : status;
}

static int exit_of_error(const GError *error)
{
    if (g_error_matches(error, RECORDER_ERROR, RECORDER_ERROR_CANNOT_RUN))
        return COMMAND_CANNOT_RUN;
    if (g_error_matches(error, RECORDER_ERROR, RECORDER_ERROR_NOT_FOUND))
        return COMMAND_NOT_FOUND;
    return COMMAND_FAILED;
}

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

// That nobody reads a report is an error, and no reason to die. Ignored, the signal would be for the program, too, when it
// is run again.
static void outlive_readers(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        signal(SIGPIPE, do_nothing);
}

static int record_and_check(const char *trace, char **program, const struct request *request)
{
    struct recorder_options recorder = {
        .output = trace,
        .argv = program,
        .on_deadlock = options.on_deadlock && strcmp(options.on_deadlock, "wait") == 0
                           ? RECORDER_DEADLOCK_WAIT
                           : RECORDER_DEADLOCK_STOP,
        .timeout = options.timeout,
        .linger = options.linger,
        .blocking_calls = options.blocking_calls,
        .ready_fd = -1,
    };
    struct recorder_result result = { .exit_status = -1 };
    g_autoptr(GError) error = NULL;
    leftovers_watch();
    if (!recorder_run(&recorder, &result, &error)) {
        command_fail("%s", error->message);
        return exit_of_error(error);
    }
    outlive_readers();
    if (!finish_trace(trace, &error))
        return command_fail("%s", error->message);
    char *traces[] = { (char *)trace, NULL };
    const struct confirm again = {
        .recorder = &recorder, .seconds = result.seconds, .keeps = options.output != NULL
    };
    bool confirms = options.confirm && result.ended != RECORDER_ENDED_INTERRUPTED;
    return check_traces(traces, request, confirms ? &again : NULL, true, result.exit_status);
}

// Everything that is made in the folder of a trace that is not kept.
static const char *const names[] = { "trenza.db", "trenza.db-wal", "trenza.db-shm", "trenza.db-journal",
    "trenza.db.steered", "trenza.db.steered-wal", "trenza.db.steered-shm" };

static void note_folder(const char *folder)
{
    leftovers_add(folder);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        leftovers_add(path);
    }
}

static void remove_folder(const char *folder)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        g_unlink(path);
        leftovers_forget(path);
    }
    g_rmdir(folder);
    leftovers_forget(folder);
}

static int check_program(char **program, const struct request *request)
{
    if (options.output) {
        char *name = output_name(options.output);
        g_free(options.output);
        options.output = name;
        return record_and_check(name, program, request);
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("trenza-XXXXXX", &error);
    if (!folder)
        return command_fail("check: %s", error->message);
    note_folder(folder);
    g_autofree char *trace = g_build_filename(folder, "trenza.db", NULL);
    int code = record_and_check(trace, program, request);
    remove_folder(folder);
    return code;
}

static int run(char **operands, char **program)
{
    g_autoptr(GArray) sinks = g_array_new(false, false, sizeof(struct sink));
    enum finding_level level;
    if (!parse_options(sinks, &level))
        return COMMAND_FAILED;
    if (program && *operands)
        return command_fail("check: either traces or -- PROGRAM, not both ('%s')", *operands);
    if (program && !*program)
        return command_fail("check: no program after --");
    if (!program && !*operands)
        return command_fail("check: no trace given, and no -- PROGRAM; see `trenza help check`");
    struct known known;
    if (!known_init(&known))
        return COMMAND_FAILED;
    struct request request = { .sinks = sinks, .known = &known, .fail_on = level };
    int code = program ? check_program(program, &request) : check_traces(operands, &request, NULL, false, 0);
    known_done(&known);
    return code;
}

const struct command command_check = {
    .name = "check",
    .usage = "[OPTION...] TRACE|FOLDER... | [OPTION...] -- PROGRAM [ARGUMENT...]",
    .summary = "Analyse traces, or record a program and analyse it, and report",
    .details =
        "Exits with 66 when something was found at or above --fail-on, else as the program did (0 for "
        "traces).\n"
        "125: Trenza itself failed or was misused; 126, 127: the program could not be run or found.\n"
        "Without :FILE the text report of a program goes to standard error, everything else to "
        "standard output.\n"
        "--confirm runs the program up to 15 times more, with its output thrown away. Its threads are "
        "held up\n"
        "where they would take the locks of a cycle; one that comes to the deadlock is confirmed, the "
        "others stay\n"
        "what they were.",
    .options = entries,
    .run = run,
};
