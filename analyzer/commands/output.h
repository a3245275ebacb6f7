// SPDX-License-Identifier: MIT
// Where a command writes: standard output, a file that appears whole or not at all, or a device or pipe as it stands.
#ifndef TRENZA_OUTPUT_H
#define TRENZA_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output {
    FILE *stream;
    char *path;      // NULL: standard output
    char *temporary; // beside path; NULL: written in place
};

// path NULL: standard output. False: a line has been printed.
bool output_open(struct output *output, const char *path);
// keep: the file takes its name now; else it is thrown away. False: it could not be written, and a line has been printed.
bool output_close(struct output *output, bool keep);

// The name of a trace: %p is this process's number, so that many can be written side by side; %% is a %. The caller frees it.
char *output_name(const char *pattern);

// For standard output as for files: is it a terminal on which colours are welcome?
bool output_wants_colour(FILE *stream);

#endif
