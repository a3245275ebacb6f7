// SPDX-License-Identifier: MIT
// The reader keeps who owns each lock and where each thread is in its life, and nothing of the operations. Names become
// numbers in order of appearance.
#include "std_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 200u

struct owner {
    uint32_t thread; // 0: nobody
    uint32_t depth;
};

struct reader {
    struct std_names *names;
    GHashTable *threads; // char * -> number
    GHashTable *locks;
    GHashTable *variables;
    GArray *owners;   // of struct owner, by lock
    GArray *requests; // of uint32_t, by thread: the lock it is about to acquire; 0: none
    uint64_t line;
    char *error; // NULL: none so far
};

struct std_names *std_names_new(void)
{
    struct std_names *names = g_new0(struct std_names, 1);
    names->threads = g_ptr_array_new_with_free_func(g_free);
    names->locks = g_ptr_array_new_with_free_func(g_free);
    names->variables = g_ptr_array_new_with_free_func(g_free);
    names->thread_facts = g_array_new(false, true, sizeof(struct std_thread));
    names->lock_facts = g_array_new(false, true, sizeof(struct std_lock));
    return names;
}

void std_names_free(struct std_names *names)
{
    if (!names)
        return;
    g_ptr_array_unref(names->threads);
    g_ptr_array_unref(names->locks);
    g_ptr_array_unref(names->variables);
    g_array_unref(names->thread_facts);
    g_array_unref(names->lock_facts);
    g_free(names);
}

static bool fail(struct reader *reader, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fail(struct reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_free(reader->error);
    reader->error = g_strdup_printf("line %" G_GUINT64_FORMAT ": %s", reader->line, what);
    return false;
}

// --- names ---

static uint32_t number_of(GHashTable *numbers, GPtrArray *names, const char *name)
{
    uint32_t number = GPOINTER_TO_UINT(g_hash_table_lookup(numbers, name));
    if (number)
        return number;
    char *copy = g_strdup(name);
    g_ptr_array_add(names, copy);
    g_hash_table_insert(numbers, copy, GUINT_TO_POINTER(names->len));
    return names->len;
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

static uint32_t thread_number(struct reader *reader, const char *name)
{
    g_autofree char *full = is_number(name) ? g_strdup_printf("T%s", name) : g_strdup(name);
    uint32_t number = number_of(reader->threads, reader->names->threads, full);
    g_array_set_size(reader->names->thread_facts, MAX(reader->names->thread_facts->len, number));
    g_array_set_size(reader->requests, MAX(reader->requests->len, number));
    return number;
}

static uint32_t lock_number(struct reader *reader, const char *name)
{
    uint32_t number = number_of(reader->locks, reader->names->locks, name);
    g_array_set_size(reader->names->lock_facts, MAX(reader->names->lock_facts->len, number));
    g_array_set_size(reader->owners, MAX(reader->owners->len, number));
    return number;
}

static const char *thread_name(const struct reader *reader, uint32_t number)
{
    return reader->names->threads->pdata[number - 1];
}

static const char *lock_name(const struct reader *reader, uint32_t number)
{
    return reader->names->locks->pdata[number - 1];
}

static struct std_thread *thread_at(const struct reader *reader, uint32_t number)
{
    return &g_array_index(reader->names->thread_facts, struct std_thread, number - 1);
}

static struct owner *owner_of(const struct reader *reader, uint32_t lock)
{
    return &g_array_index(reader->owners, struct owner, lock - 1);
}

// --- one line ---

static const char *const operation_names[] = {
    [STD_ACQ] = "acq",
    [STD_REL] = "rel",
    [STD_REQ] = "req",
    [STD_READ] = "r",
    [STD_WRITE] = "w",
    [STD_FORK] = "fork",
    [STD_JOIN] = "join",
    [STD_BEGIN] = "begin",
    [STD_END] = "end",
};

static bool parse_operation(struct reader *reader, char *text, struct std_op *ret_op)
{
    char *operand = strchr(text, '(');
    if (operand) {
        char *end = strrchr(operand, ')');
        if (!end || end[1])
            return fail(reader, "'%s' does not end in ')'", text);
        *operand++ = *end = '\0';
    }
    size_t operation = 0;
    while (operation < G_N_ELEMENTS(operation_names) && strcmp(text, operation_names[operation]) != 0)
        operation++;
    if (operation == G_N_ELEMENTS(operation_names))
        return fail(reader, "there is no operation '%s'", text);
    ret_op->operation = (enum std_operation)operation;
    if (operation == STD_BEGIN || operation == STD_END)
        return true;
    if (!operand || !*operand || strlen(operand) > NAME_MAX_BYTES)
        return fail(reader, "%s needs a name in parentheses", text);
    if (operation == STD_FORK || operation == STD_JOIN)
        ret_op->operand = thread_number(reader, operand);
    else if (operation == STD_READ || operation == STD_WRITE)
        ret_op->operand = number_of(reader->variables, reader->names->variables, operand);
    else
        ret_op->operand = lock_number(reader, operand);
    return true;
}

static bool parse_line(struct reader *reader, char *line, struct std_op *ret_op)
{
    if (!g_utf8_validate(line, -1, NULL))
        return fail(reader, "this is no text");
    g_auto(GStrv) fields = g_strsplit(line, "|", 4);
    if (g_strv_length(fields) != 3)
        return fail(reader, "three fields are needed: thread|operation(operand)|location");
    for (char **field = fields; *field; field++)
        g_strstrip(*field);
    if (!*fields[0] || strlen(fields[0]) > NAME_MAX_BYTES)
        return fail(reader, "the thread has no name");
    *ret_op = (struct std_op){ .line = reader->line };
    errno = 0;
    ret_op->location = is_number(fields[2]) ? g_ascii_strtoull(fields[2], NULL, 10) : 0;
    if (!is_number(fields[2]) || errno || ret_op->location > G_MAXINT64)
        return fail(reader, "the location is a number, not '%s'", fields[2]);
    ret_op->thread = thread_number(reader, fields[0]);
    return parse_operation(reader, fields[1], ret_op);
}

// --- could it happen? ---

static bool check_lock(struct reader *reader, const struct std_op *op)
{
    struct owner *owner = owner_of(reader, op->operand);
    const char *thread = thread_name(reader, op->thread);
    const char *lock = lock_name(reader, op->operand);
    bool owns = owner->thread == op->thread;
    if (op->operation == STD_REQ) {
        g_array_index(reader->requests, uint32_t, op->thread - 1) = op->operand;
        return true;
    }
    if (op->operation == STD_ACQ) {
        if (owner->thread && !owns)
            return fail(
                reader, "%s acquires %s, which %s holds", thread, lock, thread_name(reader, owner->thread));
        g_array_index(reader->names->lock_facts, struct std_lock, op->operand - 1).reentrant |= owns;
        owner->thread = op->thread;
        owner->depth++;
        return true;
    }
    if (!owns)
        return fail(reader, "%s releases %s, which it does not hold", thread, lock);
    if (--owner->depth == 0)
        owner->thread = 0;
    return true;
}

static bool check_life(struct reader *reader, const struct std_op *op)
{
    struct std_thread *other = thread_at(reader, op->operand);
    const char *name = thread_name(reader, op->operand);
    if (op->operand == op->thread)
        return fail(reader, "%s cannot %s itself", name, operation_names[op->operation]);
    if (op->operation == STD_FORK && (other->begun || other->creator || other->joined))
        return fail(reader, "%s is forked although it %s", name, other->begun ? "has begun" : "was before");
    if (op->operation == STD_JOIN && other->joined)
        return fail(reader, "%s is joined twice", name);
    if (op->operation == STD_FORK)
        other->creator = op->thread;
    else
        other->joined = true;
    return true;
}

static bool check(struct reader *reader, const struct std_op *op)
{
    struct std_thread *thread = thread_at(reader, op->thread);
    uint32_t request = g_array_index(reader->requests, uint32_t, op->thread - 1);
    if (thread->joined)
        return fail(reader, "%s goes on after it has been joined", thread_name(reader, op->thread));
    if (request && !(op->operation == STD_ACQ && op->operand == request))
        return fail(reader, "%s was about to acquire %s", thread_name(reader, op->thread),
            lock_name(reader, request));
    g_array_index(reader->requests, uint32_t, op->thread - 1) = 0;
    thread->begun = true;
    switch (op->operation) {
    case STD_ACQ:
    case STD_REL:
    case STD_REQ:
        return check_lock(reader, op);
    case STD_FORK:
    case STD_JOIN:
        return check_life(reader, op);
    default:
        return true;
    }
}

char *std_file_read(FILE *stream, struct std_names *names, std_op_fn each, void *data)
{
    struct reader reader = {
        .names = names,
        .threads = g_hash_table_new(g_str_hash, g_str_equal),
        .locks = g_hash_table_new(g_str_hash, g_str_equal),
        .variables = g_hash_table_new(g_str_hash, g_str_equal),
        .owners = g_array_new(false, true, sizeof(struct owner)),
        .requests = g_array_new(false, true, sizeof(uint32_t)),
    };
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool going_on = true;
    while (going_on && (length = getline(&line, &capacity, stream)) >= 0) {
        struct std_op op;
        reader.line++;
        if (strlen(line) < (size_t)length)
            going_on = fail(&reader, "this is no text");
        g_strstrip(line);
        if (!going_on || !*line || *line == '#')
            continue;
        going_on = parse_line(&reader, line, &op) && check(&reader, &op) && (!each || each(&op, data));
    }
    if (!reader.error && ferror(stream))
        fail(&reader, "cannot be read: %s", g_strerror(errno));
    free(line);
    g_hash_table_unref(reader.threads);
    g_hash_table_unref(reader.locks);
    g_hash_table_unref(reader.variables);
    g_array_unref(reader.owners);
    g_array_unref(reader.requests);
    return reader.error;
}
