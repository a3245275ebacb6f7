// SPDX-License-Identifier: MIT
// Copies rows and gives them new ids. Blind to events: there are none in it.
#include "united_model.h"

struct united_model {
    struct model *model;
    GHashTable *copies;  // row of another model -> new id
    GHashTable *origins; // row of this model -> the row it is a copy of
    GHashTable *objects; // class key -> struct model_object *
};

static struct model *new_model(void)
{
    struct model *model = g_new0(struct model, 1);
    GPtrArray **tables[] = { &model->processes, &model->threads, &model->objects, &model->modules,
        &model->frames, &model->stacks, &model->incidents, &model->coverage };
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        *tables[i] = g_ptr_array_new();
    GPtrArray *with_ids[] = { model->processes, model->threads, model->objects, model->modules, model->frames,
        model->stacks };
    for (size_t i = 0; i < G_N_ELEMENTS(with_ids); i++)
        g_ptr_array_add(with_ids[i], NULL); // there is no id 0
    model->blocks = g_ptr_array_new_with_free_func(g_free);
    model->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    model->strings = g_string_chunk_new(256);
    model->ended = model->working_directory = "";
    model->exit_status = -1;
    model->command_line = g_new0(char *, 1);
    model->ns_per_tick = 1;
    model->complete = true;
    return model;
}

struct united_model *united_model_new(void)
{
    struct united_model *united = g_new0(struct united_model, 1);
    united->model = new_model();
    united->copies = g_hash_table_new(NULL, NULL);
    united->origins = g_hash_table_new(NULL, NULL);
    united->objects = g_hash_table_new(g_str_hash, g_str_equal);
    return united;
}

void united_model_free(struct united_model *united)
{
    if (!united)
        return;
    model_free(united->model);
    g_hash_table_unref(united->copies);
    g_hash_table_unref(united->origins);
    g_hash_table_unref(united->objects);
    g_free(united);
}

const struct model *united_model_get(const struct united_model *united)
{
    return united->model;
}

static void *copy_block(struct united_model *united, const void *from, size_t bytes)
{
    void *copy = g_memdup2(from, bytes);
    if (copy)
        g_ptr_array_add(united->model->blocks, copy);
    return copy;
}

// A copy of row as the last of a table, for the caller to translate. NULL: it is there already, or there is no such row.
// *ret_id is its id in any case, or 0.
static void *add_copy(
    struct united_model *united, GPtrArray *table, const void *row, size_t bytes, uint32_t *ret_id)
{
    *ret_id = row ? GPOINTER_TO_UINT(g_hash_table_lookup(united->copies, row)) : 0;
    if (!row || *ret_id)
        return NULL;
    void *copy = copy_block(united, row, bytes);
    *ret_id = table->len;
    g_ptr_array_add(table, copy);
    g_hash_table_insert(united->copies, (void *)row, GUINT_TO_POINTER(*ret_id));
    g_hash_table_insert(united->origins, copy, (void *)row);
    return copy;
}

static uint32_t take_module(struct united_model *united, const struct model *from, uint32_t id)
{
    const struct trace_module *row = model_module(from, id);
    uint32_t new_id;
    struct trace_module *copy = add_copy(united, united->model->modules, row, sizeof *row, &new_id);
    if (copy)
        copy->id = new_id;
    return new_id;
}

static void take_source(
    struct united_model *united, const struct model *from, const struct model_symbol *symbol)
{
    // Reports show the lines around, too.
    for (int64_t line = symbol->line - 10; symbol->file && line <= symbol->line + 10; line++) {
        const char *text = model_source(from, symbol->file, line);
        if (text)
            g_hash_table_replace(united->model->sources,
                g_strdup_printf("%s:%" G_GINT64_FORMAT, symbol->file, line), (char *)text);
    }
}

static uint32_t take_frame(struct united_model *united, const struct model *from, uint32_t id)
{
    const struct model_frame *row = model_frame(from, id);
    uint32_t new_id;
    struct model_frame *copy = add_copy(united, united->model->frames, row, sizeof *row, &new_id);
    if (!copy)
        return new_id;
    copy->row.id = new_id;
    copy->row.module_id = take_module(united, from, row->row.module_id);
    for (unsigned i = 0; i < row->n_symbols; i++)
        take_source(united, from, &row->symbols[i]);
    return new_id;
}

uint32_t united_model_stack(struct united_model *united, const struct model *from, uint32_t id)
{
    const struct model_stack *row = model_stack(from, id);
    uint32_t new_id;
    struct model_stack *copy = add_copy(united, united->model->stacks, row, sizeof *row, &new_id);
    if (!copy)
        return new_id;
    uint32_t *frames = copy_block(united, row->frames, row->depth * sizeof *frames);
    for (unsigned i = 0; i < row->depth; i++)
        frames[i] = take_frame(united, from, row->frames[i]);
    copy->id = new_id;
    copy->frames = frames;
    return new_id;
}

static uint32_t take_process(struct united_model *united, const struct model *from, uint32_t id)
{
    const struct trace_process *row = model_process(from, id);
    uint32_t new_id;
    struct trace_process *copy = add_copy(united, united->model->processes, row, sizeof *row, &new_id);
    if (!copy)
        return new_id;
    copy->id = new_id;
    copy->parent_id = copy->forked_by = 0;
    if (!*united->model->working_directory)
        united->model->working_directory = from->working_directory;
    return new_id;
}

uint32_t united_model_thread(struct united_model *united, const struct model *from, uint32_t id)
{
    const struct model_thread *row = model_thread(from, id);
    uint32_t new_id;
    struct model_thread *copy = add_copy(united, united->model->threads, row, sizeof *row, &new_id);
    if (!copy)
        return new_id;
    copy->row.id = new_id;
    copy->row.creator_id = 0;
    copy->row.process_id = take_process(united, from, row->row.process_id);
    copy->row.start_frame = take_frame(united, from, row->row.start_frame);
    copy->row.create_stack = united_model_stack(united, from, row->row.create_stack);
    united->model->n_threads++;
    return new_id;
}

const struct model_object *united_model_object(
    struct united_model *united, const struct model *from, const struct model_object *object)
{
    struct model_object *copy = g_hash_table_lookup(united->objects, object->class_key);
    if (copy)
        return copy;
    uint32_t new_id;
    copy = add_copy(united, united->model->objects, object, sizeof *object, &new_id);
    copy->row.id = new_id;
    copy->row.created_by = 0;
    copy->row.process_id = take_process(united, from, object->row.process_id);
    copy->row.module_id = take_module(united, from, object->row.module_id);
    copy->row.create_stack = united_model_stack(united, from, object->row.create_stack);
    united->model->n_objects++;
    g_hash_table_insert(united->objects, (char *)object->class_key, copy);
    return copy;
}

static const void *origin(const struct united_model *united, const void *row)
{
    return row ? g_hash_table_lookup(united->origins, row) : NULL;
}

uint32_t united_model_stack_origin(const struct united_model *united, const struct model *from, uint32_t id)
{
    const struct model_stack *row = origin(united, model_stack(united->model, id));
    return row && model_stack(from, row->id) == row ? row->id : 0;
}

uint32_t united_model_thread_origin(const struct united_model *united, const struct model *from, uint32_t id)
{
    const struct model_thread *row = origin(united, model_thread(united->model, id));
    return row && model_thread(from, row->row.id) == row ? row->row.id : 0;
}
