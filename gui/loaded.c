// SPDX-License-Identifier: MIT
// Loading in two steps: first what can be looked at, then what was found in it.
#include "loaded.h"

#include <string.h>

#include "scene.h"
#include "story.h"

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

bool loaded_analyse(struct loaded *loaded, GError **error)
{
    struct detect_options options = { .all = true, .processes = true };
    struct detect_result *result = detect_run(loaded->file->model, &options, error);
    if (!result)
        return false;
    GArray *marks = g_array_new(false, false, sizeof(struct scene_mark));
    for (unsigned i = 0; i < result->findings->all->len; i++) {
        const struct finding *finding = result->findings->all->pdata[i];
        g_autoptr(GArray) places = story_locate(loaded->timeline, result->united, finding);
        double from;
        double to;
        if (loaded_is_shown(finding) && story_range(places, &from, &to)) {
            struct scene_mark mark = { finding, from };
            g_array_append_val(marks, mark);
        }
    }
    loaded->marks = marks;
    loaded->result = result;
    return true;
}

static void clear(void *data)
{
    struct loaded *loaded = data;
    if (loaded->marks)
        g_array_unref(loaded->marks);
    detect_result_free(loaded->result);
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
