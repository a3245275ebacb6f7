// SPDX-License-Identifier: MIT
// Starts the program as its user would have, only with the preload in its environment.
#ifndef TRENZA_RECORDER_LAUNCH_H
#define TRENZA_RECORDER_LAUNCH_H

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#define LAUNCH_LIMITS 2u // that are lifted

// What of this process's state a child must get as it was before the recorder changed it.
struct launch_state {
    sigset_t mask;
    struct sigaction child_action;     // SIGCHLD
    struct sigaction file_size_action; // SIGXFSZ
    struct rlimit limits[LAUNCH_LIMITS];
    int was_subreaper;
};

// Blocks the signals in `blocked`, so that a signalfd may have them, collects orphans, and lifts limits.
void launch_prepare(struct launch_state *state, const sigset_t *blocked);
// Puts everything back.
void launch_restore(const struct launch_state *state);

// The preload's path: what was given, or beside the running program (as built, as installed). NULL and *error.
char *launch_find_preload(const char *given, GError **error);

// Starts argv with the preload and the session in its environment. binary: path of what is to be run, when that is no
// script; NULL: as execvp finds argv[0]. mute: its standard streams are /dev/null. 0 and *error (CANNOT_RUN, NOT_FOUND, FAILED) when it could not be.
pid_t launch_program(const struct launch_state *state, char **argv, const char *binary, const char *preload,
    const char *session_path, bool mute, GError **error);

#endif
