// SPDX-License-Identifier: MIT
// Opening and analysing traces.
#include "analysis.h"

#include <errno.h>
#include <string.h>

#include "finish.h"
#include "united_runs.h"

static struct store *open_store(const char *path, GError **error)
{
    struct store *store = NULL;
    int r = store_open(path, true, &store);
    if (r == 0)
        return store;
    const char *message = store ? store_message(store) : NULL;
    if (message && *message)
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s", message);
    else
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "cannot open '%s': %s", path, strerror(-r));
    store_close(store);
    return NULL;
}

static struct model *load(const char *path, struct store **ret_store, GError **error)
{
    struct store *store = open_store(path, error);
    struct model *model = store ? model_load(store, error) : NULL;
    if (model)
        *ret_store = store;
    else
        store_close(store);
    return model;
}

struct analysis *analysis_open(const char *path, GError **error)
{
    struct store *store = NULL;
    struct model *model = load(path, &store, error);
    if (model && !store_get_number(store, "symbolized", 0)) {
        // Only now that it has proved to be whole is it written to. One that cannot be is still worth reading without names.
        model_free(model);
        store_close(store);
        finish_trace(path, NULL);
        model = load(path, &store, error);
    }
    if (!model)
        return NULL;
    struct analysis *analysis = g_new0(struct analysis, 1);
    analysis->path = g_strdup(path);
    analysis->store = store;
    analysis->model = model;
    return analysis;
}

bool analysis_run(struct analysis *analysis, bool all, bool among_others, GError **error)
{
    struct detect_options options = { .all = all, .orders = among_others, .processes = true };
    analysis->result = detect_run(analysis->model, &options, error);
    return analysis->result != NULL;
}

void analysis_close_store(struct analysis *analysis)
{
    store_close(analysis->store);
    analysis->store = NULL;
    analysis->model->store = NULL;
}

void analysis_free(struct analysis *analysis)
{
    if (!analysis)
        return;
    detect_result_free(analysis->result);
    model_free(analysis->model);
    store_close(analysis->store);
    g_free(analysis->path);
    g_free(analysis);
}

// What the runs give together and none gives alone.
static void unite(struct report *report, GPtrArray *analyses)
{
    g_autoptr(GPtrArray) runs = g_ptr_array_new();
    for (unsigned i = 0; i < analyses->len; i++) {
        struct analysis *analysis = analyses->pdata[i];
        if (!analysis->result->orders)
            continue;
        analysis->result->orders->name = analysis->path;
        g_ptr_array_add(runs, analysis->result->orders);
    }
    if (runs->len > 1)
        report->united =
            united_runs_find(runs, report->list, &g_array_index(report->runs, struct report_run, 0).left_out);
}

struct report *analysis_report(GPtrArray *analyses, bool all)
{
    struct report *report = g_new0(struct report, 1);
    report->runs = g_array_new(false, true, sizeof(struct report_run));
    report->list = finding_list_new();
    report->all = all;
    report->rules = detect_rules;
    report->fail_on = LEVEL_ERROR;
    for (unsigned i = 0; i < analyses->len; i++) {
        struct analysis *analysis = analyses->pdata[i];
        struct report_run run = {
            .trace = analysis->path,
            .model = analysis->model,
            .counts = analysis->result->counts,
            .left_out = analysis->result->left_out,
        };
        g_array_append_val(report->runs, run);
        finding_list_move(report->list, analysis->result->findings);
    }
    unite(report, analyses);
    finding_list_sort(report->list);
    return report;
}

void analysis_report_free(struct report *report)
{
    if (!report)
        return;
    g_array_unref(report->runs);
    finding_list_free(report->list);
    united_model_free(report->united);
    g_free(report);
}
