// SPDX-License-Identifier: MIT
// What all processes of one recording share: the socket they come to, the session page, the heartbeat, the clock.
#ifndef TRENZA_RECORDER_SESSION_H
#define TRENZA_RECORDER_SESSION_H

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

#include "clock.h"
#include "wire.h"

struct session {
    char *directory;           // private (0700), made for this recording
    char *socket_path;         // in it
    int listener;              // SOCK_SEQPACKET, listening
    int page_fd;               // memfd of the page, handed to every process
    struct wire_session *page; // mapped here
    uint64_t bytes;            // of the mapping: a page, or all with the nursery
    struct clock clock;
    pthread_t heart;
    bool heart_beats;
    _Atomic uint32_t heart_stops; // futex word: 1 when it shall
};

// Makes all of it and lets the heart beat. The directory is made where the system has one for such things, if need be in
// fallback_folder. False: *error says why, nothing is left behind.
bool session_open(struct session *session, const char *fallback_folder, bool drop_when_full,
    bool blocking_calls, GError **error);
// Behind the page; NULL: there is none.
struct wire_nursery *session_nursery(const struct session *session);
// Tells every target that the recording is over. Any thread.
void session_announce_end(struct session *session);
// Wakes the drain thread. Any thread.
void session_ring_doorbell(struct session *session);
// The path of a symbolic link in the session's directory to target, newly allocated; NULL: it could not be made. One per
// session.
char *session_link(struct session *session, const char *target);
// Removes all of it. Fine after a failed session_open.
void session_close(struct session *session);

// FUTEX_WAIT and FUTEX_WAKE on a word that other processes see.
void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns);
void futex_wake(_Atomic uint32_t *word);

#endif
