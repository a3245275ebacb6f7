// SPDX-License-Identifier: MIT
// Names for threads and objects, and lock classes.
//
// A lock class is "made at the same place in the code": objects in static data go by their name with indices taken out
// (accounts[3].lock and accounts[7].lock are one class), others by the innermost frame of their creation. Blind where an
// object has no init call: its first use then stands for its creation, and two first uses make two classes.
#include "labels.h"

#include <string.h>

#include "call_stack.h"

static const char *thread_label(struct model *model, const struct model_thread *thread)
{
    if (thread->row.name && *thread->row.name)
        return thread->row.name;
    const struct model_frame *start = model_frame(model, thread->row.start_frame);
    if (start && start->n_symbols && start->symbols[start->n_symbols - 1].function)
        return start->symbols[start->n_symbols - 1].function;
    const struct trace_process *process = model_process(model, thread->row.process_id);
    if (thread->row.serial == 1 || (process && !thread->row.creator_id && thread->row.tid == process->pid))
        return "main";
    g_autofree char *label = g_strdup_printf("thread-%u", thread->row.id);
    return model_string(model, label);
}

// "accounts[3].lock" -> "accounts[].lock"
static char *mask_indices(const char *name)
{
    GString *masked = g_string_new(NULL);
    bool inside = false;
    for (; *name; name++) {
        if (*name == ']')
            inside = false;
        if (!inside)
            g_string_append_c(masked, *name);
        if (*name == '[')
            inside = true;
    }
    return g_string_free(masked, false);
}

static const char *kind_name(const struct model_object *object)
{
    const char *name = object_kind_name(object->row.kind);
    return name ? name : "object";
}

static void label_object(struct model *model, struct model_object *object, GHashTable *classes)
{
    const char *kind = kind_name(object);
    struct call_frame site = { 0 };
    bool placed = call_stack_site(model, object->row.create_stack, &site);
    g_autofree char *created = placed ? call_frame_text(model, &site) : NULL;
    object->created_in = model_string(model, created);

    g_autofree char *label = NULL;
    g_autofree char *key = NULL;   // stable across builds
    g_autofree char *exact = NULL; // exact within this trace
    if (object->row.name && *object->row.name) {
        const struct trace_module *module = model_module(model, object->row.module_id);
        g_autofree char *masked = mask_indices(object->row.name);
        label = g_strdup(object->row.name);
        key = g_strdup_printf("%s %s %s", kind, module ? path_base(module->path) : "-", masked);
        exact = g_strdup(key);
    } else if (placed) {
        label =
            site.file ? g_strdup_printf("%s at %s:%" G_GINT64_FORMAT, kind, path_base(site.file), site.line)
            : site.function ? g_strdup_printf("%s of %s", kind, site.function)
                            : g_strdup_printf("%s of %s", kind, site.module ? site.module : "unknown code");
        key = g_strdup_printf("%s %s %s %s", kind, site.module ? site.module : "-",
            site.function ? site.function : "-", site.file ? path_base(site.file) : "-");
        exact = g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT, key, site.line, site.offset);
    } else {
        label = g_strdup_printf("%s %u", kind, object->row.id);
        key = g_strdup_printf("%s -", kind);
        exact = g_strdup(label);
    }
    object->label = model_string(model, label);
    object->class_key = model_string(model, key);
    const char *interned = model_string(model, exact);
    unsigned class_id = GPOINTER_TO_UINT(g_hash_table_lookup(classes, interned));
    if (!class_id) {
        class_id = ++model->n_classes;
        g_hash_table_insert(classes, (char *)interned, GUINT_TO_POINTER(class_id));
    }
    object->class_id = class_id;
}

void labels_make(struct model *model)
{
    for (unsigned i = 0; i < model->threads->len; i++) {
        struct model_thread *thread = model->threads->pdata[i];
        if (thread)
            thread->label = thread_label(model, thread);
    }
    g_autoptr(GHashTable) classes = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < model->objects->len; i++) {
        struct model_object *object = model->objects->pdata[i];
        if (object)
            label_object(model, object, classes);
    }
}
