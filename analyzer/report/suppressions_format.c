// SPDX-License-Identifier: MIT
// Findings as suppressions to copy into a file. Lines of code and indices are left out, so that an entry
// outlives edits around it and is good for every lock of an array.
#include <string.h>

#include "call_stack.h"
#include "report.h"
#include "suppressions.h"

#define FRAMES_MAX 4u // of each stack: enough to tell callers of a locking helper apart

// One line it stays, whatever a program calls its locks and functions.
static void append_item(GString *text, const char *key, const char *value)
{
    g_string_append_printf(text, "   %s", key);
    for (const char *at = value; *at; at++)
        g_string_append_c(text, (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at);
    g_string_append_c(text, '\n');
}

// "mutex at queue.c:30" -> "mutex at queue.c:*", "accounts[3].lock" -> "accounts[*].lock": of all locks of the class.
static char *class_pattern(const char *label)
{
    GString *pattern = g_string_new(NULL);
    for (const char *at = label; *at;) {
        size_t digits = strspn(at, "0123456789");
        char before = pattern->len ? pattern->str[pattern->len - 1] : 0;
        bool index = digits && before == '[' && at[digits] == ']';
        bool line = digits && before == ':' && !at[digits];
        g_string_append_len(pattern, index || line ? "*" : at, index || line ? 1 : (gssize)MAX(digits, 1));
        at += MAX(digits, 1);
    }
    return g_string_free(pattern, false);
}

// What is only known by its first use may be called after another place in the next run.
static char *lock_pattern(const struct model_object *object)
{
    bool named = object->row.name && *object->row.name;
    if (named || object->row.flags & OBJECT_BY_INIT)
        return class_pattern(object->label);
    return g_strdup_printf("%s *", object_kind_name(object->row.kind));
}

static void append_locks(GString *text, const struct finding *finding)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < finding->objects->len; i++) {
        char *pattern = lock_pattern(finding->objects->pdata[i]);
        if (!g_hash_table_contains(seen, pattern))
            append_item(text, "lock:", pattern);
        g_hash_table_add(seen, pattern);
    }
}

static char *stack_text(const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    GString *text = g_string_new(NULL);
    unsigned used = 0;
    for (unsigned i = 0; i < frames->len && used < FRAMES_MAX; i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        if (call_frame_is_system(frame))
            continue;
        if (frame->function)
            append_item(text, "fun:", frame->function);
        else
            append_item(text, "obj:", frame->module ? frame->module : "*");
        used++;
    }
    return g_string_free(text, false);
}

static void append_stacks(GString *text, const struct finding *finding)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < finding->steps->len; i++) {
        uint32_t stack_id = g_array_index(finding->steps, struct finding_step, i).stack;
        char *frames = stack_text(finding->model, stack_id);
        if (*frames && !g_hash_table_contains(seen, frames))
            g_string_append_printf(text, "   stack:\n%s", frames);
        g_hash_table_add(seen, frames);
    }
}

char *suppression_text(const struct finding *finding)
{
    GString *text = g_string_new("{\n");
    g_string_append_printf(text, "   %s-%s\n", finding->rule->id, finding->id);
    append_item(text, "Trenza:", finding->rule->id);
    append_locks(text, finding);
    append_stacks(text, finding);
    g_string_append(text, "}\n");
    return g_string_free(text, false);
}

static char *render(const struct report *report, const struct report_style *style)
{
    (void)style;
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < report->list->all->len; i++) {
        const struct finding *finding = report->list->all->pdata[i];
        if (report_is_known(finding))
            continue;
        g_autofree char *entry = suppression_text(finding);
        g_string_append(text, entry);
    }
    return g_string_free(text, false);
}

const struct report_format report_suppressions = { .name = "suppressions", .render = render };
