// SPDX-License-Identifier: MIT
// The list of formats, and what several of them need.
#include "report.h"

#include <string.h>

static const struct report_format *const formats[] = { &report_text, &report_json };

const struct report_format *report_format_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

unsigned report_count(const struct report *report, enum finding_level level)
{
    unsigned count = 0;
    for (unsigned i = 0; i < report->list->all->len; i++) {
        const struct finding *finding = report->list->all->pdata[i];
        count += finding->level == level && !finding->suppressed;
    }
    return count;
}
