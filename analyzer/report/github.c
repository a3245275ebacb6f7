// SPDX-License-Identifier: MIT
// Workflow commands: GitHub shows each finding at its line of a pull request. A command is one line, so the text's own
// ends of line, and the characters the command itself is made of, are written as %XX.
#include <string.h>

#include "call_stack.h"
#include "coverage.h"
#include "report.h"
#include "source_root.h"

static void append_escaped(GString *text, const char *value, const char *special)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    for (const char *at = valid; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '\n' || byte == '\r' || byte == '%' || (special && strchr(special, byte)))
            g_string_append_printf(text, "%%%02X", byte);
        else
            g_string_append_c(text, byte < 0x20 || byte == 0x7f ? ' ' : (char)byte);
    }
}

static void append_property(GString *text, const char *name, const char *value)
{
    g_string_append_printf(text, "%s%s=", g_str_has_suffix(text->str, " ") ? "" : ",", name);
    append_escaped(text, value, ":,");
}

static void append_place(GString *text, const struct report *report, const struct finding *finding)
{
    struct call_frame site;
    if (!call_stack_site(finding->model, finding->site_stack, &site) || !site.file)
        return;
    g_autofree char *relative =
        report->source_root ? source_root_relative(report->source_root, site.file) : NULL;
    append_property(text, "file", relative ? relative : site.file);
    if (site.line > 0) {
        g_autofree char *line = g_strdup_printf("%" G_GINT64_FORMAT, site.line);
        append_property(text, "line", line);
    }
}

static void append_finding(GString *text, const struct report *report, const struct finding *finding)
{
    static const char *const commands[] = { "notice", "warning", "error" };
    g_string_append_printf(text, "::%s ", commands[finding->level]);
    append_place(text, report, finding);
    append_property(text, "title", finding->rule->id);
    g_string_append(text, "::");
    g_autofree char *story = report_text_finding(finding, NULL);
    append_escaped(text, g_strchomp(story), NULL);
    g_string_append_c(text, '\n');
}

static void append_line(GString *text, const char *command, const char *line)
{
    g_string_append_printf(text, "::%s title=trenza::", command);
    append_escaped(text, line, NULL);
    g_string_append_c(text, '\n');
}

static void append_incidents(GString *text, const struct model *model)
{
    for (unsigned i = 0; i < model->incidents->len; i++) {
        const struct model_incident *incident = model->incidents->pdata[i];
        if (report_incident_is_told(incident))
            continue;
        g_autofree char *story = report_text_incident(model, incident, NULL);
        append_line(text, "warning", g_strchomp(story));
    }
}

static char *render(const struct report *report, const struct report_style *style)
{
    (void)style;
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < report->list->all->len; i++)
        if (!report_is_known(report->list->all->pdata[i]))
            append_finding(text, report, report->list->all->pdata[i]);
    for (unsigned i = 0; i < report->runs->len; i++)
        append_incidents(text, g_array_index(report->runs, struct report_run, i).model);
    struct coverage *coverage = coverage_new(report, NULL);
    g_autoptr(GPtrArray) warnings = coverage_warnings(coverage);
    for (unsigned i = 0; i < warnings->len; i++)
        append_line(text, "notice", warnings->pdata[i]);
    g_autofree char *numbers = coverage_text(coverage);
    g_autofree char *programs = coverage_programs_text(coverage);
    g_autofree char *summary = g_strdup_printf("%s; %s", numbers, programs);
    append_line(text, "notice", summary);
    coverage_free(coverage);
    return g_string_free(text, false);
}

const struct report_format report_github = { .name = "github", .render = render };
