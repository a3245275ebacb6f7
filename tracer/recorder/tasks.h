// SPDX-License-Identifier: MIT
// What /proc says about the threads of a process right now. Whatever cannot be read counts as "might still act": the
// answers err on the side of saying nothing.
#ifndef TRENZA_RECORDER_TASKS_H
#define TRENZA_RECORDER_TASKS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "events.h"

// True when the thread sleeps in futex() on a word in the object of this kind at address; 0: on any word.
bool task_sleeps_on(pid_t pid, uint32_t tid, uint64_t address, enum object_kind kind);
// True when there is such a thread, and what it does in the kernel is not to be read.
bool task_is_hidden(pid_t pid, uint32_t tid);
// True when there is such a thread, in whatever state.
bool task_exists(pid_t pid, uint32_t tid);
// True when the process has a living thread that is not in the set known (of tids).
bool task_has_unknown(pid_t pid, GHashTable *known);
// True when the process has a handler for a signal that may come from outside.
bool task_handles_signals(pid_t pid);
// True when the memory at address is shared with nobody but the process's own forks.
bool task_memory_is_of_family(pid_t pid, uint64_t address);

#endif
