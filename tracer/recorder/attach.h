// SPDX-License-Identifier: MIT
// Processes come and go: the handshake of wire.h on one side, pidfds on the other. Main thread only.
#ifndef TRENZA_RECORDER_ATTACH_H
#define TRENZA_RECORDER_ATTACH_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "drain.h"
#include "session.h"

struct attach {
    struct session *session;
    struct drain *drain;
    int spare_fd;        // given up for a moment when descriptors have run out
    int epoll_fd;        // where descriptors are waited for; events carry a struct attach_source
    GHashTable *targets; // pid -> struct target: processes that are alive
    unsigned ever;       // processes that ever came
    unsigned unwatched;  // of the targets: without a pidfd
    int refused;         // errno of the last one that could not be given memory; 0: there was none
};

enum attach_source_kind {
    ATTACH_OTHER, // not attach's: the owner of the epoll descriptor knows
    ATTACH_LISTENER,
    ATTACH_CONNECTION,
    ATTACH_PIDFD,
};

// What an epoll event points at.
struct attach_source {
    enum attach_source_kind kind;
    int fd;
};

bool attach_init(struct attach *attach, struct session *session, struct drain *drain, int epoll_fd);
void attach_done(struct attach *attach);

// Handles an epoll event whose source is attach's own; may free the source.
void attach_handle(struct attach *attach, struct attach_source *source);
// Watches the children that have begun in the nursery.
void attach_look_for_births(struct attach *attach);
// waitpid said this of a child. Tells which processes' statuses are known.
void attach_reaped(struct attach *attach, pid_t pid, int status);
// Sees the ends of those that have no pidfd; call it about once a second.
void attach_poll(struct attach *attach);
// It is recorded. What it ran when it came: *ret_executable, attach's own; NULL where that was not to be found out.
bool attach_knows(const struct attach *attach, pid_t pid, const char **ret_executable);
// How many recorded processes are alive.
unsigned attach_alive(const struct attach *attach);
// Adds their pids to an array of pid_t, but for those that only the processes themselves have told: descendants of the program.
void attach_collect(const struct attach *attach, GArray *pids);

#endif
