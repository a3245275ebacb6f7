// SPDX-License-Identifier: MIT
// Names for a finished trace, and findings. The trace remembers that it has names ("symbolized" in meta).
#include "finish.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "model.h"
#include "report.h"
#include "store.h"
#include "symbolize.h"

static bool fail(struct store *store, GError **error)
{
    const char *message = store ? store_message(store) : NULL;
    g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s", message && *message ? message : "out of memory");
    store_close(store);
    return false;
}

static bool close_store(struct store *store, const char *path, GError **error)
{
    if (store_close(store) >= 0)
        return true;
    g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "cannot write '%s'", path);
    return false;
}

static int64_t own_processor_time_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

// has_recorded: by this process.
static bool finish_and_close(struct store *store, const char *path, bool has_recorded, GError **error)
{
    if (!symbolize_trace(store, NULL, error)) {
        store_close(store);
        return false;
    }
    if (store_set_number(store, "symbolized", 1) < 0 ||
        (has_recorded && store_set_number(store, "recorder_cpu_us", own_processor_time_us()) < 0) ||
        store_commit(store) < 0)
        return fail(store, error);
    return close_store(store, path, error);
}

bool finish_open_trace(struct store *store, const char *path, GError **error)
{
    return finish_and_close(store, path, true, error);
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
    return finish_and_close(store, path, false, error);
}

static int put_finding(struct store *store, const struct finding *finding)
{
    g_autofree char *json = report_json_finding(finding);
    return store_put_finding(store, finding->id, finding->rule->id, finding->verdict,
        finding_level_name(finding->level), finding->message, json);
}

// What the analysis of this trace shall know of steered re-runs.
static int put_steering(struct store *store, const struct finding_list *list)
{
    g_autoptr(GString) reached = g_string_new(NULL);
    g_autoptr(GString) missed = g_string_new(NULL);
    for (unsigned i = 0; i < list->all->len; i++) {
        const struct finding *finding = list->all->pdata[i];
        GString *ids = strcmp(finding->verdict ? finding->verdict : "", "confirmed") == 0 ? reached : missed;
        if (finding->steered)
            g_string_append_printf(ids, "%s%s", ids->len ? " " : "", finding->id);
    }
    int r = reached->len ? store_set_text(store, "confirmed", reached->str) : 0;
    return r >= 0 && missed->len ? store_set_text(store, "not_confirmed", missed->str) : r;
}

bool store_findings(const char *path, const struct finding_list *list, GError **error)
{
    struct store *store = NULL;
    if (store_open(path, false, &store) < 0)
        return fail(store, error);
    int r = store_clear_findings(store);
    for (unsigned i = 0; r >= 0 && i < list->all->len; i++)
        r = put_finding(store, list->all->pdata[i]);
    r = r >= 0 ? put_steering(store, list) : r;
    if (r < 0 || store_commit(store) < 0)
        return fail(store, error);
    return close_store(store, path, error);
}
