// SPDX-License-Identifier: MIT
// Opening a trace read-only, with an error that can be shown to people as it is.
#include "trace_file.h"

#include <string.h>

struct trace_file *trace_file_open(const char *path, GError **error)
{
    struct store *store = NULL;
    int r = store_open(path, true, &store);
    if (r < 0) {
        const char *message = store ? store_message(store) : NULL;
        if (message && *message)
            g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s", message);
        else
            g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "cannot open '%s': %s", path, strerror(-r));
        store_close(store);
        return NULL;
    }
    struct model *model = model_load(store, error);
    if (!model) {
        store_close(store);
        return NULL;
    }
    struct trace_file *file = g_new0(struct trace_file, 1);
    file->path = g_strdup(path);
    file->store = store;
    file->model = model;
    return file;
}

void trace_file_close(struct trace_file *file)
{
    if (!file)
        return;
    model_free(file->model);
    store_close(file->store);
    g_free(file->path);
    g_free(file);
}
