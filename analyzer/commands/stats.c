// SPDX-License-Identifier: MIT
#include "command.h"

static int run(char **operands, char **program)
{
    (void)operands;
    (void)program;
    return command_fail("stats: not there yet");
}

const struct command command_stats = {
    .name = "stats",
    .usage = "[OPTION...] TRACE",
    .summary = "stats",
    .run = run,
};
