// SPDX-License-Identifier: MIT
// Writes a trace that is the same every time: make_trace deadlock|quiet OUT.
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "trace_builder.h"

static const char deadlock[] =
    "T1 create T2; T1 create T3; T2 acquire accounts @book:16; T3 acquire journal @print:31;"
    "T1 acquire log @main:40; T1 cond-wait news log @main:41; T3 acquire log @print:32; T3 cond-signal news "
    "@print:33;"
    "T3 release log; T1 cond-wake news log @main:41; T1 release log; T1 join-request T2 @main:47;"
    "T2 request journal @book:18; T3 request accounts @print:33";
static const char quiet[] = "T1 create T2; T2 acquire a @work:5; T1 request a @main:9; T2 release a; T1 "
                            "acquire a @main:9; T1 release a;"
                            "T2 thread-end; T1 join-request T2 @main:12; T1 join T2";

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    bool stuck = strcmp(argv[1], "deadlock") == 0;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "news", OBJECT_COND, 0, 0);
    trace_builder_script(builder, stuck ? deadlock : quiet);
    if (stuck)
        trace_builder_deadlock(
            builder, "T2 accounts @book:16 journal @book:18; T3 journal @print:31 accounts @print:33");
    model_free(trace_builder_model(builder));
    g_autoptr(GFile) from = g_file_new_for_path(trace_builder_path(builder));
    g_autoptr(GFile) to = g_file_new_for_path(argv[2]);
    g_autoptr(GError) error = NULL;
    bool done = g_file_copy(from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, &error);
    if (!done)
        fprintf(stderr, "%s\n", error->message);
    trace_builder_free(builder);
    return done ? 0 : 1;
}
