// SPDX-License-Identifier: MIT
// An earlier report is read as the JSON it is; an earlier trace is analysed again, by today's detectors, so that a new
// version of Trenza does not call old findings new. A cycle that could not happen then is no excuse for one that can now.
#include "baseline.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "analysis.h"

#define REPORT_SCHEMA "trenza-report/1"

#define IMPOSSIBLE "impossible"

static void add_id(GHashTable *ids, const char *id, const char *verdict)
{
    bool impossible = g_strcmp0(verdict, IMPOSSIBLE) == 0;
    g_hash_table_add(ids, impossible ? g_strdup_printf(IMPOSSIBLE " %s", id) : g_strdup(id));
}

static bool fail(const char *path, const char *why, GError **error)
{
    g_set_error(
        error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'%s' is neither a JSON report nor a trace: %s", path, why);
    return false;
}

static JsonObject *object_of(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static const char *string_of(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;
    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

static bool read_report(const char *path, const char *text, size_t length, GHashTable *ids, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) why = NULL;
    if (!json_parser_load_from_data(parser, text, (ssize_t)length, &why))
        return fail(path, why->message, error);
    JsonObject *root = object_of(json_parser_get_root(parser));
    JsonNode *findings = root ? json_object_get_member(root, "findings") : NULL;
    if (g_strcmp0(string_of(root, "schema"), REPORT_SCHEMA) != 0 || !findings ||
        !JSON_NODE_HOLDS_ARRAY(findings))
        return fail(path, "its schema is not " REPORT_SCHEMA, error);
    JsonArray *array = json_node_get_array(findings);
    for (unsigned i = 0; i < json_array_get_length(array); i++) {
        JsonObject *finding = object_of(json_array_get_element(array, i));
        const char *id = string_of(finding, "id");
        if (!id)
            return fail(path, "a finding lacks its id", error);
        add_id(ids, id, string_of(finding, "verdict"));
    }
    return true;
}

static bool read_trace(const char *path, GHashTable *ids, GError **error)
{
    struct analysis *analysis = analysis_open(path, error);
    bool good = analysis && analysis_run(analysis, true, false, error);
    for (unsigned i = 0; good && i < analysis->result->findings->all->len; i++) {
        const struct finding *finding = analysis->result->findings->all->pdata[i];
        add_id(ids, finding->id, finding->verdict);
    }
    analysis_free(analysis);
    return good;
}

bool baseline_read(const char *path, GHashTable *ids, GError **error)
{
    static const char magic[] = "SQLite format 3";
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, false, error);
    if (!file)
        return false;
    size_t length = g_mapped_file_get_length(file);
    const char *text = g_mapped_file_get_contents(file);
    if (length >= sizeof magic && memcmp(text, magic, sizeof magic) == 0)
        return read_trace(path, ids, error);
    return read_report(path, text ? text : "", length, ids, error);
}

void baseline_apply(GHashTable *ids, struct finding_list *list)
{
    for (unsigned i = 0; i < list->all->len; i++) {
        struct finding *finding = list->all->pdata[i];
        g_autofree char *impossible = g_strdup_printf(IMPOSSIBLE " %s", finding->id);
        finding->baseline =
            g_hash_table_contains(ids, finding->id) ||
            (g_strcmp0(finding->verdict, IMPOSSIBLE) == 0 && g_hash_table_contains(ids, impossible));
    }
}
