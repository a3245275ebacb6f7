// SPDX-License-Identifier: MIT
// Looks at /proc for descendants that are not recorded. A process that has just been begun may still come: only what is
// seen twice, a second apart, is told.
//
// Blind spots: processes of other users, whose /proc is closed; what begins and ends between two looks and passes none of our hooks.
#include "strangers.h"

#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "proc.h"
#include "program.h"

#define SECOND_NS INT64_C(1000000000)
#define SHARE 100 // a look every SHARE times as long as it takes

enum { SEEN_ONCE = 1, TOLD = 2 };

void strangers_init(struct strangers *strangers, const struct attach *attach, int64_t now)
{
    *strangers = (struct strangers){
        .attach = attach,
        .seen = g_hash_table_new(NULL, NULL),
        .look_at = now + SECOND_NS,
    };
}

void strangers_done(struct strangers *strangers)
{
    if (strangers->seen)
        g_hash_table_destroy(strangers->seen);
    strangers->seen = NULL;
}

// A variable's value in the environment a process began with; NULL: it has none, or it is not to be found out.
static const char *value_of(const char *environment, gsize size, const char *name)
{
    for (gsize at = 0; at < size; at += strlen(environment + at) + 1)
        if (g_str_has_prefix(environment + at, name))
            return environment + at + strlen(name);
    return NULL;
}

static enum wire_unseen why(const struct strangers *strangers, pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/exe", (int)pid);
    enum wire_unseen unseen = program_unseen(path);
    if (unseen != WIRE_SEEN)
        return unseen;
    g_autofree char *file = g_strdup_printf("/proc/%d/environ", (int)pid);
    g_autofree char *environment = NULL;
    gsize size = 0;
    if (!g_file_get_contents(file, &environment, &size, NULL))
        return WIRE_SEEN;
    const char *session = value_of(environment, size, WIRE_SESSION_ENV "=");
    const char *preload = value_of(environment, size, "LD_PRELOAD=");
    if (session && strcmp(session, strangers->attach->session->socket_path) != 0)
        return WIRE_SEEN; // of a recording inside this one
    return session && preload ? WIRE_SEEN : WIRE_UNSEEN_ENVIRONMENT;
}

// A process that is made by a system call of its own, and takes no lock, does not come either: without a reason nothing is
// said.
static void tell(const struct strangers *strangers, pid_t pid, const char *executable)
{
    struct wire_notice notice = {
        .hello.pid = (uint32_t)pid,
        .hello.parent_pid = (uint32_t)proc_parent(pid),
        .unseen = why(strangers, pid),
    };
    g_autofree char *name = g_path_get_basename(executable);
    strncpy(notice.name, name, sizeof notice.name - 1);
    if (notice.unseen != WIRE_SEEN)
        drain_add_unseen(strangers->attach->drain, &notice);
}

// Known by its pid, it may have become another program without a word. The file may have got " (deleted)" behind its name.
static bool is_stranger(const struct strangers *strangers, pid_t pid, const char *executable)
{
    const char *recorded;
    return !attach_knows(strangers->attach, pid, &recorded) ||
           (recorded && !g_str_has_prefix(executable, recorded));
}

static void look(struct strangers *strangers)
{
    g_autoptr(GArray) pids = proc_descendants(getpid());
    GHashTable *seen = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < pids->len; i++) {
        pid_t pid = g_array_index(pids, pid_t, i);
        gpointer key = GINT_TO_POINTER(pid);
        g_autofree char *executable = proc_executable(pid);
        if (!executable || !is_stranger(strangers, pid, executable))
            continue;
        int before = GPOINTER_TO_INT(g_hash_table_lookup(strangers->seen, key));
        if (before == SEEN_ONCE)
            tell(strangers, pid, executable);
        g_hash_table_insert(seen, key, GINT_TO_POINTER(before ? TOLD : SEEN_ONCE));
    }
    g_hash_table_destroy(strangers->seen);
    strangers->seen = seen;
}

void strangers_keep_time(struct strangers *strangers, int64_t now)
{
    if (now < strangers->look_at)
        return;
    look(strangers);
    int64_t took = clock_now_ns() - now;
    strangers->look_at = now + MAX(SECOND_NS, took * SHARE);
}
