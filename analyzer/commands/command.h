// SPDX-License-Identifier: MIT
// A subcommand of `trenza`: a file of its own that ends in one table entry, listed in main.c.
#ifndef TRENZA_COMMAND_H
#define TRENZA_COMMAND_H

#include <glib.h>
#include <stdbool.h>

// Exit codes of Trenza itself (DESIGN section 7). A command never returns them for anything else.
enum command_exit {
    COMMAND_OK = 0,
    COMMAND_FINDINGS = 66,    // --error-exitcode changes it
    COMMAND_FAILED = 125,     // Trenza failed or was misused
    COMMAND_CANNOT_RUN = 126, // the program was found but cannot be run
    COMMAND_NOT_FOUND = 127,
};

struct command {
    const char *name;
    const char *usage; // what follows the name: "[OPTION...] TRACE..."
    const char *summary;
    const char *details;         // a paragraph or more for `trenza help NAME`; NULL: none
    const GOptionEntry *options; // ends in an empty entry; NULL: none. Parsed before run is called
    bool runs_program;           // what follows the first argument that is no option belongs to a program
    // operands: what was neither option nor after "--"; program: what followed "--" (or, with runs_program, everything from the
    // first operand on), NULL when there was none. Both NULL-terminated, owned by the caller. Returns the exit code.
    int (*run)(char **operands, char **program);
};

extern const struct command command_record;
extern const struct command command_check;
extern const struct command command_show;
extern const struct command command_stats;
extern const struct command command_export;
extern const struct command command_import;
extern const struct command command_sql;
extern const struct command command_gui;

// One line to stderr: "trenza: ..." with the rest as printf says. For errors of Trenza and its use. Returns COMMAND_FAILED.
int command_fail(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
