// SPDX-License-Identifier: MIT
// /proc/PID/task/TID/{stat,syscall}, status and maps. Everything may have changed the moment after, so callers look twice.
// Blind where the kernel hides `syscall` (another user's process, a hardened container): nothing is claimed there.
#include "tasks.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *read_file(const char *path)
{
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

// 'S', 'R' ...; 0: not to be found out. The name in the second field may hold anything.
static char state_of(pid_t pid, uint32_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%u/stat", (int)pid, tid);
    g_autofree char *line = read_file(path);
    const char *after_name = line ? strrchr(line, ')') : NULL;
    return after_name && after_name[1] == ' ' ? after_name[2] : 0;
}

static size_t size_of(enum object_kind kind)
{
    static const size_t sizes[OBJECT_KINDS] = {
        [OBJECT_MUTEX] = sizeof(pthread_mutex_t),
        [OBJECT_RWLOCK] = sizeof(pthread_rwlock_t),
        [OBJECT_COND] = sizeof(pthread_cond_t),
        [OBJECT_BARRIER] = sizeof(pthread_barrier_t),
        [OBJECT_SEMAPHORE] = sizeof(sem_t),
        [OBJECT_ONCE] = sizeof(pthread_once_t),
    };
    return kind < OBJECT_KINDS ? sizes[kind] : 0;
}

bool task_exists(pid_t pid, uint32_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%u", (int)pid, tid);
    return access(path, F_OK) == 0;
}

bool task_is_hidden(pid_t pid, uint32_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%u/syscall", (int)pid, tid);
    g_autofree char *line = read_file(path);
    return !line && task_exists(pid, tid);
}

bool task_sleeps_on(pid_t pid, uint32_t tid, uint64_t address, enum object_kind kind)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%u/syscall", (int)pid, tid);
    g_autofree char *line = read_file(path);
    long number;
    unsigned long word;
    if (!line || sscanf(line, "%ld 0x%lx", &number, &word) != 2 || number != SYS_futex)
        return false;
    return (address == 0 || (word >= address && word - address < size_of(kind))) && state_of(pid, tid) == 'S';
}

bool task_has_unknown(pid_t pid, GHashTable *known)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)pid);
    g_autoptr(GDir) tasks = g_dir_open(path, 0, NULL);
    if (!tasks)
        return true;
    const char *name;
    while ((name = g_dir_read_name(tasks))) {
        uint32_t tid = (uint32_t)g_ascii_strtoull(name, NULL, 10);
        if (g_hash_table_contains(known, GUINT_TO_POINTER(tid)))
            continue;
        char state = state_of(pid, tid);
        if (state != 'Z' && state != 'X')
            return true;
    }
    return false;
}

// Those the program's own code raises by a mistake, and those glibc uses itself.
static uint64_t not_from_outside(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, 32, 33 };
    uint64_t mask = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        mask |= UINT64_C(1) << (signals[i] - 1);
    return mask;
}

bool task_handles_signals(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *text = read_file(path);
    const char *line = text ? strstr(text, "\nSigCgt:") : NULL;
    if (!line)
        return true;
    uint64_t caught = g_ascii_strtoull(line + strlen("\nSigCgt:"), NULL, 16);
    return (caught & ~not_from_outside()) != 0;
}

bool task_memory_is_of_family(pid_t pid, uint64_t address)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/maps", (int)pid);
    g_autofree char *text = read_file(path);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) {
        unsigned long start, end;
        if (sscanf(*line, "%lx-%lx", &start, &end) == 2 && address >= start && address < end)
            return strstr(*line, "/dev/zero (deleted)") != NULL;
    }
    return false;
}
