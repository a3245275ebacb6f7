// SPDX-License-Identifier: MIT
// What /proc says about processes.
#ifndef TRENZA_RECORDER_PROC_H
#define TRENZA_RECORDER_PROC_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Absolute path of what it runs, newly allocated; NULL: not to be found out.
char *proc_executable(pid_t pid);
// Its parent's pid, or 0.
pid_t proc_parent(pid_t pid);
// Its arguments as a JSON array of strings, newly allocated; NULL: not to be found out.
char *proc_arguments(pid_t pid);
// Which of parent's descendants has this pid in the innermost pid namespace it is in; 0: none.
pid_t proc_child(pid_t parent, uint32_t own_pid);
// It has a handler of its own for the signal. False when that is not to be found out.
bool proc_catches(pid_t pid, int signal_number);
// This process has children, zombies among them. What is below it, orphans too, makes that true where it is a subreaper.
bool proc_has_children(void);
// All living descendants of ancestor, of any depth, children before grandchildren: an array of pid_t.
GArray *proc_descendants(pid_t ancestor);

// A JSON array of the n strings. What is not UTF-8 becomes U+FFFD.
char *json_from_strings(const char *const *strings, size_t n);

#endif
