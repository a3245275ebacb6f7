// SPDX-License-Identifier: MIT
// Loading in two steps: first what can be looked at, then what was found in it.
#include "loaded.h"

#include <string.h>

#include "call_stack.h"
#include "scene.h"
#include "story.h"
#include "united_runs.h"

struct loaded_other {
    struct trace_file *file;
    struct detect_result *result;
};

struct loaded *loaded_new(const char *path, work_progress progress, void *data, GError **error)
{
    struct trace_file *file = trace_file_open(path, error);
    if (!file)
        return NULL;
    struct timeline *timeline = timeline_new(file->model, progress, data, error);
    if (!timeline) {
        trace_file_close(file);
        return NULL;
    }
    struct loaded *loaded = g_atomic_rc_box_new0(struct loaded);
    loaded->file = file;
    loaded->timeline = timeline;
    return loaded;
}

bool loaded_is_shown(const struct finding *finding)
{
    return g_strcmp0(finding->verdict, "impossible") != 0;
}

static void free_other(void *data)
{
    struct loaded_other *other = data;
    detect_result_free(other->result);
    trace_file_close(other->file);
    g_free(other);
}

void loaded_compare(struct loaded *loaded, const char *const *other_paths)
{
    g_strfreev(loaded->other_paths);
    loaded->other_paths = g_strdupv((char **)other_paths);
}

static bool read_other(struct loaded *loaded, const char *path, GError **error)
{
    struct detect_options options = { .orders = true };
    struct trace_file *file = trace_file_open(path, error);
    if (!file)
        return false;
    struct loaded_other *other = g_new0(struct loaded_other, 1);
    other->file = file;
    other->result = detect_run(file->model, &options, error);
    g_ptr_array_add(loaded->others, other);
    if (!other->result)
        return false;
    other->result->orders->name = path_base(path);
    return true;
}

// A run that cannot be read is no reason not to show this one.
static void compare_runs(struct loaded *loaded, struct detect_result *result)
{
    g_autoptr(GPtrArray) runs = g_ptr_array_new();
    loaded->others = g_ptr_array_new_with_free_func(free_other);
    result->orders->name = "this run";
    g_ptr_array_add(runs, result->orders);
    for (size_t i = 0; loaded->other_paths[i]; i++) {
        g_autoptr(GError) error = NULL;
        if (!read_other(loaded, loaded->other_paths[i], &error)) {
            g_free(loaded->not_compared);
            loaded->not_compared = g_strdup(error->message);
            continue;
        }
        const struct loaded_other *other = loaded->others->pdata[loaded->others->len - 1];
        g_ptr_array_add(runs, other->result->orders);
    }
    loaded->runs = united_runs_find(runs, result->findings, &result->left_out);
    finding_list_sort(result->findings);
}

const struct united_model *loaded_united(const struct loaded *loaded, const struct finding *finding)
{
    const struct united_model *processes = loaded->result->united;
    bool of_processes = processes && united_model_get(processes) == finding->model;
    bool of_runs = loaded->runs && united_model_get(loaded->runs) == finding->model;
    return of_processes ? processes : of_runs ? loaded->runs : NULL;
}

bool loaded_analyse(struct loaded *loaded, GError **error)
{
    bool compare = loaded->other_paths && loaded->other_paths[0];
    struct detect_options options = { .all = true, .processes = true, .orders = compare };
    struct detect_result *result = detect_run(loaded->file->model, &options, error);
    if (!result)
        return false;
    loaded->result = result;
    if (compare)
        compare_runs(loaded, result);
    GArray *marks = g_array_new(false, false, sizeof(struct scene_mark));
    for (unsigned i = 0; i < result->findings->all->len; i++) {
        const struct finding *finding = result->findings->all->pdata[i];
        g_autoptr(GArray) places = story_locate(loaded->timeline, loaded_united(loaded, finding), finding);
        double from;
        double to;
        if (loaded_is_shown(finding) && story_range(places, &from, &to)) {
            struct scene_mark mark = { finding, from };
            g_array_append_val(marks, mark);
        }
    }
    loaded->marks = marks;
    return true;
}

static void clear(void *data)
{
    struct loaded *loaded = data;
    if (loaded->marks)
        g_array_unref(loaded->marks);
    detect_result_free(loaded->result);
    united_model_free(loaded->runs);
    if (loaded->others)
        g_ptr_array_unref(loaded->others);
    g_free(loaded->not_compared);
    g_strfreev(loaded->other_paths);
    timeline_free(loaded->timeline);
    trace_file_close(loaded->file);
}

struct loaded *loaded_ref(struct loaded *loaded)
{
    return g_atomic_rc_box_acquire(loaded);
}

void loaded_unref(struct loaded *loaded)
{
    if (loaded)
        g_atomic_rc_box_release_full(loaded, clear);
}

const struct finding *loaded_find(const struct loaded *loaded, const char *id)
{
    const GPtrArray *all = loaded->result->findings->all;
    for (unsigned i = 0; i < all->len; i++) {
        const struct finding *finding = all->pdata[i];
        if (id ? g_str_has_prefix(finding->id, id) : loaded_is_shown(finding))
            return finding;
    }
    return NULL;
}
