// SPDX-License-Identifier: MIT
// What tests of the trace file share. A function that meets an error fails the test that called it.
#ifndef TRENZA_STORE_FIXTURE_H
#define TRENZA_STORE_FIXTURE_H

#include "store.h"

// Set-up and teardown: a test has an empty directory as its working directory, *state is its path.
int fixture_enter(void **state);
int fixture_leave(void **state);
#define FIXTURE_CASE(function) cmocka_unit_test_setup_teardown(function, fixture_enter, fixture_leave)

void fixture_write_file(const char *path, const void *data, size_t size);
// Newly allocated.
uint8_t *fixture_read_file(const char *path, size_t *ret_size);
bool fixture_exists(const char *path);
// How many files and folders are in a folder.
unsigned fixture_entries(const char *path);
// Runs body in a child; returns its result, or 128 + the signal that ended it. No asserts in there: they would go on
// with the next test in the child.
int fixture_in_child(int (*body)(void));

struct store *fixture_create(const char *path);
struct store *fixture_open(const char *path, bool read_only);
// A small finished trace with one fact in it, and a look for it.
void fixture_make_trace(const char *path, const char *fact);
void fixture_assert_fact(const char *path, const char *fact);
// A thread's events, numbered from 0, told by number and thread; and putting so many of them into chunks.
struct trace_event fixture_event(uint32_t thread_id, uint32_t number);
void fixture_put_events(struct store *store, uint32_t thread_id, uint32_t events, uint32_t per_chunk);

#endif
