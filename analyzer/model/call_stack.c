// SPDX-License-Identifier: MIT
// Stacks for people. What is cut at the outer end goes by the module (libc, the loader), because libc is mostly stripped and its
// names cannot be relied on; so a program linked statically against a libc of its own keeps those frames.
#include "call_stack.h"

#include <string.h>

#define PRELOAD_NAME "libtrenza-preload.so"

const char *path_base(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static const char *frame_module(const struct model *model, const struct model_frame *frame)
{
    const struct trace_module *module = model_module(model, frame->row.module_id);
    return module ? path_base(module->path) : NULL;
}

bool call_stack_module_is_libc(const char *module)
{
    static const char *const names[] = { "libc.so", "libc-2", "libpthread", "ld-linux", "ld-2", "ld.so" };
    for (size_t i = 0; module && i < G_N_ELEMENTS(names); i++)
        if (g_str_has_prefix(module, names[i]))
            return true;
    return false;
}

static bool is_start_code(const struct model *model, uint32_t frame_id)
{
    const struct model_frame *frame = model_frame(model, frame_id);
    if (!frame)
        return true;
    if (frame->n_symbols && g_strcmp0(frame->symbols[frame->n_symbols - 1].function, "_start") == 0)
        return true;
    return call_stack_module_is_libc(frame_module(model, frame));
}

static bool is_hook(const struct model *model, uint32_t frame_id)
{
    const struct model_frame *frame = model_frame(model, frame_id);
    return frame && g_strcmp0(frame_module(model, frame), PRELOAD_NAME) == 0;
}

static void append_frame(const struct model *model, const struct model_frame *frame, GArray *ret_frames)
{
    struct call_frame shown = { .module = frame_module(model, frame), .offset = frame->row.offset };
    if (!frame->n_symbols)
        g_array_append_val(ret_frames, shown);
    for (unsigned i = 0; i < frame->n_symbols; i++) {
        shown.function = frame->symbols[i].function;
        shown.file = frame->symbols[i].file;
        shown.line = frame->symbols[i].line;
        shown.inlined = frame->symbols[i].inlined;
        g_array_append_val(ret_frames, shown);
    }
}

// A routine that libc calls back (pthread_once) has hooks in its stack, and what these call in libc. Neither is the program's.
static bool is_inside_hook(
    const struct model *model, const struct model_stack *stack, unsigned i, unsigned end)
{
    while (i < end && is_start_code(model, stack->frames[i]))
        i++;
    return i < end && is_hook(model, stack->frames[i]);
}

void call_stack_frames(const struct model *model, uint32_t stack_id, GArray *ret_frames)
{
    const struct model_stack *stack = model_stack(model, stack_id);
    if (!stack)
        return;
    unsigned begin = 0;
    unsigned end = stack->depth;
    while (begin < end && is_hook(model, stack->frames[begin]))
        begin++;
    // The innermost frame always stays: a call from inside libc is then told as that.
    while (end > begin + 1 && is_start_code(model, stack->frames[end - 1]))
        end--;
    for (unsigned i = begin; i < end; i++) {
        const struct model_frame *frame = model_frame(model, stack->frames[i]);
        if (frame && (i == begin || !is_inside_hook(model, stack, i, end)))
            append_frame(model, frame, ret_frames);
    }
}

uint32_t call_stack_top(const struct model *model, uint32_t stack_id)
{
    const struct model_stack *stack = model_stack(model, stack_id);
    for (unsigned i = 0; stack && i < stack->depth; i++)
        if (!is_hook(model, stack->frames[i]))
            return stack->frames[i];
    return 0;
}

bool call_frame_is_system(const struct call_frame *frame)
{
    if (frame->file &&
        (g_str_has_prefix(frame->file, "/usr/include/") || strstr(frame->file, "/include/c++/")))
        return true;
    return frame->function &&
           (g_str_has_prefix(frame->function, "std::") || g_str_has_prefix(frame->function, "__gthread_"));
}

const struct call_frame *call_stack_site_of(const GArray *frames)
{
    const struct call_frame *all = (const struct call_frame *)(const void *)frames->data;
    for (unsigned i = 0; i < frames->len; i++)
        if (!call_frame_is_system(&all[i]))
            return &all[i];
    return frames->len ? &all[0] : NULL;
}

bool call_stack_site(const struct model *model, uint32_t stack_id, struct call_frame *ret_site)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    const struct call_frame *site = call_stack_site_of(frames);
    if (!site)
        return false;
    *ret_site = *site;
    return true;
}

const char *call_frame_file(const struct model *model, const struct call_frame *frame)
{
    size_t length = strlen(model->working_directory);
    if (frame->file && length > 1 && strncmp(frame->file, model->working_directory, length) == 0 &&
        frame->file[length] == '/')
        return frame->file + length + 1;
    return frame->file;
}

char *call_frame_text(const struct model *model, const struct call_frame *frame)
{
    const char *function = frame->function ? frame->function : "??";
    if (frame->file)
        return g_strdup_printf(
            "%s (%s:%" G_GINT64_FORMAT ")", function, call_frame_file(model, frame), frame->line);
    if (frame->module)
        return g_strdup_printf("%s (%s+0x%" G_GINT64_MODIFIER "x)", function, frame->module, frame->offset);
    return g_strdup(function);
}
