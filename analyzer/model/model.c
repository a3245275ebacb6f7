// SPDX-License-Identifier: MIT
// Loads the tables of a trace into memory, indexed by id.
//
//   table:  [NULL, row 1, row 2, NULL, row 4, ...]     ids are dense, so an array is the map
//
// A damaged trace may claim any id: one far beyond the number of rows read so far is refused rather than given memory.
// Blind to what the rows mean together: names and classes of locks are labels.c's, the events merge.c's and replay.c's.
#include "model.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "labels.h"
#include "wire.h"

GQuark model_error_quark(void)
{
    return g_quark_from_static_string("trenza-model-error");
}

#define ID_SLACK (1u << 20)

struct loader {
    struct model *model;
    GArray *symbols; // of the frame being read
    uint32_t symbols_frame;
    struct model_incident *incident;
    GArray *incident_threads;
    GArray *incident_holds;
};

const char *model_string(struct model *model, const char *text)
{
    return text ? g_string_chunk_insert_const(model->strings, text) : NULL;
}

static void *model_copy(struct model *model, const void *from, size_t bytes)
{
    void *copy = g_memdup2(from, bytes);
    if (copy)
        g_ptr_array_add(model->blocks, copy);
    return copy;
}

static int table_set(GPtrArray *table, uint32_t id, void *row)
{
    if (id == 0 || id > 2u * table->len + ID_SLACK)
        return -EBADMSG;
    if (id >= table->len)
        g_ptr_array_set_size(table, (int)id + 1);
    table->pdata[id] = row;
    return 0;
}

static int each_process(const struct trace_process *row, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct trace_process *process = model_copy(model, row, sizeof *row);
    process->executable = model_string(model, row->executable);
    process->arguments = model_string(model, row->arguments);
    process->ended_how = model_string(model, row->ended_how);
    process->stopped = model_string(model, row->stopped);
    model->n_processes++;
    return table_set(model->processes, row->id, process);
}

static int each_thread(const struct trace_thread *row, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct model_thread thread = { .row = *row };
    thread.row.name = model_string(model, row->name);
    model->n_threads++;
    model->n_events += row->events;
    model->n_lost += row->lost;
    return table_set(model->threads, row->id, model_copy(model, &thread, sizeof thread));
}

static int each_object(const struct trace_object *row, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct model_object object = { .row = *row };
    object.row.ended_how = model_string(model, row->ended_how);
    object.row.shared_key = model_string(model, row->shared_key);
    object.row.name = model_string(model, row->name);
    model->n_objects++;
    return table_set(model->objects, row->id, model_copy(model, &object, sizeof object));
}

static int each_module(const struct trace_module *row, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct trace_module *module = model_copy(model, row, sizeof *row);
    module->path = model_string(model, row->path);
    module->build_id = model_string(model, row->build_id);
    return table_set(model->modules, row->id, module);
}

static int each_frame(const struct trace_frame *row, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct model_frame frame = { .row = *row };
    return table_set(model->frames, row->id, model_copy(model, &frame, sizeof frame));
}

static void finish_symbols(struct loader *loader)
{
    struct model_frame *frame = model_row(loader->model->frames, loader->symbols_frame);
    if (frame && loader->symbols->len) {
        size_t bytes = loader->symbols->len * sizeof(struct model_symbol);
        frame->symbols = model_copy(loader->model, loader->symbols->data, bytes);
        frame->n_symbols = loader->symbols->len;
    }
    g_array_set_size(loader->symbols, 0);
}

static int each_symbol(const struct trace_symbol *row, void *data)
{
    struct loader *loader = data;
    if (row->frame_id != loader->symbols_frame) {
        finish_symbols(loader);
        loader->symbols_frame = row->frame_id;
    }
    struct model_symbol symbol = {
        .function = model_string(loader->model, row->function),
        .file = model_string(loader->model, row->file),
        .function_offset = row->function_offset,
        .line = row->line,
        .inlined = row->inlined,
    };
    g_array_append_val(loader->symbols, symbol);
    return 0;
}

static int each_stack(uint32_t id, const uint32_t *frames, size_t depth, bool truncated, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct model_stack stack = {
        .id = id,
        .depth = (unsigned)depth,
        .truncated = truncated,
        .frames = model_copy(model, frames, depth * sizeof *frames),
    };
    return table_set(model->stacks, id, model_copy(model, &stack, sizeof stack));
}

static int each_source(const char *file, int64_t line, const char *text, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    char *key = g_strdup_printf("%s:%" G_GINT64_FORMAT, file, line);
    g_hash_table_insert(model->sources, key, (char *)model_string(model, text));
    return 0;
}

static int each_coverage(uint32_t process_id, const char *what, const char *detail, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct model_coverage coverage = {
        .process_id = process_id,
        .what = model_string(model, what),
        .detail = model_string(model, detail),
    };
    g_ptr_array_add(model->coverage, model_copy(model, &coverage, sizeof coverage));
    return 0;
}

static int each_incident(uint32_t id, int64_t ticks, const char *what, void *data)
{
    struct model *model = ((struct loader *)data)->model;
    struct model_incident incident = { .id = id, .ticks = ticks, .what = model_string(model, what) };
    g_ptr_array_add(model->incidents, model_copy(model, &incident, sizeof incident));
    return 0;
}

static int each_incident_thread(const struct trace_incident_thread *row, void *data)
{
    struct loader *loader = data;
    struct trace_incident_thread thread = *row;
    thread.request = model_string(loader->model, row->request);
    g_array_append_val(loader->incident_threads, thread);
    return 0;
}

static int each_incident_hold(const struct trace_incident_hold *row, void *data)
{
    g_array_append_vals(((struct loader *)data)->incident_holds, row, 1);
    return 0;
}

static int load_incident(struct loader *loader, struct model_incident *incident)
{
    struct model *model = loader->model;
    g_array_set_size(loader->incident_threads, 0);
    g_array_set_size(loader->incident_holds, 0);
    int r = store_each_incident_thread(model->store, incident->id, each_incident_thread, loader);
    if (r == 0)
        r = store_each_incident_hold(model->store, incident->id, each_incident_hold, loader);
    if (r != 0)
        return r;
    incident->n_threads = loader->incident_threads->len;
    incident->threads = model_copy(model, loader->incident_threads->data,
        loader->incident_threads->len * sizeof(struct trace_incident_thread));
    incident->n_holds = loader->incident_holds->len;
    incident->holds = model_copy(model, loader->incident_holds->data,
        loader->incident_holds->len * sizeof(struct trace_incident_hold));
    return 0;
}

static int load_tables(struct loader *loader)
{
    struct store *store = loader->model->store;
    int r = store_each_process(store, each_process, loader);
    if (r == 0)
        r = store_each_thread(store, each_thread, loader);
    if (r == 0)
        r = store_each_object(store, each_object, loader);
    if (r == 0)
        r = store_each_module(store, each_module, loader);
    if (r == 0)
        r = store_each_frame(store, each_frame, loader);
    if (r == 0)
        r = store_each_symbol(store, each_symbol, loader);
    finish_symbols(loader);
    if (r == 0)
        r = store_each_stack(store, each_stack, loader);
    if (r == 0)
        r = store_each_source(store, each_source, loader);
    if (r == 0)
        r = store_each_coverage(store, each_coverage, loader);
    if (r == 0)
        r = store_each_incident(store, each_incident, loader);
    for (unsigned i = 0; r == 0 && i < loader->model->incidents->len; i++)
        r = load_incident(loader, loader->model->incidents->pdata[i]);
    return r;
}

// meta's JSON array of strings as a vector; anything else gives an empty one.
static char **parse_command_line(const char *json)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(JsonParser) parser = json_parser_new();
    if (json && json_parser_load_from_data(parser, json, -1, NULL)) {
        JsonNode *root = json_parser_get_root(parser);
        JsonArray *array = root && JSON_NODE_HOLDS_ARRAY(root) ? json_node_get_array(root) : NULL;
        for (unsigned i = 0; array && i < json_array_get_length(array); i++) {
            JsonNode *word = json_array_get_element(array, i);
            if (JSON_NODE_HOLDS_VALUE(word) && json_node_get_value_type(word) == G_TYPE_STRING)
                g_ptr_array_add(words, g_strdup(json_node_get_string(word)));
        }
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), false);
}

static const char *meta_text(struct model *model, const char *name)
{
    char *text = store_get_text(model->store, name);
    const char *copy = model_string(model, text ? text : "");
    free(text);
    return copy;
}

static void load_meta(struct model *model)
{
    model->ended = meta_text(model, "ended");
    model->working_directory = meta_text(model, "working_directory");
    model->confirmed = meta_text(model, "confirmed");
    model->not_confirmed = meta_text(model, "not_confirmed");
    model->command_line = parse_command_line(meta_text(model, "command_line"));
    model->exit_status = (int)store_get_number(model->store, "exit_status", -1);
    model->complete = store_get_number(model->store, "complete", 0) == 1;
    model->ticks_per_second = store_get_number(model->store, "ticks_per_second", 0);
    if (model->ticks_per_second <= 0)
        model->ticks_per_second = 1000000000;
    model->ns_per_tick = 1e9 / (double)model->ticks_per_second;
}

static struct model *model_new(struct store *store)
{
    struct model *model = g_new0(struct model, 1);
    model->store = store;
    model->processes = g_ptr_array_new();
    model->threads = g_ptr_array_new();
    model->objects = g_ptr_array_new();
    model->modules = g_ptr_array_new();
    model->frames = g_ptr_array_new();
    model->stacks = g_ptr_array_new();
    model->incidents = g_ptr_array_new();
    model->coverage = g_ptr_array_new();
    model->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    model->strings = g_string_chunk_new(4096);
    model->blocks = g_ptr_array_new_with_free_func(g_free);
    return model;
}

struct model *model_load(struct store *store, GError **error)
{
    struct model *model = model_new(store);
    struct loader loader = {
        .model = model,
        .symbols = g_array_new(false, false, sizeof(struct model_symbol)),
        .incident_threads = g_array_new(false, false, sizeof(struct trace_incident_thread)),
        .incident_holds = g_array_new(false, false, sizeof(struct trace_incident_hold)),
    };
    load_meta(model);
    int r = load_tables(&loader);
    g_array_unref(loader.symbols);
    g_array_unref(loader.incident_threads);
    g_array_unref(loader.incident_holds);
    if (r != 0) {
        const char *message = store_message(store);
        g_set_error(error, MODEL_ERROR, MODEL_ERROR_TRACE, "%s",
            message && *message ? message : "the trace is damaged: its tables do not fit together");
        model_free(model);
        return NULL;
    }
    labels_make(model);
    return model;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    GPtrArray *tables[] = { model->processes, model->threads, model->objects, model->modules, model->frames,
        model->stacks, model->incidents, model->coverage, model->blocks };
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        g_ptr_array_unref(tables[i]);
    g_hash_table_unref(model->sources);
    g_string_chunk_free(model->strings);
    g_strfreev(model->command_line);
    g_free(model);
}

const char *model_source(const struct model *model, const char *file, int64_t line)
{
    if (!file)
        return NULL;
    g_autofree char *key = g_strdup_printf("%s:%" G_GINT64_FORMAT, file, line);
    return g_hash_table_lookup(model->sources, key);
}

const char *model_call_name(uint32_t number)
{
    static const char *const calls[WIRE_CALLS] = {
#define TRENZA_BLOCKING_CALL(name) [WIRE_CALL_##name] = #name,
#include "blocking_list.h"
#undef TRENZA_BLOCKING_CALL
    };
    return number < WIRE_CALLS ? calls[number] : NULL;
}

bool model_subject_is_thread(unsigned kind)
{
    switch (kind) {
    case EVENT_THREAD_START:
    case EVENT_THREAD_END:
    case EVENT_THREAD_NAME:
    case EVENT_CREATE:
    case EVENT_CREATE_FAILED:
    case EVENT_JOIN_REQUEST:
    case EVENT_JOIN:
    case EVENT_JOIN_FAILED:
    case EVENT_DETACH:
    case EVENT_CANCEL:
        return true;
    default:
        return false;
    }
}
