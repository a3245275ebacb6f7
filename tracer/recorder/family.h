// SPDX-License-Identifier: MIT
// Which process made which. Drain thread only.
#ifndef TRENZA_RECORDER_FAMILY_H
#define TRENZA_RECORDER_FAMILY_H

#include "process.h"

struct family {
    GHashTable *by_pid; // pid, as the process itself sees it -> struct relation of the last one
    GPtrArray
        *processes; // of struct process: alive, or not drained to their end yet; owned by whoever drains them
};

void family_init(struct family *family);
void family_done(struct family *family);

// A process has come: it is given its number, its parent, and the parent's program where it says none.
void family_add(
    struct family *family, struct recording *recording, struct process *process, uint32_t own_pid);
// A process is about to be freed; its children may still be unheard of.
void family_remove(struct family *family, struct process *process);

// The process with a pid, as it sees it itself: NULL when it is gone or was never there.
struct process *family_find(const struct family *family, uint32_t own_pid);
// The process.id of whoever had the pid last; 0: nobody.
uint32_t family_id(const struct family *family, uint32_t own_pid);

#endif
