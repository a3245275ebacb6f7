// SPDX-License-Identifier: MIT
// `trenza import`: makes a trace of a file in RAPID's STD format, to look at it like at a recorded one.
//
// The file is read twice: first to see whether it is good, so that a bad one changes nothing, then into the trace, thread by
// thread as chunks fill up. Each line is 20 microseconds after the one before, far enough apart that the order of the lines is the
// order of the trace. A location becomes a frame `loc:N`. Memory is a chunk for each thread.
//
// Blind to what STD does not say: how threads end (only that they are joined), and where the program's code is.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "std_file.h"
#include "store.h"

#define LINE_NS 20000u
#define CHUNK_BYTES 16384u

static struct {
    char *output;
} options;

static const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
        "the trace (default trenza.db); an old one becomes TRACE.old", "TRACE" },
    { NULL },
};

// A thread on its way into the trace.
struct writer {
    struct trace_thread row;
    struct chunk_encoder encoder;
    uint8_t *memory;
    uint32_t chunks;
    uint32_t create_stack;
};

struct importer {
    struct store *store;
    const struct std_names *names;
    struct writer *writers; // by thread number - 1
    GHashTable *stacks;     // location (int64_t *) -> stack id
    int64_t *first_use;     // of each object, by id - 1: ticks; -1: none
    uint32_t *first_stack;  // of each object, by id - 1
    uint32_t *first_thread; // of each object, by id - 1
    uint64_t last_line;
    bool changed; // the file is not what it was when it was read first
    int error;    // negative errno
};

// --- ids: locks first, then variables ---

static uint32_t object_id(const struct importer *importer, const struct std_op *op)
{
    bool variable = op->operation == STD_READ || op->operation == STD_WRITE;
    return op->operand + (variable ? importer->names->locks->len : 0);
}

// A location is a frame and a stack of its own, with the same number.
static uint32_t stack_of(struct importer *importer, uint64_t location)
{
    int64_t key = (int64_t)location;
    uint32_t id = GPOINTER_TO_UINT(g_hash_table_lookup(importer->stacks, &key));
    if (id)
        return id;
    id = g_hash_table_size(importer->stacks) + 1;
    g_hash_table_insert(importer->stacks, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(id));
    g_autofree char *function = g_strdup_printf("loc:%" G_GUINT64_FORMAT, location);
    struct trace_frame frame = { .id = id, .offset = location };
    struct trace_symbol symbol = { .frame_id = id, .function = function, .function_offset = -1 };
    int r = store_put_frame(importer->store, &frame);
    if (r == 0)
        r = store_put_symbol(importer->store, &symbol);
    if (r == 0)
        r = store_put_stack(importer->store, id, &id, 1, false);
    if (r < 0 && !importer->error)
        importer->error = r;
    return id;
}

// --- events ---

static void flush(struct importer *importer, struct writer *writer)
{
    if (!writer->encoder.events)
        return;
    struct trace_chunk chunk = {
        .thread_id = writer->row.id,
        .sequence = writer->chunks++,
        .first_ticks = writer->encoder.first_ticks,
        .last_ticks = writer->encoder.last_ticks,
        .events = writer->encoder.events,
        .data = writer->encoder.data,
        .size = writer->encoder.size,
    };
    int r = store_put_chunk(importer->store, &chunk);
    if (r < 0 && !importer->error)
        importer->error = r;
    chunk_encoder_restart(&writer->encoder);
}

static void emit(struct importer *importer, uint32_t thread, unsigned kind, uint32_t subject, uint32_t stack,
    uint64_t ticks)
{
    struct writer *writer = &importer->writers[thread - 1];
    struct trace_event event = { .ticks = ticks, .kind = (uint8_t)kind, .subject = subject, .stack = stack };
    if (!writer->memory) {
        writer->memory = g_malloc(CHUNK_BYTES);
        chunk_encoder_init(&writer->encoder, writer->memory, CHUNK_BYTES);
    }
    if (!chunk_encoder_has_room(&writer->encoder))
        flush(importer, writer);
    chunk_encode(&writer->encoder, &event);
    writer->row.events++;
    if (writer->row.started_ticks < 0)
        writer->row.started_ticks = (int64_t)ticks;
    writer->row.ended_ticks = (int64_t)ticks;
}

static void note_use(
    struct importer *importer, uint32_t object, uint32_t thread, uint32_t stack, uint64_t ticks)
{
    if (importer->first_use[object - 1] >= 0)
        return;
    importer->first_use[object - 1] = (int64_t)ticks;
    importer->first_stack[object - 1] = stack;
    importer->first_thread[object - 1] = thread;
}

static void add_thread_op(struct importer *importer, const struct std_op *op, uint32_t stack, uint64_t ticks)
{
    if (op->operation == STD_FORK) {
        importer->writers[op->operand - 1].create_stack = stack;
        emit(importer, op->thread, EVENT_CREATE, op->operand, stack, ticks);
        return;
    }
    struct writer *other = &importer->writers[op->operand - 1];
    if (other->row.events)
        emit(importer, op->operand, EVENT_THREAD_END, op->operand, 0, (uint64_t)other->row.ended_ticks + 1);
    emit(importer, op->thread, EVENT_JOIN_REQUEST, op->operand, stack, ticks);
    emit(importer, op->thread, EVENT_JOIN, op->operand, stack, ticks);
}

// The numbers are those of the first reading, unless somebody writes to the file meanwhile.
static bool is_known(const struct importer *importer, const struct std_op *op)
{
    const struct std_names *names = importer->names;
    bool variable = op->operation == STD_READ || op->operation == STD_WRITE;
    bool thread = op->operation == STD_FORK || op->operation == STD_JOIN;
    const GPtrArray *operands = thread ? names->threads : variable ? names->variables : names->locks;
    return op->thread <= names->threads->len && op->operand <= operands->len;
}

static bool add_op(const struct std_op *op, void *data)
{
    static const unsigned char kinds[] = {
        [STD_ACQ] = EVENT_ACQUIRE,
        [STD_REL] = EVENT_RELEASE,
        [STD_REQ] = EVENT_REQUEST,
        [STD_READ] = EVENT_READ,
        [STD_WRITE] = EVENT_WRITE,
    };
    struct importer *importer = data;
    if (!is_known(importer, op)) {
        importer->changed = true;
        return false;
    }
    uint64_t ticks = op->line * LINE_NS;
    uint32_t stack = stack_of(importer, op->location);
    importer->last_line = op->line;
    if (!importer->writers[op->thread - 1].row.events)
        emit(importer, op->thread, EVENT_THREAD_START, op->thread, 0, ticks - LINE_NS / 2);
    if (op->operation == STD_FORK || op->operation == STD_JOIN) {
        add_thread_op(importer, op, stack, ticks);
    } else if (op->operation != STD_BEGIN && op->operation != STD_END) {
        uint32_t object = object_id(importer, op);
        note_use(importer, object, op->thread, stack, ticks);
        emit(importer, op->thread, kinds[op->operation], object, stack, ticks);
    }
    return importer->error == 0;
}

// --- rows ---

static int put_objects(struct importer *importer)
{
    const struct std_names *names = importer->names;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < names->locks->len + names->variables->len; i++) {
        bool lock = i < names->locks->len;
        bool reentrant = lock && g_array_index(names->lock_facts, struct std_lock, i).reentrant;
        struct trace_object object = {
            .id = i + 1,
            .process_id = 1,
            .kind = lock ? OBJECT_MUTEX : OBJECT_VARIABLE,
            .flags = reentrant ? OBJECT_RECURSIVE : 0,
            .created_ticks = importer->first_use[i],
            .created_by = importer->first_thread[i],
            .create_stack = importer->first_stack[i],
            .ended_ticks = -1,
            .name = lock ? names->locks->pdata[i] : names->variables->pdata[i - names->locks->len],
        };
        r = store_put_object(importer->store, &object);
    }
    return r;
}

static int put_threads(struct importer *importer)
{
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < importer->names->threads->len; i++) {
        struct writer *writer = &importer->writers[i];
        flush(importer, writer);
        writer->row.name = importer->names->threads->pdata[i];
        writer->row.creator_id = g_array_index(importer->names->thread_facts, struct std_thread, i).creator;
        writer->row.create_stack = writer->create_stack;
        r = importer->error ? importer->error : store_put_thread(importer->store, &writer->row);
    }
    return r;
}

static int put_meta(struct importer *importer)
{
    struct trace_process process = {
        .id = 1,
        .started_ticks = 0,
        .ended_ticks = -1,
        .exit_status = -1,
    };
    static const struct {
        const char *name;
        int64_t value;
    } numbers[] = { { "ticks_per_second", 1000000000 }, { "complete", 1 }, { "symbolized", 1 } };
    int r = store_put_process(importer->store, &process);
    for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(numbers); i++)
        r = store_set_number(importer->store, numbers[i].name, numbers[i].value);
    if (r == 0)
        r = store_set_number(
            importer->store, "duration_ticks", (int64_t)((importer->last_line + 1) * LINE_NS));
    if (r == 0)
        r = store_set_text(importer->store, "trenza_version", TRENZA_VERSION);
    if (r == 0)
        r = store_set_text(importer->store, "source", "std");
    return r;
}

static void importer_init(struct importer *importer, struct store *store, const struct std_names *names)
{
    size_t n_objects = names->locks->len + names->variables->len;
    *importer = (struct importer){ .store = store, .names = names };
    importer->writers = g_new0(struct writer, names->threads->len + 1);
    importer->stacks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    importer->first_use = g_new(int64_t, n_objects + 1);
    importer->first_stack = g_new0(uint32_t, n_objects + 1);
    importer->first_thread = g_new0(uint32_t, n_objects + 1);
    for (size_t i = 0; i < n_objects; i++)
        importer->first_use[i] = -1;
    for (uint32_t i = 0; i < names->threads->len; i++)
        importer->writers[i].row = (struct trace_thread){ .id = i + 1,
            .process_id = 1,
            .serial = i + 1,
            .tid = i + 1,
            .started_ticks = -1,
            .ended_ticks = -1 };
}

static void importer_done(struct importer *importer)
{
    for (uint32_t i = 0; i < importer->names->threads->len; i++)
        g_free(importer->writers[i].memory);
    g_free(importer->writers);
    g_hash_table_unref(importer->stacks);
    g_free(importer->first_use);
    g_free(importer->first_stack);
    g_free(importer->first_thread);
}

static int write_trace(FILE *stream, const char *path, const struct std_names *names)
{
    struct store *store = NULL;
    struct importer importer;
    int r = store_create(path, &store);
    if (r < 0) {
        command_fail("%s", store ? store_message(store) : g_strerror(-r));
        store_close(store);
        return COMMAND_FAILED;
    }
    importer_init(&importer, store, names);
    struct std_names *again = std_names_new();
    g_autofree char *error = std_file_read(stream, again, add_op, &importer);
    r = importer.error;
    if (r == 0)
        r = put_threads(&importer);
    if (r == 0)
        r = put_objects(&importer);
    if (r == 0)
        r = put_meta(&importer);
    g_autofree char *message = r < 0 ? g_strdup(store_message(store)) : NULL;
    bool changed = importer.changed || error;
    importer_done(&importer);
    std_names_free(again);
    int closed = store_close(store);
    if (changed)
        return command_fail("import: the file has changed while it was read");
    if (message || closed < 0)
        return command_fail("%s", message ? message : g_strerror(-closed));
    return COMMAND_OK;
}

// What cannot be read twice (a pipe) is copied first.
static FILE *open_input(const char *path)
{
    FILE *stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!stream || fseeko(stream, 0, SEEK_SET) == 0)
        return stream;
    FILE *copy = tmpfile();
    char buffer[65536];
    size_t n;
    while (copy && (n = fread(buffer, 1, sizeof buffer, stream)) > 0)
        fwrite(buffer, 1, n, copy);
    bool good = copy && !ferror(stream) && fflush(copy) == 0 && fseeko(copy, 0, SEEK_SET) == 0;
    int error = errno;
    if (stream != stdin)
        fclose(stream);
    if (!good && copy)
        fclose(copy);
    errno = error ? error : EIO;
    return good ? copy : NULL;
}

static int run(char **operands, char **program)
{
    if (program || !*operands || operands[1])
        return command_fail("import: one file is needed; see `trenza help import`");
    FILE *stream = open_input(*operands);
    if (!stream)
        return command_fail("cannot open '%s': %s", *operands, g_strerror(errno));
    struct std_names *names = std_names_new();
    g_autofree char *error = std_file_read(stream, names, NULL, NULL);
    int code;
    if (error)
        code = command_fail("%s: %s", *operands, error);
    else if (!names->threads->len)
        code = command_fail("%s: there is no operation in it", *operands);
    else if (fseeko(stream, 0, SEEK_SET) < 0)
        code = command_fail("cannot read '%s' again: %s", *operands, g_strerror(errno));
    else
        code = write_trace(stream, options.output ? options.output : "trenza.db", names);
    std_names_free(names);
    if (stream != stdin)
        fclose(stream);
    return code;
}

const struct command command_import = {
    .name = "import",
    .usage = "[-o TRACE] FILE",
    .summary = "Make a trace of a file in RAPID's STD format",
    .details =
        "One operation a line, `T1|acq(L3)|17`: thread, operation, location (a number).\n"
        "acq, rel, req (about to acquire), r, w (of variables), fork, join; begin and end are passed over.\n"
        "Threads may be called T2 or 2. FILE `-` is standard input.",
    .options = entries,
    .run = run,
};
