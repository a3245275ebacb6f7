// SPDX-License-Identifier: MIT
#include "command.h"

static int run(char **operands, char **program)
{
    (void)operands;
    (void)program;
    return command_fail("show: not there yet");
}

const struct command command_show = {
    .name = "show",
    .usage = "[OPTION...] TRACE",
    .summary = "show",
    .run = run,
};
