// SPDX-License-Identifier: MIT
// Ends the program with everything it has started, in steps:
//
//   why, incident  ->  SIGINT to the program, patience  ->  SIGTERM to the tree, grace  ->  SIGKILL to what is left
//                      (an interrupt only)
//
// Main thread only.
#ifndef TRENZA_RECORDER_ENDING_H
#define TRENZA_RECORDER_ENDING_H

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include "attach.h"
#include "drain.h"
#include "recorder.h"

#define ENDING_NEVER INT64_MAX

struct ending {
    const struct attach *attach;
    struct drain *drain;
    GArray *before; // of pid_t: what was below this process already
    pid_t pid;      // of the program
    bool program_ended;
    enum recorder_ended why; // RECORDER_ENDED_EXIT: nothing but the program itself
    bool begun;              // the tree has got its SIGTERM
    bool asks_first;         // the ending that waits for its incident begins with patience ...
    bool passes_on;          // ... and SIGINT to the program, which has not heard of it
    unsigned interrupts;     // that followed each other fast
    int64_t interrupted_at;  // the last of them; 0: there was none
    int64_t grace_ns;        // between SIGTERM and SIGKILL
    int64_t incident_until;  // ENDING_NEVER, or when the ending goes on even if the incident is not written
    int64_t patience_until;  // ENDING_NEVER, or when SIGTERM is due
    int64_t kill_at;         // ENDING_NEVER, or when SIGKILL is due
    int64_t give_up_at;      // ENDING_NEVER, or when not even SIGKILL has helped
};

void ending_init(struct ending *ending, const struct attach *attach, struct drain *drain);

void ending_done(struct ending *ending);

// The reasons. Whoever asks a second time hurries it.
void ending_requested(struct ending *ending);
void ending_interrupted(struct ending *ending, const struct signalfd_siginfo *info);
void ending_timed_out(struct ending *ending);
void ending_deadlocked(struct ending *ending);

// What happens meanwhile.
void ending_incident_written(struct ending *ending);
void ending_program_ended(struct ending *ending);

// It is on its way; begun or not.
bool ending_is_coming(const struct ending *ending);
// Takes the steps that are due.
void ending_keep_time(struct ending *ending, int64_t now);
// When the next one is, or when to look again.
int64_t ending_next(const struct ending *ending, int64_t now);
// Nothing is left, or nothing helps. Only once it has begun.
bool ending_is_over(const struct ending *ending, int64_t now);

// The process is below the program, or the program itself.
bool ending_is_of_program(const struct ending *ending, pid_t pid);
// Nothing that the program has started and no recorded process is alive.
bool ending_tree_is_empty(const struct ending *ending);

#endif
