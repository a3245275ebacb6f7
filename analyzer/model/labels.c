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

// What objects of one kind and one creating stack have in common; programs make millions of them at one place.
struct origin {
    const char *label;
    const char *class_key;
    const char *kind_key; // when all that is known is the first use
    const char *created_in;
    unsigned class_id;
};

struct labeller {
    struct model *model;
    GHashTable *classes; // exact text -> class id
    GHashTable *origins; // kind and stack -> struct origin *
};

static unsigned class_id_of(struct labeller *labeller, const char *exact)
{
    const char *interned = model_string(labeller->model, exact);
    unsigned class_id = GPOINTER_TO_UINT(g_hash_table_lookup(labeller->classes, interned));
    if (!class_id) {
        class_id = ++labeller->model->n_classes;
        g_hash_table_insert(labeller->classes, (char *)interned, GUINT_TO_POINTER(class_id));
    }
    return class_id;
}

static char *place_label(const char *kind, const struct call_frame *site)
{
    if (site->file)
        return g_strdup_printf("%s at %s:%" G_GINT64_FORMAT, kind, path_base(site->file), site->line);
    const char *where = site->function ? site->function : site->module ? site->module : "unknown code";
    return g_strdup_printf("%s of %s", kind, where);
}

static struct origin *make_origin(struct labeller *labeller, const struct model_object *object)
{
    struct model *model = labeller->model;
    const char *kind = kind_name(object);
    struct origin *origin = g_new0(struct origin, 1);
    struct call_frame site = { 0 };
    g_autofree char *kind_key = g_strdup_printf("%s -", kind);
    origin->kind_key = model_string(model, kind_key);
    if (!call_stack_site(model, object->row.create_stack, &site)) {
        origin->class_key = origin->kind_key;
        return origin; // label and class are each object's own
    }
    g_autofree char *created = call_frame_text(model, &site);
    g_autofree char *label = place_label(kind, &site);
    g_autofree char *key = g_strdup_printf("%s %s %s %s", kind, site.module ? site.module : "-",
        site.function ? site.function : "-", site.file ? path_base(site.file) : "-");
    g_autofree char *exact =
        g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT, key, site.line, site.offset);
    origin->created_in = model_string(model, created);
    origin->label = model_string(model, label);
    origin->class_key = model_string(model, key);
    origin->class_id = class_id_of(labeller, exact);
    return origin;
}

static const struct origin *origin_of(struct labeller *labeller, const struct model_object *object)
{
    int64_t key = (int64_t)object->row.kind << 32 | object->row.create_stack;
    struct origin *origin = g_hash_table_lookup(labeller->origins, &key);
    if (!origin) {
        origin = make_origin(labeller, object);
        g_hash_table_insert(labeller->origins, g_memdup2(&key, sizeof key), origin);
    }
    return origin;
}

static void label_object(struct labeller *labeller, struct model_object *object)
{
    struct model *model = labeller->model;
    const struct origin *origin = origin_of(labeller, object);
    object->created_in = origin->created_in;
    if (object->row.name && *object->row.name) {
        const struct trace_module *module = model_module(model, object->row.module_id);
        g_autofree char *masked = mask_indices(object->row.name);
        g_autofree char *key =
            g_strdup_printf("%s %s %s", kind_name(object), module ? path_base(module->path) : "-", masked);
        object->label = object->row.name;
        object->class_key = object->fingerprint = model_string(model, key);
        object->class_id = class_id_of(labeller, key);
        return;
    }
    object->class_key = origin->class_key;
    object->fingerprint = object->row.flags & OBJECT_BY_INIT ? origin->class_key : origin->kind_key;
    object->label = origin->label;
    object->class_id = origin->class_id;
    if (!object->label) {
        g_autofree char *label = g_strdup_printf("%s %u", kind_name(object), object->row.id);
        object->label = model_string(model, label);
        object->class_id = class_id_of(labeller, label);
    }
}

void labels_make(struct model *model)
{
    for (unsigned i = 0; i < model->threads->len; i++) {
        struct model_thread *thread = model->threads->pdata[i];
        if (thread)
            thread->label = thread_label(model, thread);
    }
    struct labeller labeller = {
        .model = model,
        .classes = g_hash_table_new(g_str_hash, g_str_equal),
        .origins = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
    };
    for (unsigned i = 0; i < model->objects->len; i++) {
        struct model_object *object = model->objects->pdata[i];
        if (object)
            label_object(&labeller, object);
    }
    g_hash_table_unref(labeller.classes);
    g_hash_table_unref(labeller.origins);
}
