// SPDX-License-Identifier: MIT
// The trace's table `meta`. schema.sql says what the names mean.
#include "facts.h"

#include <sys/utsname.h>

#include "proc.h"

void facts_write_first(struct store *store, const struct recorder_options *options, const struct clock *clock)
{
    struct utsname system;
    uname(&system);
    g_autofree char *kernel = g_strconcat(system.sysname, " ", system.release, " ", system.machine, NULL);
    g_autofree char *directory = g_get_current_dir();
    g_autofree char *command =
        options->argv ? json_from_strings((const char *const *)options->argv, g_strv_length(options->argv))
                      : NULL;
    struct writer writer = { .store = store };
    WRITER_PUT(&writer, store_set_text, "trenza_version", TRENZA_VERSION);
    WRITER_PUT(&writer, store_set_text, "host", system.nodename);
    WRITER_PUT(&writer, store_set_text, "kernel", kernel);
    WRITER_PUT(&writer, store_set_text, "working_directory", directory);
    WRITER_PUT(&writer, store_set_number, "started_unix_ns", g_get_real_time() * 1000);
    WRITER_PUT(&writer, store_set_text, "clock", clock->kind == WIRE_CLOCK_TSC ? "tsc" : "monotonic");
    WRITER_PUT(&writer, store_set_number, "ticks_per_second", clock_ticks_per_second(clock));
    WRITER_PUT(&writer, store_set_text, "on_full", options->drop_when_full ? "drop" : "wait");
    WRITER_PUT(&writer, store_set_text, "ended", "");
    WRITER_PUT(&writer, store_set_text, "complete", "0");
    if (command)
        WRITER_PUT(&writer, store_set_text, "command_line", command);
    if (!writer.failed)
        store_commit(store);
    writer_done(&writer);
}

void facts_write_last(struct writer *writer, const struct recorder_result *result, const struct clock *clock)
{
    static const char *const ended[] = {
        [RECORDER_ENDED_EXIT] = "exit",
        [RECORDER_ENDED_SIGNAL] = "signal",
        [RECORDER_ENDED_DEADLOCK] = "deadlock",
        [RECORDER_ENDED_TIMEOUT] = "timeout",
        [RECORDER_ENDED_INTERRUPTED] = "interrupted",
    };
    WRITER_PUT(writer, store_set_number, "ticks_per_second", clock_ticks_per_second(clock));
    WRITER_PUT(writer, store_set_number, "duration_ticks", (int64_t)clock_ticks(clock));
    WRITER_PUT(writer, store_set_text, "ended", ended[result->ended]);
    WRITER_PUT(writer, store_set_number, "exit_status", result->exit_status);
    WRITER_PUT(writer, store_set_number, "events", (int64_t)result->events);
    WRITER_PUT(writer, store_set_number, "lost", (int64_t)result->lost);
    WRITER_PUT(writer, store_set_text, "complete", "1");
}
