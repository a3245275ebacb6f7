// SPDX-License-Identifier: MIT
// `trenza`: finds the subcommand, parses its options, runs it. Knows nothing else.
//
// What follows "--" is split off before GOption sees it, so that a program's own options stay the program's.
#include "command.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#define LINE_MAX_BYTES 1000u

static const struct command *const commands[] = {
#ifdef TRENZA_HAS_RECORD
    &command_record,
#endif
    &command_check,
    &command_show,
    &command_stats,
    &command_export,
    &command_import,
    &command_sql,
    &command_gui,
};

int command_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    // Messages may quote a damaged trace: one line it stays, and nothing in it drives a terminal.
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    if (strlen(line) > LINE_MAX_BYTES)
        memcpy(line + LINE_MAX_BYTES - 3, "...", 4);
    fprintf(stderr, "trenza: %s\n", line);
    return COMMAND_FAILED;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static GOptionContext *option_context(const struct command *command)
{
    g_autofree char *parameters = g_strdup_printf("- %s", command->summary);
    GOptionContext *context = g_option_context_new(parameters);
    if (command->options)
        g_option_context_add_main_entries(context, command->options, NULL);
    g_option_context_set_strict_posix(context, command->runs_program);
    g_option_context_set_help_enabled(context, false);
    return context;
}

static void print_options(const GOptionEntry *options)
{
    for (const GOptionEntry *option = options; option && option->long_name; option++) {
        if (option->flags & G_OPTION_FLAG_HIDDEN)
            continue;
        g_autofree char *letter =
            option->short_name ? g_strdup_printf("-%c, ", option->short_name) : g_strdup("    ");
        g_autofree char *name = g_strdup_printf("%s--%s%s%s", letter, option->long_name,
            option->arg_description ? "=" : "", option->arg_description ? option->arg_description : "");
        printf("  %-34s %s\n", name, option->description);
    }
}

static int print_command_help(const struct command *command)
{
    printf("usage: trenza %s %s\n\n%s.\n", command->name, command->usage, command->summary);
    if (command->details)
        printf("\n%s\n", command->details);
    if (command->options) {
        printf("\noptions:\n");
        print_options(command->options);
    }
    return COMMAND_OK;
}

static int print_help(void)
{
    printf("Trenza records how the threads of a pthread program take their locks and finds where they can "
           "knot.\n\n"
           "usage: trenza COMMAND [ARGUMENT...]\n\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n`trenza help COMMAND` says more. A first line to try: trenza check -- ./your-program\n");
    return COMMAND_OK;
}

static int help(const char *name)
{
    if (!name)
        return print_help();
    const struct command *command = find_command(name);
    if (!command)
        return command_fail("there is no command '%s'; `trenza help` lists them", name);
    return print_command_help(command);
}

// Runs command over arguments, which begin with the command's name.
static int run_command(const struct command *command, char **arguments)
{
    int before = 0;
    while (arguments[before] && strcmp(arguments[before], "--") != 0)
        before++;
    char **program = arguments[before] ? arguments + before + 1 : NULL;

    // GOption moves the pointers about in the vector it is given, so it gets one of its own.
    g_autofree char **own = g_new0(char *, before + 1);
    memcpy(own, arguments, before * sizeof *own);
    for (int i = 1; i < before; i++) {
        if (command->runs_program && own[i][0] != '-')
            break;
        if (strcmp(own[i], "--help") == 0 || strcmp(own[i], "-h") == 0)
            return print_command_help(command);
    }
    g_autoptr(GOptionContext) context = option_context(command);
    g_autoptr(GError) error = NULL;
    if (!config_apply_file(command, &error) || !config_apply_environment(command, &error))
        return command_fail("%s", error->message);
    int count = before;
    char **vector = own;
    if (!g_option_context_parse(context, &count, &vector, &error))
        return command_fail("%s: %s", command->name, error->message);
    char **operands = own + 1;
    if (command->runs_program && *operands && !program) {
        program = arguments + (before - (count - 1));
        operands += count - 1;
    }
    return command->run(operands, program);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    if (argc < 2) {
        command_fail("no command given; `trenza help` lists them");
        return COMMAND_FAILED;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("trenza %s\n", TRENZA_VERSION);
        return COMMAND_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help();
    if (strcmp(argv[1], "help") == 0)
        return help(argv[2]);
    const struct command *command = find_command(argv[1]);
    if (!command)
        return command_fail("there is no command '%s'; `trenza help` lists them", argv[1]);
    return run_command(command, argv + 1);
}
