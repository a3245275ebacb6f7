// SPDX-License-Identifier: MIT
// The functions behind the hooks, resolved once.
#ifndef TRENZA_PRELOAD_REAL_H
#define TRENZA_PRELOAD_REAL_H

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <threads.h>
#include <unistd.h>

struct real {
#define TRENZA_REAL(name) __typeof__(name) *name;
#define TRENZA_REAL_VERSION(name, version) __typeof__(name) *name;
#include "real_list.h"
#undef TRENZA_REAL
#undef TRENZA_REAL_VERSION
};

extern struct real real_functions;

// Fills real_functions; safe to call again and from several threads (all store the same values).
void real_resolve(void);

// The part of it that hooks_blocking.c keeps to itself.
void blocking_resolve(void);

// Whether malloc_usable_size() knows what free() gets: a program's own allocator may have the one without the other.
bool real_sizes_known(void);

// The real function; resolves when a constructor of another library came before ours.
#define REAL(name)                                                                                           \
    (__builtin_expect(real_functions.name == NULL, 0) ? (real_resolve(), real_functions.name)                \
                                                      : real_functions.name)

#endif
