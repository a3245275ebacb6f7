// SPDX-License-Identifier: MIT
// `trenza show`: the findings of a trace in a list, or one of them in full.
#include <stdio.h>
#include <string.h>

#include "analysis.h"
#include "call_stack.h"
#include "command.h"
#include "output.h"

static gboolean show_all;

static const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &show_all, "also cycles that cannot happen, with the reason", NULL },
    { NULL },
};

static void list_finding(const struct finding *finding)
{
    struct call_frame site;
    g_autofree char *place = call_stack_site(finding->model, finding->site_stack, &site)
                                 ? call_frame_text(finding->model, &site)
                                 : g_strdup("unknown place");
    printf("%s  %-7s  %-18s  %s\n    %s\n", finding->id, finding_level_name(finding->level),
        finding->rule->id, finding->message, place);
}

// The findings whose id begins with the given text.
static int show_one(const struct finding_list *list, const char *id)
{
    const struct finding *match = NULL;
    for (unsigned i = 0; i < list->all->len; i++) {
        const struct finding *finding = list->all->pdata[i];
        if (!g_str_has_prefix(finding->id, id))
            continue;
        if (match)
            return command_fail("show: more than one finding begins with '%s'", id);
        match = finding;
    }
    if (!match)
        return command_fail("show: no finding '%s'; `trenza show TRACE` lists them", id);
    struct report_style style = { .colour = output_wants_colour(stdout), .explain = true };
    g_autofree char *text = report_text_finding(match, &style);
    fputs(text, stdout);
    return COMMAND_OK;
}

static int run(char **operands, char **program)
{
    if (program || !*operands || (operands[1] && operands[2]))
        return command_fail("show: a trace and perhaps one finding are needed; see `trenza help show`");
    g_autoptr(GError) error = NULL;
    struct analysis *analysis = analysis_open(*operands, &error);
    // A finding asked for by name is shown even if it is one of those that need --all.
    if (!analysis || !analysis_run(analysis, show_all || operands[1], false, &error)) {
        analysis_free(analysis);
        return command_fail("%s", error->message);
    }
    const struct finding_list *list = analysis->result->findings;
    int code = COMMAND_OK;
    if (operands[1])
        code = show_one(list, operands[1]);
    for (unsigned i = 0; !operands[1] && i < list->all->len; i++)
        list_finding(list->all->pdata[i]);
    if (!operands[1] && !list->all->len)
        printf("nothing found\n");
    analysis_free(analysis);
    return code;
}

const struct command command_show = {
    .name = "show",
    .usage = "[OPTION...] TRACE [FINDING]",
    .summary = "List the findings of a trace, or show one in full",
    .details = "FINDING is an id, or its first characters. It is told step by step with the source around "
               "each, then\n"
               "as an interleaving with the threads in columns (up to four), with who holds what at the end, "
               "why the\n"
               "verdict is what it is, and what to do.",
    .options = entries,
    .run = run,
};
