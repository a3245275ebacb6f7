// SPDX-License-Identifier: MIT
// Folders are searched to the bottom, links to folders are not followed. Traces share nothing, so each is one job.
#include "traces.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis.h"

#define TRACE_SUFFIX ".db"

// --- finding ---

static bool looks_like_a_trace(const char *path)
{
    static const char magic[] = "SQLite format 3"; // with its NUL
    char head[sizeof magic] = { 0 };
    FILE *file = fopen(path, "re");
    bool is_one =
        file && fread(head, 1, sizeof head, file) == sizeof head && memcmp(head, magic, sizeof magic) == 0;
    if (file)
        fclose(file);
    return is_one;
}

static bool search_folder(const char *folder, GPtrArray *found, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    if (!dir)
        return false;
    const char *name;
    bool good = true;
    while (good && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            good = g_file_test(path, G_FILE_TEST_IS_SYMLINK) || search_folder(path, found, error);
        else if (g_str_has_suffix(name, TRACE_SUFFIX) && looks_like_a_trace(path))
            g_ptr_array_add(found, g_steal_pointer(&path));
    }
    return good;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_folder(const char *folder, GPtrArray *paths, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    bool good = search_folder(folder, found, error);
    if (good && !found->len) {
        g_set_error(
            error, MODEL_ERROR, MODEL_ERROR_TRACE, "there is no trace (*%s) in '%s'", TRACE_SUFFIX, folder);
        good = false;
    }
    g_ptr_array_sort(found, compare_paths);
    for (unsigned i = 0; i < found->len; i++)
        g_ptr_array_add(paths, found->pdata[i]);
    return good;
}

GPtrArray *traces_find(char **operands, GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    for (; *operands; operands++) {
        if (!g_file_test(*operands, G_FILE_TEST_IS_DIR))
            g_ptr_array_add(paths, g_strdup(*operands));
        else if (!add_folder(*operands, paths, error))
            return NULL;
    }
    return g_steal_pointer(&paths);
}

// --- analysing ---

struct jobs {
    const GPtrArray *paths;
    struct analysis **analyses; // each job writes its own
    GError **errors;
    bool all;
    bool tells_progress;
    int done;   // atomic
    int failed; // atomic; once set, jobs that wait are not begun
};

static void analyse(void *number, void *data)
{
    struct jobs *jobs = data;
    unsigned i = GPOINTER_TO_UINT(number) - 1;
    if (g_atomic_int_get(&jobs->failed))
        return;
    struct analysis *analysis = analysis_open(jobs->paths->pdata[i], &jobs->errors[i]);
    jobs->analyses[i] = analysis;
    if (!analysis || !analysis_run(analysis, jobs->all, jobs->paths->len > 1, &jobs->errors[i]))
        g_atomic_int_set(&jobs->failed, 1);
    if (analysis)
        analysis_close_store(analysis);
    int done = g_atomic_int_add(&jobs->done, 1) + 1;
    if (jobs->tells_progress)
        fprintf(stderr, "\rtrenza: %d of %u traces", done, jobs->paths->len);
}

static void run_jobs(struct jobs *jobs)
{
    unsigned count = jobs->paths->len;
    unsigned at_once = MIN(g_get_num_processors(), count);
    GThreadPool *pool = at_once > 1 ? g_thread_pool_new(analyse, jobs, (int)at_once, false, NULL) : NULL;
    for (unsigned i = 0; i < count; i++) {
        if (pool)
            g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
        else
            analyse(GUINT_TO_POINTER(i + 1), jobs);
    }
    if (pool)
        g_thread_pool_free(pool, false, true);
    if (jobs->tells_progress)
        fprintf(stderr, "\r\033[K");
}

static void free_analysis(void *analysis)
{
    analysis_free(analysis);
}

GPtrArray *traces_analyse(const GPtrArray *paths, bool all, GError **error)
{
    struct jobs jobs = {
        .paths = paths,
        .analyses = g_new0(struct analysis *, paths->len),
        .errors = g_new0(GError *, paths->len),
        .all = all,
        .tells_progress = paths->len > 1 && isatty(STDERR_FILENO),
    };
    run_jobs(&jobs);
    GPtrArray *analyses = g_ptr_array_new_with_free_func(free_analysis);
    GError *first = NULL;
    for (unsigned i = 0; i < paths->len; i++) {
        if (jobs.analyses[i])
            g_ptr_array_add(analyses, jobs.analyses[i]);
        if (jobs.errors[i] && !first)
            first = jobs.errors[i];
        else
            g_clear_error(&jobs.errors[i]);
    }
    g_free(jobs.analyses);
    g_free(jobs.errors);
    if (!first)
        return analyses;
    g_ptr_array_unref(analyses);
    g_propagate_error(error, first);
    return NULL;
}
