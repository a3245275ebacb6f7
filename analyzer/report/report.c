// SPDX-License-Identifier: MIT
// The list of formats, and what several of them need.
#include "report.h"

#include <string.h>

static const struct report_format *const formats[] = { &report_text, &report_json, &report_sarif,
    &report_junit, &report_github, &report_suppressions };

const struct report_format *report_format_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

char *report_format_names(void)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        g_string_append_printf(names, "%s%s",
            i == 0                          ? ""
            : i + 1 < G_N_ELEMENTS(formats) ? ", "
                                            : " or ",
            formats[i]->name);
    return g_string_free(names, false);
}

unsigned report_count(const struct report *report, enum finding_level level)
{
    unsigned count = 0;
    for (unsigned i = 0; i < report->list->all->len; i++) {
        const struct finding *finding = report->list->all->pdata[i];
        count += finding->level == level && !report_is_known(finding);
    }
    return count;
}

unsigned report_count_known(const struct report *report)
{
    unsigned count = 0;
    for (unsigned i = 0; i < report->list->all->len; i++)
        count += report_is_known(report->list->all->pdata[i]);
    return count;
}

bool report_is_failure(const struct report *report, const struct finding *finding)
{
    return finding->level >= report->fail_on && !report_is_known(finding);
}

bool report_incident_is_told(const struct model_incident *incident)
{
    return strcmp(incident->what, "deadlock") == 0 || strcmp(incident->what, "stuck") == 0;
}
