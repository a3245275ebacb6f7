// SPDX-License-Identifier: MIT
// `trenza stats`: which locks cost time. One line per lock class, the longest total wait first.
#include <stdio.h>

#include "analysis.h"
#include "command.h"
#include "lock_stats.h"

// "950 ns", "1.25 ms" ...; the caller frees it.
static char *duration_text(const struct model *model, uint64_t ticks)
{
    static const char *const units[] = { "ns", "us", "ms", "s" };
    double value = (double)ticks * model->ns_per_tick;
    unsigned unit = 0;
    while (value >= 999.5 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1000;
        unit++;
    }
    return g_strdup_printf(unit == 0 ? "%.0f %s" : "%.3g %s", value, units[unit]);
}

static void print_line(const struct model *model, const struct lock_stats *stats)
{
    g_autofree char *wait = duration_text(model, stats->wait_ticks);
    g_autofree char *max_wait = duration_text(model, stats->max_wait_ticks);
    g_autofree char *hold = duration_text(model, stats->hold_ticks);
    g_autofree char *max_hold = duration_text(model, stats->max_hold_ticks);
    double share = stats->acquisitions ? 100.0 * (double)stats->contended / (double)stats->acquisitions : 0;
    printf("%12" G_GUINT64_FORMAT "  %9.2f%%  %10s  %10s  %10s  %10s  %s", stats->acquisitions, share, wait,
        max_wait, hold, max_hold, stats->object->label);
    if (stats->objects > 1)
        printf(" (%u of its kind)", stats->objects);
    if (stats->object->row.name && stats->object->created_in)
        printf("  [%s]", object_kind_name(stats->object->row.kind));
    putchar('\n');
}

static int run(char **operands, char **program)
{
    if (program || !*operands || operands[1])
        return command_fail("stats: one trace is needed; see `trenza help stats`");
    g_autoptr(GError) error = NULL;
    struct analysis *analysis = analysis_open(*operands, &error);
    g_autoptr(GArray) all = analysis ? lock_stats_of(analysis->model, &error) : NULL;
    if (!all) {
        analysis_free(analysis);
        return command_fail("%s", error->message);
    }
    printf("%12s  %10s  %10s  %10s  %10s  %10s  %s\n", "acquisitions", "contended", "wait", "longest", "hold",
        "longest", "lock");
    for (unsigned i = 0; i < all->len; i++)
        print_line(analysis->model, &g_array_index(all, struct lock_stats, i));
    analysis_free(analysis);
    return COMMAND_OK;
}

const struct command command_stats = {
    .name = "stats",
    .usage = "TRACE",
    .summary = "Show which locks were waited for and held, and how long",
    .details =
        "One line per lock class (locks made at the same place in the code), the longest total wait first.\n"
        "contended: how many acquisitions had to wait. Times are sums over all threads.",
    .run = run,
};
