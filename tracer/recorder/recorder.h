// SPDX-License-Identifier: MIT
// Runs a program (or waits for processes that attach by themselves), drains their rings and writes the trace.
#ifndef TRENZA_RECORDER_H
#define TRENZA_RECORDER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

enum recorder_on_deadlock {
    RECORDER_DEADLOCK_WAIT, // note it in the trace and go on
    RECORDER_DEADLOCK_STOP, // note it and end the whole process tree
};

// A place in the code: the innermost return addresses of a stack.
struct recorder_frame {
    const char *path;
    const char *build_id; // hex digits; NULL: none
    uint64_t offset;      // return address - bias
};
#define RECORDER_PLACE_FRAMES 8u
struct recorder_place {
    struct recorder_frame frames[RECORDER_PLACE_FRAMES];
    unsigned n_frames; // at least 1
};
#define RECORDER_PLACES 8u

// Holds threads up where each is about to take a lock that who comes to the next place holds, until they wait for each
// other in a circle.
struct recorder_steering {
    const struct recorder_place *places;
    unsigned n_places; // at most RECORDER_PLACES; 0: no steering
    const struct recorder_place
        *gate;       // one thread waits here until all places but one have theirs; NULL: none
    double patience; // seconds a thread is held up, the first time it comes in vain; then half of it ...
};

// Zero is a good default for every field but output.
struct recorder_options {
    const char *output; // path of the trace; an old one becomes path.old
    char **argv;        // the program and its arguments, NULL-terminated; NULL: attach mode, see below
    const char
        *preload_path; // libtrenza-preload.so; NULL: looked for beside the running program, then as installed
    bool drop_when_full; // --on-full=drop
    bool blocking_calls; // --blocking-calls
    enum recorder_on_deadlock on_deadlock;
    double timeout; // seconds; 0: none. When it is over the program is ended, with an incident 'timeout'
    double linger;  // seconds to go on recording other processes after the main program's end; < 0: for ever
    int ready_fd;   // attach mode: the session's path is written here, NUL-terminated, then it is closed
    bool quiet;     // no notes on stderr (errors are returned, never printed)
    bool keep_open; // the trace, once it is complete, is not closed but given to the caller, in the result
    bool mute;      // the program's standard input, output and error are /dev/null
    const struct recorder_steering *steering; // NULL: none
};

enum recorder_ended {
    RECORDER_ENDED_EXIT,
    RECORDER_ENDED_SIGNAL,
    RECORDER_ENDED_DEADLOCK,
    RECORDER_ENDED_TIMEOUT,
    RECORDER_ENDED_INTERRUPTED, // SIGINT or SIGTERM to the recorder
};

struct recorder_result {
    enum recorder_ended ended;
    int exit_status; // of the main program as a shell says it: status, or 128+N for signal N
    uint64_t events;
    uint64_t lost;
    unsigned processes;
    unsigned threads;
    double seconds;      // how long it was recorded
    struct store *store; // with keep_open and when all went well: to be closed by the caller; else NULL
};

#define RECORDER_ERROR (recorder_error_quark())
GQuark recorder_error_quark(void);
enum recorder_error {
    RECORDER_ERROR_FAILED,     // Trenza itself failed or was misused: exit 125
    RECORDER_ERROR_CANNOT_RUN, // found, but cannot be executed: exit 126
    RECORDER_ERROR_NOT_FOUND,  // exit 127
};

// Records until the program has ended. True: the trace is complete and closed (but see keep_open), *ret_result is set. False: *error says
// why in one line for people; when the program ran all the same, its status is in *ret_result (exit_status >= 0,
// else -1) and whatever could be written is in the trace. Not reentrant: it handles SIGINT, SIGTERM and SIGCHLD.
// After RECORDER_ENDED_INTERRUPTED SIGINT, SIGTERM and SIGHUP are ignored from then on.
bool recorder_run(const struct recorder_options *options, struct recorder_result *ret_result, GError **error);

#endif
