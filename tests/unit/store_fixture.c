// SPDX-License-Identifier: MIT
// What tests of the trace file share.
#include "store_fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

int fixture_enter(void **state)
{
    char *directory = strdup("/tmp/trenza-store-XXXXXX");
    *state = directory;
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

int fixture_leave(void **state)
{
    int r = chdir("/") || chmod(*state, 0700) || nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return r;
}

void fixture_write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

uint8_t *fixture_read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *ret_size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*ret_size + 1);
    assert_int_equal(fread(data, 1, *ret_size, file), *ret_size);
    fclose(file);
    return data;
}

bool fixture_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

unsigned fixture_entries(const char *path)
{
    unsigned n = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return n;
}

// Runs body in a child; returns its result, or 128 + the signal that ended it.
int fixture_in_child(int (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct store *fixture_create(const char *path)
{
    struct store *store;
    int r = store_create(path, &store);
    if (r < 0)
        fail_msg("%s", store_message(store));
    return store;
}

struct store *fixture_open(const char *path, bool read_only)
{
    struct store *store;
    int r = store_open(path, read_only, &store);
    if (r < 0)
        fail_msg("%s", store_message(store));
    return store;
}

// A small finished trace with one fact in it.
void fixture_make_trace(const char *path, const char *fact)
{
    struct store *store = fixture_create(path);
    assert_int_equal(store_set_text(store, "fact", fact), 0);
    assert_int_equal(store_close(store), 0);
}

void fixture_assert_fact(const char *path, const char *fact)
{
    struct store *store = fixture_open(path, true);
    char *text = store_get_text(store, "fact");
    assert_non_null(text);
    assert_string_equal(text, fact);
    free(text);
    store_close(store);
}

struct trace_event fixture_event(uint32_t thread_id, uint32_t i)
{
    return (struct trace_event){ i * 10 + thread_id, thread_id * 3, i % 7, i % 50 ? 0 : i,
        i % 2 ? EVENT_RELEASE : EVENT_ACQUIRE };
}

void fixture_put_events(struct store *store, uint32_t thread_id, uint32_t events, uint32_t per_chunk)
{
    static uint8_t memory[1 << 16];
    struct chunk_encoder encoder;
    uint32_t sequence = 0;
    chunk_encoder_init(&encoder, memory, sizeof memory);
    for (uint32_t i = 0; i < events; i++) {
        struct trace_event event = fixture_event(thread_id, i);
        chunk_encode(&encoder, &event);
        if (encoder.events == per_chunk || i + 1 == events) {
            struct trace_chunk chunk = { thread_id, sequence++, encoder.first_ticks, encoder.last_ticks,
                encoder.events, encoder.data, encoder.size };
            assert_int_equal(store_put_chunk(store, &chunk), 0);
            chunk_encoder_restart(&encoder);
        }
    }
}
