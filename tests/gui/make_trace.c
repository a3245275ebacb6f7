// SPDX-License-Identifier: MIT
// Writes a trace that is the same every time: make_trace KIND OUT.
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "trace_builder.h"

struct kind {
    const char *name;
    const char *script;
    const char *deadlock; // NULL: none
};
static const struct kind kinds[] = {
    { "deadlock",
        "T1 create T2; T1 create T3; T2 acquire accounts @book:16; T3 acquire journal @print:31;"
        "T1 acquire log @main:40; T1 cond-wait news log @main:41; T3 acquire log @print:32; T3 cond-signal "
        "news "
        "@print:33;"
        "T3 release log; T1 cond-wake news log @main:41; T1 release log; T1 join-request T2 @main:47;"
        "T2 request journal @book:18; T3 request accounts @print:33",
        "T2 accounts @book:16 journal @book:18; T3 journal @print:31 accounts @print:33" },
    { "quiet",
        "T1 create T2; T2 acquire a @work:5; T1 request a @main:9; T2 release a; T1 acquire a @main:9; T1 "
        "release "
        "a; T2 thread-end; T1 join-request T2 @main:12; T1 join T2",
        NULL },
    // Each waits for the next one.
    { "chain",
        "T1 create T2; T1 create T3; T1 create T4; T2 acquire a @dine:10; T3 acquire b @dine:10; T4 acquire "
        "c "
        "@dine:10; T2 request b @dine:12; T3 request c @dine:12; T4 request a @dine:12",
        "T2 a @dine:10 b @dine:12; T3 b @dine:10 c @dine:12; T4 c @dine:10 a @dine:12" },
    // Both orders, under a common outer lock.
    { "gate",
        "T1 create T2; T1 create T3; T2 acquire gate @left:1; T2 acquire a @left:2; T2 acquire b @left:3; T2 "
        "release "
        "b; T2 release a; T2 release gate; T3 acquire gate @right:1; T3 acquire b @right:2; T3 acquire a "
        "@right:3; "
        "T3 release a; T3 release b; T3 release gate",
        NULL },
    // A cycle that can happen, by two ways of taking one of its orders, and a lock unlocked by nobody who holds it.
    { "several",
        "T1 create T2; T1 create T3; T2 acquire first @down:1; T2 acquire second @down:2; T2 release second; "
        "T2 "
        "release first; T2 acquire first @down:5; T2 acquire second @down:6; T2 release second; T2 release "
        "first; "
        "T3 acquire second @up:1; T3 acquire first @up:2; T3 release first; T3 release second; T1 acquire "
        "lonely "
        "@main:8; T1 release lonely; T1 release lonely @main:9",
        NULL },
    // Many wait for one at the same time.
    { "queue",
        "T1 create T2; T1 create T3; T1 create T4; T1 acquire door @main:1; T2 request door @come:2; T3 "
        "request door "
        "@come:2; T4 request door @come:2; T1 release door; T2 acquire door; T2 release door; T3 acquire "
        "door; T3 "
        "release door; T4 acquire door; T4 release door",
        NULL },
};

int main(int argc, char **argv)
{
    const struct kind *kind = kinds;
    while (argc == 3 && kind < kinds + G_N_ELEMENTS(kinds) && strcmp(argv[1], kind->name) != 0)
        kind++;
    if (argc != 3 || kind == kinds + G_N_ELEMENTS(kinds))
        return 2;
    struct trace_builder *builder = trace_builder_new();
    trace_builder_object(builder, "news", OBJECT_COND, 0, 0);
    trace_builder_script(builder, kind->script);
    if (kind->deadlock)
        trace_builder_deadlock(builder, kind->deadlock);
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
