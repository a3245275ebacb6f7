// SPDX-License-Identifier: MIT
// The preload's side of the handshake described in wire.h.
#ifndef TRENZA_PRELOAD_HANDSHAKE_H
#define TRENZA_PRELOAD_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

struct handshake_result {
    struct wire_segment *segment; // mapped, not inherited by children
    struct wire_session *session; // NULL when not asked for
    uint32_t slots;               // slots mapped
};

// Connects to the recorder named by TRENZA_SESSION and maps what it hands out. False: no recorder, no memory or an
// unsuitable one; nothing is left open. Leaves errno alone; async-signal-safe.
bool handshake(uint32_t kind, uint32_t forked, uint32_t forked_from, uint32_t slots_max, bool want_session,
    struct handshake_result *ret_result);

// Tells the recorder that this process, a child in its parent's memory, is about to be a program that will not come.
void handshake_tell_unseen(enum wire_unseen unseen, const char *name);

#define SESSION_PATH_MAX 108u
// The session's socket, remembered from the environment at first use (a program may clear its own), or set when the
// library starts a recorder itself. "" when there is none. Static memory.
const char *session_path(void);
void session_path_set(const char *path);

#endif
