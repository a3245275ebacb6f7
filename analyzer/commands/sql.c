// SPDX-License-Identifier: MIT
#include "command.h"

static int run(char **operands, char **program)
{
    (void)operands;
    (void)program;
    return command_fail("sql: not there yet");
}

const struct command command_sql = {
    .name = "sql",
    .usage = "[OPTION...] TRACE",
    .summary = "sql",
    .run = run,
};
