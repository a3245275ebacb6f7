// SPDX-License-Identifier: MIT
// Options that are not on the command line: from the file .trenza and from the environment. The command line wins over
// the environment, that over the file; an option that may be repeated is replaced as a whole.
#ifndef TRENZA_CONFIG_H
#define TRENZA_CONFIG_H

#include <stdbool.h>

#include "command.h"

// Sets the options of a command from the file: $TRENZA_CONFIG (empty: none), else .trenza in the current folder or the
// nearest above it, up to the repository's root. False and *error, which names the file, when it makes no sense.
bool config_apply_file(const struct command *command, GError **error);
// The same from $TRENZA_CHECK_OPTIONS, for the command check and so on: options as on a shell's command line.
bool config_apply_environment(const struct command *command, GError **error);

#endif
