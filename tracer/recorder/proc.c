// SPDX-License-Identifier: MIT
// What /proc says about processes. Everything may be gone the moment after: a missing file is no error.
#include "proc.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

char *proc_executable(pid_t pid)
{
    char link[64], path[PATH_MAX + 1];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0)
        return NULL;
    path[size] = 0;
    return g_strdup(path);
}

static void append_json_string(GString *json, const char *string)
{
    g_autofree char *valid = g_utf8_make_valid(string, -1);
    g_string_append_c(json, '"');
    for (const char *at = valid; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\')
            g_string_append_printf(json, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            g_string_append_printf(json, "\\u%04x", byte);
        else
            g_string_append_c(json, *at);
    }
    g_string_append_c(json, '"');
}

char *json_from_strings(const char *const *strings, size_t n)
{
    GString *json = g_string_new("[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            g_string_append(json, ", ");
        append_json_string(json, strings[i]);
    }
    g_string_append_c(json, ']');
    return g_string_free(json, FALSE);
}

char *proc_arguments(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", (int)pid);
    g_autofree char *words = NULL;
    gsize size = 0;
    if (!g_file_get_contents(path, &words, &size, NULL))
        return NULL;
    g_autoptr(GPtrArray) strings = g_ptr_array_new();
    for (gsize at = 0; at < size; at += strlen(words + at) + 1)
        g_ptr_array_add(strings, words + at);
    return json_from_strings((const char *const *)strings->pdata, strings->len);
}

bool proc_catches(pid_t pid, int signal_number)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *text = NULL;
    const char *line = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, "\nSigCgt:") : NULL;
    guint64 caught = line ? g_ascii_strtoull(line + strlen("\nSigCgt:"), NULL, 16) : 0;
    return caught >> (signal_number - 1) & 1;
}

// The parent's pid, or 0. The name in the second field may hold anything, also spaces and brackets.
static pid_t parent_of(const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
    g_autofree char *line = NULL;
    int parent = 0;
    if (!g_file_get_contents(path, &line, NULL, NULL))
        return 0;
    const char *after_name = strrchr(line, ')');
    if (!after_name || sscanf(after_name, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

pid_t proc_parent(pid_t pid)
{
    g_autofree char *name = g_strdup_printf("%d", (int)pid);
    return parent_of(name);
}

struct kinship {
    pid_t pid;
    pid_t parent;
};

static GArray *all_processes(void)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(struct kinship));
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *name;
    while (proc && (name = g_dir_read_name(proc))) {
        if (!g_ascii_isdigit(name[0]))
            continue;
        struct kinship kinship = { atoi(name), parent_of(name) };
        if (kinship.parent)
            g_array_append_val(all, kinship);
    }
    return all;
}

bool proc_has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

GArray *proc_descendants(pid_t ancestor)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(pid_t));
    // Looking at every process of a machine takes longer than a short recording's all.
    if (ancestor == getpid() && !proc_has_children())
        return found;
    g_autoptr(GArray) all = all_processes();
    g_array_append_val(found, ancestor);
    for (guint i = 0; i < found->len; i++)
        for (guint k = 0; k < all->len; k++) {
            const struct kinship *kinship = &g_array_index(all, struct kinship, k);
            if (kinship->parent == g_array_index(found, pid_t, i) && kinship->pid != ancestor)
                g_array_append_val(found, kinship->pid);
        }
    g_array_remove_index(found, 0);
    return found;
}

static uint32_t innermost_pid(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *text = NULL;
    char *line = g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, "\nNSpid:") : NULL;
    if (!line)
        return 0;
    line[1 + strcspn(line + 1, "\n")] = 0;
    const char *last = strrchr(line, '\t');
    return last ? (uint32_t)strtoul(last + 1, NULL, 10) : 0;
}

pid_t proc_child(pid_t parent, uint32_t own_pid)
{
    g_autoptr(GArray) pids = proc_descendants(parent);
    for (guint i = 0; i < pids->len; i++)
        if (innermost_pid(g_array_index(pids, pid_t, i)) == own_pid)
            return g_array_index(pids, pid_t, i);
    return 0;
}
