// SPDX-License-Identifier: MIT
// A look at a program before it is run: can it be, and can it be recorded?
#ifndef TRENZA_RECORDER_PROGRAM_H
#define TRENZA_RECORDER_PROGRAM_H

#include <glib.h>
#include <stdbool.h>

#include "wire.h"

// What the loader does not preload into, or what could not come, as coverage has it; NULL for WIRE_SEEN and what is no reason.
const char *program_unseen_what(enum wire_unseen unseen);
// Why what is at path would not be recorded, as far as the file says it.
enum wire_unseen program_unseen(const char *path);
// The same for people, about a program of that name (or path); newly allocated.
char *program_unseen_detail(enum wire_unseen unseen, const char *name);

struct program {
    char *path; // what execvp would run
    bool elf;   // it is no script
    enum wire_unseen unseen;
    const char *
        what; // why it cannot be recorded, in coverage's words ('static' ...); NULL: nothing speaks against it
    char *detail; // the same for people; NULL likewise
};

// Finds name as execvp does. False: it cannot be run; *error is RECORDER_ERROR_NOT_FOUND or RECORDER_ERROR_CANNOT_RUN.
// What cannot be read is taken for a program that can be recorded.
bool program_look(const char *name, struct program *ret_program, GError **error);
void program_done(struct program *program);

#endif
