// SPDX-License-Identifier: MIT
// Names for a finished trace. The trace remembers that it has them ("symbolized" in meta).
#include "finish.h"

#include <stdlib.h>

#include "model.h"
#include "store.h"
#include "symbolize.h"

static bool fail(struct store *store, GError **error)
{
    const char *message = store ? store_message(store) : NULL;
    g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s", message && *message ? message : "out of memory");
    store_close(store);
    return false;
}

bool finish_trace(const char *path, GError **error)
{
    struct store *store = NULL;
    if (store_open(path, true, &store) < 0)
        return fail(store, error);
    bool done = store_get_number(store, "symbolized", 0) != 0;
    store_close(store);
    if (done)
        return true;

    store = NULL;
    if (store_open(path, false, &store) < 0)
        return fail(store, error);
    if (!symbolize_trace(store, NULL, error)) {
        store_close(store);
        return false;
    }
    if (store_set_number(store, "symbolized", 1) < 0 || store_commit(store) < 0)
        return fail(store, error);
    if (store_close(store) < 0) {
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "cannot write '%s'", path);
        return false;
    }
    return true;
}
