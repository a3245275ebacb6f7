// SPDX-License-Identifier: MIT
// Reads a trace in RAPID's STD format, line by line, and makes sure that it could have happened.
//
//   T1|acq(L3)|17       thread, operation, location (a number)
//
// Operations: acq, rel, req (about to acquire), r, w, fork, join, begin, end. Two dialects are the same: threads are called T2 or 2
// (`fork(T2)`, `fork(2)`), and a `req(L)` before each `acq(L)` or none. Empty lines and lines that begin with # are passed over.
#ifndef TRENZA_STD_FILE_H
#define TRENZA_STD_FILE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum std_operation { STD_ACQ, STD_REL, STD_REQ, STD_READ, STD_WRITE, STD_FORK, STD_JOIN, STD_BEGIN, STD_END };

struct std_op {
    enum std_operation operation;
    uint64_t line;    // from 1
    uint32_t thread;  // number, from 1 in order of appearance
    uint32_t operand; // number of a thread, a lock or a variable (each counted by itself); 0: none
    uint64_t location;
};

// What is known of a file after it has been read.
struct std_lock {
    bool reentrant; // acquired again by a thread that held it
};
struct std_thread {
    bool begun;
    bool joined;
    uint32_t creator; // 0: nobody
};
struct std_names {
    GPtrArray *threads;   // of char *: [0] is number 1; so for all
    GPtrArray *locks;     // of char *
    GPtrArray *variables; // of char *
    GArray *thread_facts; // of struct std_thread
    GArray *lock_facts;   // of struct std_lock
};
struct std_names *std_names_new(void);
void std_names_free(struct std_names *names);

typedef bool (*std_op_fn)(const struct std_op *op, void *data);
// Reads from where the stream stands to its end, fills names and calls back for each operation (each may be NULL); the callback
// returns false to end it. NULL, or what is wrong ("line 7: ..."), which the caller frees.
char *std_file_read(FILE *stream, struct std_names *names, std_op_fn each, void *data);

#endif
