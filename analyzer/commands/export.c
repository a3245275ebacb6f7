// SPDX-License-Identifier: MIT
#include "command.h"

static int run(char **operands, char **program)
{
    (void)operands;
    (void)program;
    return command_fail("export: not there yet");
}

const struct command command_export = {
    .name = "export",
    .usage = "[OPTION...] TRACE",
    .summary = "export",
    .run = run,
};
