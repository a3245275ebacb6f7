// SPDX-License-Identifier: MIT
// Reading and matching of suppressions. Patterns know `*` and `?` and have no escape, so a name with a star in it (a C++
// pointer argument) matches a little more than itself.
#include "suppressions.h"

#include <stdlib.h>
#include <string.h>

#include "call_stack.h"

// --- reading ---

struct reader {
    const char *path;
    unsigned line;
    struct suppression *entry; // being read; NULL: outside every entry
    bool foreign;              // it belongs to another tool
    GPtrArray *result;
};

static void free_frames(void *frames)
{
    g_array_unref(frames);
}

static void clear_frame(void *frame)
{
    g_free(((struct frame_pattern *)frame)->pattern);
}

static struct suppression *suppression_new(const char *path, unsigned line)
{
    struct suppression *entry = g_new0(struct suppression, 1);
    entry->file = g_strdup(path);
    entry->line = line;
    entry->locks = g_ptr_array_new_with_free_func(g_free);
    entry->stacks = g_ptr_array_new_with_free_func(free_frames);
    return entry;
}

void suppression_free(void *suppression)
{
    struct suppression *entry = suppression;
    if (!entry)
        return;
    g_free(entry->name);
    g_free(entry->file);
    g_free(entry->rule);
    g_ptr_array_unref(entry->locks);
    g_ptr_array_unref(entry->stacks);
    g_free(entry);
}

static bool complain(const struct reader *reader, const char *what, GError **error)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s:%u: %s", reader->path, reader->line, what);
    return false;
}

static void begin_stack(struct suppression *entry)
{
    GArray *frames = g_array_new(false, true, sizeof(struct frame_pattern));
    g_array_set_clear_func(frames, clear_frame);
    g_ptr_array_add(entry->stacks, frames);
}

static void add_frame(struct suppression *entry, enum frame_pattern_kind kind, const char *pattern)
{
    if (!entry->stacks->len)
        begin_stack(entry);
    struct frame_pattern frame = { .kind = kind, .pattern = g_strdup(pattern) };
    char *colon = kind == FRAME_SOURCE ? strrchr(frame.pattern, ':') : NULL;
    if (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        frame.line = g_ascii_strtoll(colon + 1, NULL, 10);
        *colon = '\0';
    }
    g_array_append_val((GArray *)entry->stacks->pdata[entry->stacks->len - 1], frame);
}

static bool read_rule(struct reader *reader, const char *line, GError **error)
{
    const char *colon = strchr(line, ':');
    if (!colon || !colon[1])
        return complain(reader, "here stands Trenza:RULE", error);
    reader->foreign = g_ascii_strncasecmp(line, "trenza:", strlen("trenza:")) != 0;
    reader->entry->rule = g_strdup(colon + 1);
    return true;
}

static bool read_item(struct reader *reader, const char *line, GError **error)
{
    static const struct {
        const char *key;
        enum frame_pattern_kind kind;
    } keys[] = { { "fun:", FRAME_FUNCTION }, { "obj:", FRAME_MODULE }, { "src:", FRAME_SOURCE } };
    struct suppression *entry = reader->entry;
    if (strcmp(line, "...") == 0) {
        add_frame(entry, FRAME_ANY_NUMBER, NULL);
        return true;
    }
    if (strcmp(line, "stack:") == 0) {
        begin_stack(entry);
        return true;
    }
    if (g_str_has_prefix(line, "lock:") && line[strlen("lock:")]) {
        g_ptr_array_add(entry->locks, g_strdup(line + strlen("lock:")));
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (g_str_has_prefix(line, keys[i].key) && line[strlen(keys[i].key)]) {
            add_frame(entry, keys[i].kind, line + strlen(keys[i].key));
            return true;
        }
    return complain(reader, "expected lock:, fun:, obj:, src:, stack:, ... or }", error);
}

static bool end_entry(struct reader *reader, GError **error)
{
    if (!reader->entry->rule)
        return complain(reader, "this entry lacks its name or its line Trenza:RULE", error);
    if (reader->foreign)
        suppression_free(reader->entry);
    else
        g_ptr_array_add(reader->result, reader->entry);
    reader->entry = NULL;
    return true;
}

static bool read_line(struct reader *reader, const char *line, GError **error)
{
    if (!*line || *line == '#')
        return true;
    if (!reader->entry) {
        if (strcmp(line, "{") != 0)
            return complain(reader, "expected {", error);
        reader->entry = suppression_new(reader->path, reader->line);
        reader->foreign = false;
        return true;
    }
    if (strcmp(line, "}") == 0)
        return end_entry(reader, error);
    if (!reader->entry->name) {
        reader->entry->name = g_strdup(line);
        return true;
    }
    if (!reader->entry->rule)
        return read_rule(reader, line, error);
    return reader->foreign || read_item(reader, line, error);
}

bool suppressions_read(const char *path, GPtrArray *ret_suppressions, GError **error)
{
    g_autofree char *text = NULL;
    size_t length;
    if (!g_file_get_contents(path, &text, &length, error))
        return false;
    struct reader reader = { .path = path, .result = ret_suppressions };
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool good = true;
    for (char **line = lines; *line && good; line++) {
        reader.line++;
        // GLib's patterns may read past the end of what is none.
        good = g_utf8_validate(*line, -1, NULL) ? read_line(&reader, g_strstrip(*line), error)
                                                : complain(&reader, "not UTF-8", error);
    }
    if (good && strlen(text) < length)
        good = complain(&reader, "a NUL byte: this is no text", error);
    if (good && reader.entry)
        good = complain(&reader, "the last entry does not end", error);
    suppression_free(reader.entry);
    return good;
}

// --- matching ---

static bool matches(const char *pattern, const char *text)
{
    return text && (strcmp(pattern, text) == 0 || g_pattern_match_simple(pattern, text));
}

// A pattern without folders is about the file's own name; one with some may leave out the outer ones.
static bool matches_file(const char *pattern, const char *file)
{
    if (!file)
        return false;
    if (!strchr(pattern, '/'))
        return matches(pattern, path_base(file));
    g_autofree char *below = g_strdup_printf("*/%s", pattern);
    return matches(pattern, file) || matches(below, file);
}

static bool matches_frame(const struct frame_pattern *pattern, const struct call_frame *frame)
{
    switch (pattern->kind) {
    case FRAME_FUNCTION:
        return matches(pattern->pattern, frame->function);
    case FRAME_MODULE: // the frame knows its module without folders
        return matches(path_base(pattern->pattern), frame->module);
    case FRAME_SOURCE:
        return matches_file(pattern->pattern, frame->file) &&
               (!pattern->line || pattern->line == frame->line);
    case FRAME_ANY_NUMBER:
        break;
    }
    return false;
}

// Frames beyond the end of the patterns do not matter. Greedy over the last "..." as in a glob: linear but for repeats.
static bool matches_frames(const GArray *patterns, const GArray *frames)
{
    unsigned at = 0;
    unsigned frame = 0;
    unsigned resume_at = 0;
    unsigned resume_frame = 0;
    bool may_resume = false;
    while (at < patterns->len) {
        const struct frame_pattern *pattern = &g_array_index(patterns, struct frame_pattern, at);
        if (pattern->kind == FRAME_ANY_NUMBER) {
            may_resume = true;
            resume_at = ++at;
            resume_frame = frame;
        } else if (frame < frames->len &&
                   matches_frame(pattern, &g_array_index(frames, struct call_frame, frame))) {
            at++;
            frame++;
        } else if (may_resume && resume_frame < frames->len) {
            at = resume_at;
            frame = ++resume_frame;
        } else {
            return false;
        }
    }
    return true;
}

// As a person reads it, frames of the C++ library's lock wrappers may be left out.
static bool matches_stack(const GArray *patterns, const struct model *model, uint32_t stack_id)
{
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(struct call_frame));
    call_stack_frames(model, stack_id, frames);
    if (matches_frames(patterns, frames))
        return true;
    g_autoptr(GArray) own = g_array_new(false, false, sizeof(struct call_frame));
    for (unsigned i = 0; i < frames->len; i++) {
        const struct call_frame *frame = &g_array_index(frames, struct call_frame, i);
        if (!call_frame_is_system(frame))
            g_array_append_val(own, *frame);
    }
    return matches_frames(patterns, own);
}

static bool matches_a_step(const GArray *patterns, const struct finding *finding)
{
    for (unsigned i = 0; i < finding->steps->len; i++)
        if (matches_stack(
                patterns, finding->model, g_array_index(finding->steps, struct finding_step, i).stack))
            return true;
    return matches_stack(patterns, finding->model, finding->site_stack);
}

static bool matches_a_lock(const char *pattern, const struct finding *finding)
{
    for (unsigned i = 0; i < finding->objects->len; i++)
        if (matches(pattern, ((const struct model_object *)finding->objects->pdata[i])->label))
            return true;
    return false;
}

static bool matches_finding(const struct suppression *entry, const struct finding *finding)
{
    if (!matches(entry->rule, finding->rule->id))
        return false;
    for (unsigned i = 0; i < entry->locks->len; i++)
        if (!matches_a_lock(entry->locks->pdata[i], finding))
            return false;
    for (unsigned i = 0; i < entry->stacks->len; i++)
        if (!matches_a_step(entry->stacks->pdata[i], finding))
            return false;
    return true;
}

void suppressions_apply(const GPtrArray *suppressions, struct finding_list *list)
{
    for (unsigned i = 0; i < list->all->len; i++) {
        struct finding *finding = list->all->pdata[i];
        for (unsigned j = 0; j < suppressions->len; j++) {
            struct suppression *entry = suppressions->pdata[j];
            if (matches_finding(entry, finding)) {
                entry->used++;
                finding->suppressed = true;
            }
        }
    }
}
