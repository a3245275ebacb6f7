// SPDX-License-Identifier: MIT
// The environment of programs that a recorded program starts: they join the recording, also when their environment was
// cleaned.
#ifndef TRENZA_PRELOAD_ENVIRONMENT_H
#define TRENZA_PRELOAD_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

// Remembers the absolute path of this library. Called once, by the constructor.
void environment_setup(void);
// This library's path; "" before environment_setup() or when it could not be found out.
const char *environment_library(void);

// True when a program started with envp would not join the recording by itself.
bool environment_needs_change(char *const envp[]);
// Bytes of memory that environment_change() needs.
size_t environment_bytes(char *const envp[]);
// An environment like envp with LD_PRELOAD and TRENZA_SESSION as they must be, built in memory of the caller's (its
// stack: this may run in a vfork child). The strings of envp are shared with it.
char **environment_change(char *const envp[], void *memory);

// envp itself when it will do, else a changed one in the calling function's own stack frame.
#define ENVIRONMENT(envp)                                                                                    \
    (environment_needs_change(envp) ? environment_change((envp), __builtin_alloca(environment_bytes(envp)))  \
                                    : (char **)(envp))

#endif
