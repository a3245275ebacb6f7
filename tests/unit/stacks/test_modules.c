// SPDX-License-Identifier: MIT
// The module table says of every loaded file where it is, what it is called and what its build-id is; modules that come
// are added when they are met, modules that go are marked.
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "modules.h"

enum { LOADED = 2, UNLOADED = 3 };

static struct wire_segment segment;
static const char *library_path;

static struct wire_module *find_module(struct wire_segment *table, uintptr_t address, uint32_t state)
{
    for (unsigned i = 0; i < table->modules_used; i++) {
        struct wire_module *module = &table->modules[i];
        if (module->state == state && address >= module->map_start && address < module->map_end)
            return module;
    }
    return NULL;
}

static unsigned count_loaded(struct wire_segment *table)
{
    unsigned count = 0;
    for (unsigned i = 0; i < table->modules_used; i++)
        count += table->modules[i].state == LOADED;
    return count;
}

static int check_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    unsigned *count = data;
    struct wire_module *module = NULL;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD)
            continue;
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        module = find_module(&segment, start, LOADED);
        assert_non_null(module);
        assert_ptr_equal(module, find_module(&segment, start + header->p_memsz - 1, LOADED));
        assert_int_equal(module->bias, info->dlpi_addr);
    }
    char path[PATH_MAX];
    if (info->dlpi_name[0] == '\0')
        path[readlink("/proc/self/exe", path, sizeof path - 1)] = '\0';
    else if (strstr(info->dlpi_name, "vdso"))
        strcpy(path, "[vdso]");
    else
        strcpy(path, info->dlpi_name);
    assert_string_equal(module->path, path);
    (*count)++;
    return 0;
}

static void everything_loaded_is_announced(void **state)
{
    (void)state;
    modules_announce_loaded(&segment, 1000);
    unsigned count = 0;
    dl_iterate_phdr(check_object, &count);
    assert_true(count >= 4);
    assert_int_equal(count_loaded(&segment), count);
    assert_true(modules_is_own((uintptr_t)modules_announce));
    assert_false(modules_is_own((uintptr_t)qsort));
}

// readelf's word for it.
static void build_ids_are_right(void **state)
{
    (void)state;
    unsigned checked = 0;
    for (unsigned i = 0; i < segment.modules_used; i++) {
        const struct wire_module *module = &segment.modules[i];
        if (module->path[0] != '/')
            continue;
        char command[WIRE_MODULE_PATH + 100], wanted[100] = "", got[100] = "";
        snprintf(command, sizeof command, "readelf -n '%s' 2>/dev/null | sed -n 's/.*Build ID: //p'",
            module->path);
        FILE *pipe = popen(command, "r");
        if (!fgets(wanted, sizeof wanted, pipe))
            wanted[0] = '\0';
        pclose(pipe);
        wanted[strcspn(wanted, "\n")] = '\0';
        for (unsigned k = 0; k < module->build_id_size; k++)
            sprintf(got + 2 * k, "%02x", module->build_id[k]);
        assert_string_equal(got, wanted);
        checked += wanted[0] != '\0';
    }
    assert_true(checked >= 2);
}

static unsigned gone_modules;
static uintptr_t gone_start;

static void count_gone(uintptr_t start, uintptr_t end, void *data)
{
    assert_true(start < end);
    assert_ptr_equal(data, &segment);
    gone_start = start;
    gone_modules++;
}

static void libraries_come_and_go(void **state)
{
    (void)state;
    const unsigned before = segment.modules_used;
    for (unsigned round = 0; round < 2; round++) {
        void *handle = dlopen(library_path, RTLD_LAZY);
        assert_non_null(handle);
        uintptr_t function = (uintptr_t)dlsym(handle, "library_tree");
        for (unsigned again = 0; again < 3; again++)
            modules_announce(&segment, function, 2000 + round);
        struct wire_module *module = find_module(&segment, function, LOADED);
        assert_non_null(module);
        assert_string_equal(module->path, library_path);
        assert_int_equal(module->loaded_ticks, 2000 + round);
        assert_int_equal(module->unloaded_ticks, 0);
        modules_drop_unloaded(&segment, 2500, count_gone, &segment);
        assert_int_equal(gone_modules, round);

        dlclose(handle);
        modules_drop_unloaded(&segment, 3000 + round, count_gone, &segment);
        assert_int_equal(gone_modules, round + 1);
        assert_int_equal(gone_start, module->map_start);
        assert_int_equal(module->state, UNLOADED);
        assert_int_equal(module->unloaded_ticks, 3000 + round);
        modules_announce(&segment, function, 4000);
        assert_null(find_module(&segment, function, LOADED));
    }
    assert_int_equal(segment.modules_used, before + 2);
}

static void relative_names_become_absolute(void **state)
{
    (void)state;
    char folder[PATH_MAX], relative[PATH_MAX + 2];
    strcpy(folder, library_path);
    *strrchr(folder, '/') = '\0';
    snprintf(relative, sizeof relative, "./%s", strrchr(library_path, '/') + 1);
    assert_int_equal(chdir(folder), 0);
    void *handle = dlopen(relative, RTLD_LAZY);
    assert_non_null(handle);
    uintptr_t function = (uintptr_t)dlsym(handle, "library_tree");
    modules_announce(&segment, function, 5000);
    struct wire_module *module = find_module(&segment, function, LOADED);
    assert_non_null(module);
    assert_int_equal(module->path[0], '/');
    assert_int_equal(access(module->path, R_OK), 0);
    dlclose(handle);
    modules_drop_unloaded(&segment, 5001, count_gone, &segment);
}

static void a_child_has_its_parents_modules(void **state)
{
    (void)state;
    void *handle = dlopen(library_path, RTLD_LAZY);
    modules_announce(&segment, (uintptr_t)dlsym(handle, "library_tree"), 6000);
    unsigned loaded = count_loaded(&segment);
    static struct wire_segment fresh;
    pid_t child = fork();
    if (child == 0) {
        modules_announce_loaded(&fresh, 7000);
        bool good = count_loaded(&fresh) == loaded;
        for (unsigned i = 0; good && i < segment.modules_used; i++) {
            const struct wire_module *module = &segment.modules[i];
            if (module->state == LOADED) {
                const struct wire_module *copy = find_module(&fresh, module->map_start, LOADED);
                good = copy && strcmp(copy->path, module->path) == 0 && copy->bias == module->bias &&
                       memcmp(copy->build_id, module->build_id, 20) == 0;
            }
        }
        _exit(good ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    dlclose(handle);
    modules_drop_unloaded(&segment, 7000, count_gone, &segment);
}

static uintptr_t raced_address;
static pthread_barrier_t barrier;

static void *announce_in_thread(void *data)
{
    pthread_barrier_wait(&barrier);
    modules_announce(&segment, raced_address, 8000);
    return data;
}

static void threads_announce_a_module_once(void **state)
{
    (void)state;
    pthread_barrier_init(&barrier, NULL, 4);
    for (unsigned round = 0; round < 100; round++) {
        void *handle = dlopen(library_path, RTLD_LAZY);
        raced_address = (uintptr_t)dlsym(handle, "library_tree");
        unsigned loaded = count_loaded(&segment);
        pthread_t threads[4];
        for (unsigned i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, announce_in_thread, NULL);
        for (unsigned i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(count_loaded(&segment), loaded + 1);
        dlclose(handle);
        modules_drop_unloaded(&segment, 8001, count_gone, &segment);
        assert_int_equal(count_loaded(&segment), loaded);
    }
}

static void a_plugin_reloaded_for_ever_stays_named(void **state)
{
    (void)state;
    for (unsigned round = 0; round < WIRE_MODULES + 200; round++) {
        void *handle = dlopen(library_path, RTLD_LAZY);
        uintptr_t function = (uintptr_t)dlsym(handle, "library_tree");
        modules_announce(&segment, function, 9000 + round);
        struct wire_module *module = find_module(&segment, function, LOADED);
        assert_non_null(module);
        assert_string_equal(module->path, library_path);
        dlclose(handle);
        modules_drop_unloaded(&segment, 9000 + round, count_gone, &segment);
    }
    assert_int_equal(segment.modules_used, WIRE_MODULES);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    library_path = realpath(argv[1], NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_loaded_is_announced),
        cmocka_unit_test(build_ids_are_right),
        cmocka_unit_test(libraries_come_and_go),
        cmocka_unit_test(relative_names_become_absolute),
        cmocka_unit_test(a_child_has_its_parents_modules),
        cmocka_unit_test(threads_announce_a_module_once),
        cmocka_unit_test(a_plugin_reloaded_for_ever_stays_named),
    };
    return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}
