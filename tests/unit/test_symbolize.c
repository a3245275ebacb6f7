// SPDX-License-Identifier: MIT
// symbolize_trace() on small programs that say themselves where their calls and locks are (symbols/report.h), built with
// and without debug information. Arguments: the paths of these programs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "symbolize.h"

static char **fixtures;

// A trace made by hand from what a fixture reported, symbolised, and read back.
struct trace {
    char *folder;
    char *path;
    struct store *store;
    GPtrArray *modules;  // of char *, paths; id is index + 1
    GHashTable *frames;  // label -> frame id
    GHashTable *objects; // label -> object id
    GHashTable *symbols; // "frame depth" -> struct trace_symbol *
    GHashTable *names;   // object id -> name
    GHashTable *source;  // "file:line" -> text
    GPtrArray *coverage; // of char *, "what detail"
};

// --- building ---

static char *run(const char *const *arguments)
{
    char *output = NULL;
    int status = -1;
    assert_true(g_spawn_sync(
        NULL, (char **)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, &status, NULL));
    assert_int_equal(status, 0);
    return output;
}

static const char *fixture(const char *name)
{
    for (char **each = fixtures; *each; each++)
        if (g_str_has_suffix(*each, name))
            return *each;
    fail_msg("no fixture %s", name);
    return NULL;
}

static uint32_t module_id(struct trace *trace, const char *path, const char *build_id)
{
    for (unsigned i = 0; i < trace->modules->len; i++)
        if (strcmp(g_ptr_array_index(trace->modules, i), path) == 0)
            return i + 1;
    g_ptr_array_add(trace->modules, g_strdup(path));
    struct trace_module module = { .id = trace->modules->len, .path = path, .build_id = build_id };
    assert_int_equal(store_put_module(trace->store, &module), 0);
    return module.id;
}

static void put_code(struct trace *trace, uint32_t module, const char *label, uint64_t offset)
{
    struct trace_frame frame = {
        .id = g_hash_table_size(trace->frames) + 1, .module_id = module, .offset = offset
    };
    assert_int_equal(store_put_frame(trace->store, &frame), 0);
    g_hash_table_insert(trace->frames, g_strdup(label), GUINT_TO_POINTER(frame.id));
}

static void put_data(struct trace *trace, uint32_t module, const char *label, uint64_t offset)
{
    struct trace_object object = { .id = g_hash_table_size(trace->objects) + 1,
        .process_id = 1,
        .kind = OBJECT_MUTEX,
        .address = offset,
        .created_ticks = 0,
        .ended_ticks = -1,
        .module_id = module,
        .module_offset = offset };
    assert_int_equal(store_put_object(trace->store, &object), 0);
    g_hash_table_insert(trace->objects, g_strdup(label), GUINT_TO_POINTER(object.id));
}

static struct trace *trace_new(void)
{
    struct trace *trace = g_new0(struct trace, 1);
    trace->folder = g_dir_make_tmp("test-symbolize-XXXXXX", NULL);
    assert_non_null(trace->folder);
    trace->path = g_build_filename(trace->folder, "trace.db", NULL);
    assert_int_equal(store_create(trace->path, &trace->store), 0);
    trace->modules = g_ptr_array_new_with_free_func(g_free);
    trace->frames = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    trace->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    trace->symbols = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    trace->names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    trace->source = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    trace->coverage = g_ptr_array_new_with_free_func(g_free);
    return trace;
}

static void trace_free(struct trace *trace)
{
    const char *remove[] = { "rm", "-r", trace->folder, NULL };
    store_close(trace->store);
    g_free(run(remove));
    g_ptr_array_unref(trace->modules);
    g_hash_table_unref(trace->frames);
    g_hash_table_unref(trace->objects);
    g_hash_table_unref(trace->symbols);
    g_hash_table_unref(trace->names);
    g_hash_table_unref(trace->source);
    g_ptr_array_unref(trace->coverage);
    g_free(trace->folder);
    g_free(trace->path);
    g_free(trace);
}

// Runs the program and puts down what it reports.
static void record(struct trace *trace, const char *program, const char *build_id)
{
    const char *arguments[] = { program, NULL };
    char *output = run(arguments);
    char **lines = g_strsplit(output, "\n", -1);
    for (char **line = lines; *line && **line; line++) {
        char **words = g_strsplit(*line, " ", 4);
        uint32_t module = module_id(trace, words[3], strcmp(words[3], program) == 0 ? build_id : NULL);
        uint64_t offset = g_ascii_strtoull(words[2], NULL, 16);
        (strcmp(words[0], "code") == 0 ? put_code : put_data)(trace, module, words[1], offset);
        g_strfreev(words);
    }
    g_strfreev(lines);
    g_free(output);
}

// --- reading back ---

static int read_symbol(const struct trace_symbol *symbol, void *data)
{
    struct trace *trace = data;
    struct trace_symbol *copy = g_memdup2(symbol, sizeof(*symbol));
    copy->function = g_intern_string(symbol->function);
    copy->file = g_intern_string(symbol->file);
    g_hash_table_insert(trace->symbols, g_strdup_printf("%u %u", symbol->frame_id, symbol->depth), copy);
    return 0;
}

static int read_object(const struct trace_object *object, void *data)
{
    g_hash_table_insert(((struct trace *)data)->names, GUINT_TO_POINTER(object->id), g_strdup(object->name));
    return 0;
}

static int read_source(const char *file, int64_t line, const char *text, void *data)
{
    g_hash_table_insert(
        ((struct trace *)data)->source, g_strdup_printf("%s:%" G_GINT64_FORMAT, file, line), g_strdup(text));
    return 0;
}

static int read_coverage(uint32_t process_id, const char *what, const char *detail, void *data)
{
    assert_int_equal(process_id, 0);
    g_ptr_array_add(((struct trace *)data)->coverage, g_strdup_printf("%s %s", what, detail));
    return 0;
}

static void symbolize(struct trace *trace, const char *debug_root)
{
    struct symbolize_options options = { .debug_root = debug_root ? debug_root : trace->folder };
    GError *error = NULL;
    assert_true(symbolize_trace(trace->store, &options, &error));
    assert_null(error);
    assert_int_equal(store_each_symbol(trace->store, read_symbol, trace), 0);
    assert_int_equal(store_each_object(trace->store, read_object, trace), 0);
    assert_int_equal(store_each_source(trace->store, read_source, trace), 0);
    assert_int_equal(store_each_coverage(trace->store, read_coverage, trace), 0);
}

static const struct trace_symbol *symbol(struct trace *trace, const char *label, unsigned depth)
{
    assert_true(g_hash_table_contains(trace->frames, label));
    char *key = g_strdup_printf("%u %u", GPOINTER_TO_UINT(g_hash_table_lookup(trace->frames, label)), depth);
    const struct trace_symbol *found = g_hash_table_lookup(trace->symbols, key);
    g_free(key);
    return found;
}

// The line named is the one in the source that carries this text.
static void expect_line(struct trace *trace, const char *label, unsigned depth, const char *function,
    bool inlined, const char *text)
{
    const struct trace_symbol *found = symbol(trace, label, depth);
    assert_non_null(found);
    assert_string_equal(found->function, function);
    assert_int_equal(found->inlined, inlined);
    assert_non_null(found->file);
    assert_true(g_path_is_absolute(found->file));
    assert_null(strstr(found->file, "/../"));
    char *place = g_strdup_printf("%s:%" G_GINT64_FORMAT, found->file, found->line);
    const char *line = g_hash_table_lookup(trace->source, place);
    g_free(place);
    assert_non_null(line);
    if (!strstr(line, text))
        fail_msg("%s: the line is '%s', not the one with '%s'", label, line, text);
}

static void expect_name(struct trace *trace, const char *label, const char *name)
{
    assert_true(g_hash_table_contains(trace->objects, label));
    const char *found = g_hash_table_lookup(trace->names, g_hash_table_lookup(trace->objects, label));
    if (g_strcmp0(found, name) != 0)
        fail_msg("%s is called '%s' instead of '%s'", label, found ? found : "NULL", name ? name : "NULL");
}

// --- C with debug information ---

static void expect_debugged_c(struct trace *trace)
{
    expect_line(trace, "inlined", 0, "innermost", true, "// in innermost");
    expect_line(trace, "inlined", 1, "middle", true, "// in middle");
    expect_line(trace, "inlined", 2, "visible", false, "// in visible");
    assert_null(symbol(trace, "inlined", 3));
    expect_line(trace, "visible", 0, "visible", false, "// after middle");
    expect_line(trace, "hidden", 0, "hidden", false, "// in hidden");
    expect_line(trace, "entered", 0, "entered", false, "{");
    assert_int_equal(symbol(trace, "entered", 0)->function_offset, 1);
    expect_line(trace, "library", 0, "call_back", false, "// in call_back");

    expect_name(trace, "queue_lock", "queue_lock");
    expect_name(trace, "account_lock", "accounts[3].lock");
    expect_name(trace, "worker_ready", "pool.workers[1][2].ready");
    expect_name(trace, "worker_changed", "pool.workers[0][1].changed");
    expect_name(trace, "spin", "spin");
    expect_name(trace, "lock", "lock (fixture.c)");
    expect_name(trace, "other_lock", "lock (fixture_other.c)");
    expect_name(trace, "only_here", "only_here");
    expect_name(trace, "twice_1", "twice (report_locals)");
    expect_name(trace, "twice_2", "twice (report_locals_again)");
    expect_name(trace, "inside_lock", "accounts[1]+0x4");
    assert_int_equal(trace->coverage->len, 0);
}

static void test_debugged(void **state)
{
    struct trace *trace = trace_new();
    record(trace, fixture(*state), NULL);
    symbolize(trace, NULL);
    expect_debugged_c(trace);
    trace_free(trace);
}

static void test_twice_is_the_same(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    record(trace, fixture("pie"), NULL);
    symbolize(trace, NULL);
    unsigned symbols = g_hash_table_size(trace->symbols);
    symbolize(trace, NULL);
    assert_int_equal(g_hash_table_size(trace->symbols), symbols);
    expect_debugged_c(trace);
    trace_free(trace);
}

static void test_source_around(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    record(trace, fixture("pie"), NULL);
    symbolize(trace, NULL);
    const struct trace_symbol *hidden = symbol(trace, "hidden", 0);
    for (int64_t line = hidden->line - 3; line <= hidden->line + 3; line++) {
        char *place = g_strdup_printf("%s:%" G_GINT64_FORMAT, hidden->file, line);
        assert_true(g_hash_table_contains(trace->source, place));
        g_free(place);
    }
    char *first = g_strdup_printf("%s:1", hidden->file);
    assert_false(g_hash_table_contains(trace->source, first));
    g_free(first);
    trace_free(trace);
}

// --- without debug information ---

static void test_undebugged(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    record(trace, fixture("undebugged"), NULL);
    symbolize(trace, NULL);
    assert_string_equal(symbol(trace, "inlined", 0)->function, "visible");
    assert_null(symbol(trace, "inlined", 0)->file);
    assert_null(symbol(trace, "inlined", 1));
    assert_string_equal(symbol(trace, "hidden", 0)->function, "hidden");
    assert_in_range(symbol(trace, "hidden", 0)->function_offset, 1, 100);
    expect_name(trace, "queue_lock", "queue_lock");
    expect_name(trace, "account_lock", "accounts+0x98");
    expect_name(trace, "lock", "lock (fixture.c)");
    expect_name(trace, "other_lock", "lock (fixture_other.c)");
    trace_free(trace);
}

static void test_stripped(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    record(trace, fixture("stripped"), NULL);
    symbolize(trace, NULL);
    assert_string_equal(symbol(trace, "visible", 0)->function, "visible");
    assert_true(symbol(trace, "visible", 0)->function_offset > symbol(trace, "inlined", 0)->function_offset);
    // No symbol covers it; the one before must not be taken for it.
    assert_null(symbol(trace, "hidden", 0));
    expect_name(trace, "account_lock", "accounts+0x98");
    expect_name(trace, "lock", NULL);
    trace_free(trace);
}

// --- separate debug information ---

static char *build_id_of(const char *program)
{
    const char *arguments[] = { "readelf", "-n", program, NULL };
    char *output = run(arguments);
    char *id = strstr(output, "Build ID: ");
    assert_non_null(id);
    id = g_strndup(id + 10, strspn(id + 10, "0123456789abcdef"));
    g_free(output);
    return id;
}

// A copy of the program in the trace's folder, stripped; its debug information goes to `debug_file`.
static char *split(struct trace *trace, const char *program, const char *debug_file)
{
    char *copy = g_build_filename(trace->folder, "program", NULL);
    char *folder = g_path_get_dirname(debug_file);
    assert_int_equal(g_mkdir_with_parents(folder, 0700), 0);
    g_free(folder);
    const char *keep[] = { "objcopy", "--only-keep-debug", program, debug_file, NULL };
    const char *strip[] = { "objcopy", "--strip-all", program, copy, NULL };
    g_free(run(keep));
    g_free(run(strip));
    return copy;
}

static void test_separate_by_build_id(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    char *build_id = build_id_of(fixture("pie"));
    char *debug_file = g_strdup_printf("%s/.build-id/%.2s/%s.debug", trace->folder, build_id, build_id + 2);
    char *program = split(trace, fixture("pie"), debug_file);
    record(trace, program, build_id);
    symbolize(trace, trace->folder);
    expect_debugged_c(trace);
    g_free(program);
    g_free(debug_file);
    g_free(build_id);
    trace_free(trace);
}

static void test_separate_by_build_id_when_program_is_gone(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    char *build_id = build_id_of(fixture("pie"));
    char *debug_file = g_strdup_printf("%s/.build-id/%.2s/%s.debug", trace->folder, build_id, build_id + 2);
    char *program = split(trace, fixture("pie"), debug_file);
    record(trace, program, build_id);
    assert_int_equal(g_unlink(program), 0);
    symbolize(trace, trace->folder);
    expect_debugged_c(trace);
    g_free(program);
    g_free(debug_file);
    g_free(build_id);
    trace_free(trace);
}

static void separate_by_link(struct trace *trace, bool damage)
{
    char *debug_file = g_build_filename(trace->folder, ".debug", "program.debug", NULL);
    char *program = split(trace, fixture("pie"), debug_file);
    char *link = g_strdup_printf("--add-gnu-debuglink=%s", debug_file);
    const char *add[] = { "objcopy", link, "--remove-section=.note.gnu.build-id", program, NULL };
    g_free(run(add));
    if (damage) {
        FILE *file = fopen(debug_file, "a");
        assert_non_null(file);
        fputc('x', file);
        fclose(file);
    }
    record(trace, program, NULL);
    symbolize(trace, NULL);
    g_free(link);
    g_free(program);
    g_free(debug_file);
}

static void test_separate_by_link(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    separate_by_link(trace, false);
    expect_debugged_c(trace);
    trace_free(trace);
}

static void test_separate_by_link_of_another_build(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    separate_by_link(trace, true);
    assert_null(symbol(trace, "hidden", 0));
    trace_free(trace);
}

// --- what is not there ---

static void test_another_build_is_not_used(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    record(trace, fixture("pie"), "0123456789abcdef0123456789abcdef01234567");
    symbolize(trace, NULL);
    assert_null(symbol(trace, "visible", 0));
    assert_non_null(symbol(trace, "library", 0));
    expect_name(trace, "queue_lock", NULL);
    assert_int_equal(trace->coverage->len, 1);
    char *row = g_strdup_printf("module-changed %s", fixture("pie"));
    assert_string_equal(g_ptr_array_index(trace->coverage, 0), row);
    g_free(row);
    trace_free(trace);
}

static void test_missing_files_are_quiet(void **state)
{
    (void)state;
    static const char *const paths[] = { "[vdso]", "linux-vdso.so.1", "/nonexistent/lib.so (deleted)",
        "/dev/null", "/etc/passwd", "/", "" };
    struct trace *trace = trace_new();
    char *fifo = g_build_filename(trace->folder, "fifo", NULL);
    const char *make[] = { "mkfifo", fifo, NULL };
    g_free(run(make));
    for (unsigned i = 0; i <= G_N_ELEMENTS(paths); i++) {
        char *label = g_strdup_printf("missing %u", i);
        const char *path = i < G_N_ELEMENTS(paths) ? paths[i] : fifo;
        uint32_t module = module_id(trace, path, i % 2 ? "00" : NULL);
        put_code(trace, module, label, 0x1000);
        put_data(trace, module, label, 0x2000);
        g_free(label);
    }
    put_code(trace, 0, "generated", 0x7f0000001000);
    put_code(trace, 99, "no such module", 0x1000);
    symbolize(trace, NULL);
    assert_int_equal(g_hash_table_size(trace->symbols), 0);
    assert_int_equal(trace->coverage->len, 0);
    g_free(fifo);
    trace_free(trace);
}

// A file that ends early, or is damaged in the middle, gives fewer names and nothing worse.
static void test_damaged_files(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    assert_true(g_file_get_contents(fixture("pie"), &bytes, &size, NULL));
    GRand *random = g_rand_new_with_seed(1);
    for (unsigned round = 0; round < 60; round++) {
        struct trace *trace = trace_new();
        char *path = g_build_filename(trace->folder, "damaged", NULL);
        char *damaged = g_memdup2(bytes, size);
        for (unsigned i = 0; i < 40; i++)
            damaged[g_rand_int_range(random, 64, (int)size)] = (char)g_rand_int(random);
        size_t length = round % 3 ? size : (size_t)g_rand_int_range(random, 0, (int)size);
        assert_true(g_file_set_contents(path, damaged, (gssize)length, NULL));
        uint32_t module = module_id(trace, path, NULL);
        for (uint64_t offset = 0x1000; offset < 0x1600; offset += 16) {
            char *label = g_strdup_printf("%" G_GUINT64_FORMAT, offset);
            put_code(trace, module, label, offset);
            put_data(trace, module, label, offset + 0x3000);
            g_free(label);
        }
        symbolize(trace, NULL);
        g_free(damaged);
        g_free(path);
        trace_free(trace);
    }
    g_rand_free(random);
    g_free(bytes);
}

static void test_unwritable_trace_is_an_error(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    record(trace, fixture("pie"), NULL);
    assert_int_equal(store_close(trace->store), 0);
    assert_int_equal(store_open(trace->path, true, &trace->store), 0);
    GError *error = NULL;
    assert_false(symbolize_trace(trace->store, NULL, &error));
    assert_true(g_error_matches(error, SYMBOLIZE_ERROR, SYMBOLIZE_ERROR_STORE));
    g_error_free(error);
    trace_free(trace);
}

// --- C++ ---

static void test_cpp(void **state)
{
    struct trace *trace = trace_new();
    record(trace, fixture(*state), NULL);
    symbolize(trace, NULL);
    expect_line(trace, "method", 0, "bank::vault::open(int)", false, "// in open");
    assert_non_null(
        strstr(symbol(trace, "lambda", 0)->function, "operator()")); // compilers differ in the rest
    expect_line(trace, "lambda", 0, symbol(trace, "lambda", 0)->function, true, "// the lambda");
    assert_non_null(strstr(symbol(trace, "lambda", 1)->function, "run<"));
    expect_name(trace, "member", "bank::vaults[2].mutex_");
    expect_name(trace, "first_member", "bank::vaults[1].mutex_");
    expect_name(trace, "recursive", "bank::vaults[1].again_");
    expect_name(trace, "pthread_member", "bank::vaults[0].plain_");
    expect_name(trace, "static_member", "bank::vault::shared_");
    expect_name(trace, "unnamed", "(anonymous namespace)::unnamed");
    expect_name(trace, "element", "locks[2]");
    expect_name(trace, "optional", "maybe");
    expect_name(trace, "condition", "condition");
    expect_name(trace, "local", "local_mutex()::mutex");
    trace_free(trace);
}

int main(int count, char **arguments)
{
    if (count < 2)
        return EXIT_FAILURE;
    fixtures = arguments + 1;
    for (char **each = fixtures; *each; each++)
        *each = g_canonicalize_filename(*each, NULL);
    // Copies of the programs still find their library.
    char *folder = g_path_get_dirname(fixtures[0]);
    g_setenv("LD_LIBRARY_PATH", folder, TRUE);
    g_free(folder);
    const struct CMUnitTest tests[] = {
        { "debugged, position-independent", test_debugged, NULL, NULL, (void *)"pie" },
        { "debugged, DWARF 4, at a fixed address", test_debugged, NULL, NULL, (void *)"fixed" },
        { "debugged, with type units", test_debugged, NULL, NULL, (void *)"types" },
        cmocka_unit_test(test_twice_is_the_same),
        cmocka_unit_test(test_source_around),
        cmocka_unit_test(test_undebugged),
        cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_separate_by_build_id),
        cmocka_unit_test(test_separate_by_build_id_when_program_is_gone),
        cmocka_unit_test(test_separate_by_link),
        cmocka_unit_test(test_separate_by_link_of_another_build),
        cmocka_unit_test(test_another_build_is_not_used),
        cmocka_unit_test(test_missing_files_are_quiet),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_unwritable_trace_is_an_error),
        { "C++, DWARF 4", test_cpp, NULL, NULL, (void *)"cpp-dwarf-4" },
        { "C++, DWARF 5", test_cpp, NULL, NULL, (void *)"cpp-dwarf-5" },
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (char **each = fixtures; *each; each++)
        g_free(*each);
    return failed;
}
