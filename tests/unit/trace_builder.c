// SPDX-License-Identifier: MIT
// Writes small traces through the store, with stacks of one frame.
#include "trace_builder.h"

#include <glib/gstdio.h>
#include <string.h>

#include "chunk.h"
#include "store.h"

struct thread_events {
    struct trace_thread row;
    GArray *events; // of struct trace_event
};

struct trace_builder {
    char *folder;
    char *path;
    struct store *store;
    GPtrArray *threads; // of struct thread_events *, [0] is T1
    GArray *objects;    // of struct trace_object
    GPtrArray *places;  // of char *: "f:10", one stack each; stack id = index + 1
    const char *incident;
    GArray *deadlock; // of struct trace_incident_thread
    GArray *holds;    // of struct trace_incident_hold
    uint64_t now_ns;
};

static void free_thread(void *data)
{
    struct thread_events *thread = data;
    g_array_unref(thread->events);
    g_free(thread);
}

struct trace_builder *trace_builder_new(void)
{
    struct trace_builder *builder = g_new0(struct trace_builder, 1);
    builder->folder = g_dir_make_tmp("trenza-unit-XXXXXX", NULL);
    g_assert_nonnull(builder->folder);
    builder->path = g_build_filename(builder->folder, "trace.db", NULL);
    builder->threads = g_ptr_array_new_with_free_func(free_thread);
    builder->objects = g_array_new(false, true, sizeof(struct trace_object));
    builder->places = g_ptr_array_new_with_free_func(g_free);
    builder->deadlock = g_array_new(false, true, sizeof(struct trace_incident_thread));
    builder->holds = g_array_new(false, true, sizeof(struct trace_incident_hold));
    return builder;
}

void trace_builder_free(struct trace_builder *builder)
{
    store_close(builder->store);
    g_autoptr(GDir) folder = g_dir_open(builder->folder, 0, NULL);
    for (const char *name = g_dir_read_name(folder); name; name = g_dir_read_name(folder)) {
        g_autofree char *path = g_build_filename(builder->folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(builder->folder);
    g_free(builder->folder);
    g_free(builder->path);
    g_ptr_array_unref(builder->threads);
    for (unsigned i = 0; i < builder->objects->len; i++)
        g_free((char *)g_array_index(builder->objects, struct trace_object, i).name);
    g_array_unref(builder->objects);
    g_ptr_array_unref(builder->places);
    g_array_unref(builder->deadlock);
    g_array_unref(builder->holds);
    g_free(builder);
}

void trace_builder_object(
    struct trace_builder *builder, const char *name, enum object_kind kind, uint32_t flags, uint64_t value)
{
    struct trace_object object = {
        .id = builder->objects->len + 1,
        .process_id = 1,
        .kind = kind,
        .flags = flags,
        .address = 0x1000 + 64 * builder->objects->len,
        .value = value,
        .ended_ticks = -1,
        .name = g_strdup(name),
    };
    g_array_append_val(builder->objects, object);
}

static struct trace_object *find_object(const struct trace_builder *builder, const char *name)
{
    for (unsigned i = 0; i < builder->objects->len; i++) {
        struct trace_object *object = &g_array_index(builder->objects, struct trace_object, i);
        if (strcmp(object->name, name) == 0)
            return object;
    }
    return NULL;
}

static uint32_t object_id(struct trace_builder *builder, const char *name)
{
    if (!find_object(builder, name))
        trace_builder_object(builder, name, OBJECT_MUTEX, 0, 0);
    return find_object(builder, name)->id;
}

static bool is_thread(const char *word)
{
    return word[0] == 'T' && g_ascii_isdigit(word[1]);
}

static uint32_t thread_id(struct trace_builder *builder, const char *word)
{
    g_assert_true(is_thread(word));
    uint32_t id = (uint32_t)atoi(word + 1);
    while (builder->threads->len < id) {
        struct thread_events *thread = g_new0(struct thread_events, 1);
        thread->row = (struct trace_thread){
            .id = builder->threads->len + 1,
            .process_id = 1,
            .serial = builder->threads->len + 1,
            .tid = 1000 + builder->threads->len,
            .started_ticks = -1,
            .ended_ticks = -1,
        };
        thread->events = g_array_new(false, true, sizeof(struct trace_event));
        g_ptr_array_add(builder->threads, thread);
    }
    return id;
}

uint32_t trace_builder_id(const struct trace_builder *builder, const char *name)
{
    if (is_thread(name))
        return (uint32_t)atoi(name + 1);
    const struct trace_object *object = find_object(builder, name);
    g_assert_nonnull(object);
    return object->id;
}

static uint32_t stack_id(struct trace_builder *builder, const char *place)
{
    for (unsigned i = 0; i < builder->places->len; i++)
        if (strcmp(builder->places->pdata[i], place) == 0)
            return i + 1;
    g_ptr_array_add(builder->places, g_strdup(place));
    return builder->places->len;
}

static void set_operands(struct trace_builder *builder, struct trace_event *event, char **words)
{
    if (*words && model_subject_is_object(event->kind)) {
        event->subject = object_id(builder, *words++);
        if (event->kind == EVENT_COND_WAIT || event->kind == EVENT_COND_WAKE) {
            uint32_t mutex = object_id(builder, *words++);
            event->arg = chunk_arg_pair(mutex, *words ? (uint32_t)atoi(*words) : 0);
            return;
        }
    } else if (*words && is_thread(*words)) {
        event->subject = thread_id(builder, *words++);
    } else if (*words && (event->kind == EVENT_BLOCK_BEGIN || event->kind == EVENT_BLOCK_END)) {
        event->subject = (uint32_t)atoi(*words++);
    }
    if (*words)
        event->arg = atoi(*words);
}

static void add_line(struct trace_builder *builder, const char *line)
{
    g_autofree char *trimmed = g_strstrip(g_strdup(line));
    if (!*trimmed)
        return;
    g_auto(GStrv) words = g_strsplit_set(trimmed, " ", -1);
    char **at = words;
    if (**at == '=')
        builder->now_ns = g_ascii_strtoull(*at++ + 1, NULL, 10);
    else
        builder->now_ns += 1000000;
    uint32_t id = thread_id(builder, *at++);
    struct trace_event event = { .ticks = builder->now_ns, .kind = event_kind_by_name(*at) };
    if (event.kind == EVENT_NONE)
        g_error("no such event: %s", line);
    at++;
    unsigned n = g_strv_length(at);
    if (n && at[n - 1][0] == '@') {
        event.stack = stack_id(builder, at[n - 1] + 1);
        g_clear_pointer(&at[n - 1], g_free);
    }
    set_operands(builder, &event, at);
    struct thread_events *thread = builder->threads->pdata[id - 1];
    g_array_append_val(thread->events, event);
    if (event.kind == EVENT_CREATE)
        ((struct thread_events *)builder->threads->pdata[event.subject - 1])->row.creator_id = id;
}

void trace_builder_script(struct trace_builder *builder, const char *script)
{
    g_auto(GStrv) lines = g_strsplit_set(script, "\n;", -1);
    for (char **line = lines; *line; line++)
        add_line(builder, *line);
}

void trace_builder_deadlock(struct trace_builder *builder, const char *script)
{
    g_auto(GStrv) sides = g_strsplit(script, "; ", -1);
    for (char **side = sides; *side; side++) {
        g_auto(GStrv) words = g_strsplit(*side, " ", -1);
        g_assert_cmpuint(g_strv_length(words), ==, 5);
        struct trace_incident_thread thread = {
            .thread_id = thread_id(builder, words[0]),
            .since_ticks = (int64_t)builder->now_ns,
            .request = "request",
            .object_id = object_id(builder, words[3]),
            .stack_id = stack_id(builder, words[4] + 1),
            .in_cycle = true,
        };
        struct trace_incident_hold hold = {
            .thread_id = thread.thread_id,
            .object_id = object_id(builder, words[1]),
            .since_ticks = 0,
            .stack_id = stack_id(builder, words[2] + 1),
        };
        g_array_append_val(builder->deadlock, thread);
        g_array_append_val(builder->holds, hold);
    }
}

void trace_builder_stuck(struct trace_builder *builder, const char *script)
{
    g_auto(GStrv) sides = g_strsplit(script, "; ", -1);
    builder->incident = "stuck";
    for (char **side = sides; *side; side++) {
        g_auto(GStrv) words = g_strsplit(*side, " ", -1);
        g_assert_cmpuint(g_strv_length(words), >=, 4);
        bool joins = is_thread(words[2]);
        struct trace_incident_thread thread = {
            .thread_id = thread_id(builder, words[0]),
            .since_ticks = (int64_t)builder->now_ns,
            .request = event_name(event_kind_by_name(words[1])),
            .object_id = joins ? 0 : object_id(builder, words[2]),
            .joined_id = joins ? thread_id(builder, words[2]) : 0,
            .stack_id = stack_id(builder, words[3] + 1),
            .in_cycle = true,
        };
        g_array_append_val(builder->deadlock, thread);
        for (unsigned i = 4; words[i] && words[i + 1]; i += 2) {
            struct trace_incident_hold hold = {
                .thread_id = thread.thread_id,
                .position = (i - 4) / 2,
                .object_id = object_id(builder, words[i]),
                .stack_id = stack_id(builder, words[i + 1] + 1),
            };
            g_array_append_val(builder->holds, hold);
        }
    }
}

static void write_place(struct trace_builder *builder, uint32_t id, const char *place)
{
    g_auto(GStrv) parts = g_strsplit(place, ":", 2);
    struct trace_frame frame = { .id = id, .module_id = 1, .offset = 16 * id };
    struct trace_symbol symbol = {
        .frame_id = id,
        .function = parts[0],
        .function_offset = 1,
        .file = "/src/program.c",
        .line = parts[1] ? atoi(parts[1]) : 0,
    };
    g_assert_cmpint(store_put_frame(builder->store, &frame), ==, 0);
    g_assert_cmpint(store_put_symbol(builder->store, &symbol), ==, 0);
    g_assert_cmpint(store_put_stack(builder->store, id, &id, 1, false), ==, 0);
}

static void write_thread(struct trace_builder *builder, struct thread_events *thread)
{
    size_t capacity = (thread->events->len + 2) * CHUNK_EVENT_MAX;
    g_autofree uint8_t *memory = g_malloc(capacity);
    struct chunk_encoder encoder;
    chunk_encoder_init(&encoder, memory, capacity);
    for (unsigned i = 0; i < thread->events->len; i++)
        chunk_encode(&encoder, &g_array_index(thread->events, struct trace_event, i));
    thread->row.events = thread->events->len;
    g_assert_cmpint(store_put_thread(builder->store, &thread->row), ==, 0);
    if (!thread->events->len)
        return;
    struct trace_chunk chunk = {
        .thread_id = thread->row.id,
        .first_ticks = encoder.first_ticks,
        .last_ticks = encoder.last_ticks,
        .events = encoder.events,
        .data = encoder.data,
        .size = encoder.size,
    };
    g_assert_cmpint(store_put_chunk(builder->store, &chunk), ==, 0);
}

static void write_rows(struct trace_builder *builder)
{
    struct trace_process process = {
        .id = 1,
        .pid = 1000,
        .executable = "/src/program",
        .ended_ticks = -1,
        .exit_status = 0,
    };
    struct trace_module module = { .id = 1, .path = "/src/program" };
    store_set_number(builder->store, "ticks_per_second", 1000000000);
    store_set_number(builder->store, "complete", 1);
    store_set_number(builder->store, "symbolized", 1);
    store_set_number(builder->store, "exit_status", 0);
    store_set_text(builder->store, "command_line", "[\"./program\"]");
    store_set_text(builder->store, "working_directory", "/src");
    g_assert_cmpint(store_put_process(builder->store, &process), ==, 0);
    g_assert_cmpint(store_put_module(builder->store, &module), ==, 0);
    for (unsigned i = 0; i < builder->places->len; i++)
        write_place(builder, i + 1, builder->places->pdata[i]);
    for (unsigned i = 0; i < builder->objects->len; i++)
        g_assert_cmpint(
            store_put_object(builder->store, &g_array_index(builder->objects, struct trace_object, i)), ==,
            0);
    for (unsigned i = 0; i < builder->threads->len; i++)
        write_thread(builder, builder->threads->pdata[i]);
    if (builder->deadlock->len)
        g_assert_cmpint(
            store_put_incident(builder->store, (int64_t)builder->now_ns,
                builder->incident ? builder->incident : "deadlock", (void *)builder->deadlock->data,
                builder->deadlock->len, (void *)builder->holds->data, builder->holds->len),
            >, 0);
}

struct model *trace_builder_model(struct trace_builder *builder)
{
    g_assert_cmpint(store_create(builder->path, &builder->store), ==, 0);
    write_rows(builder);
    g_assert_cmpint(store_close(g_steal_pointer(&builder->store)), ==, 0);
    g_assert_cmpint(store_open(builder->path, true, &builder->store), ==, 0);
    g_autoptr(GError) error = NULL;
    struct model *model = model_load(builder->store, &error);
    g_assert_no_error(error);
    return model;
}

const char *trace_builder_path(const struct trace_builder *builder)
{
    return builder->path;
}
