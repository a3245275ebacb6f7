// SPDX-License-Identifier: MIT
#include "command.h"

static int run(char **operands, char **program)
{
    (void)operands;
    (void)program;
    return command_fail("check: not there yet");
}

const struct command command_check = {
    .name = "check",
    .usage = "[OPTION...] TRACE",
    .summary = "check",
    .run = run,
};
