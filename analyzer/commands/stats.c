// SPDX-License-Identifier: MIT
// `trenza stats`: which locks cost time: by class, by call site, and by who waits for whom; the longest total wait first.
#include <stdio.h>

#include "analysis.h"
#include "command.h"
#include "lock_stats.h"
#include "site_stats.h"

#define TOP 10u // lines of each table

static gboolean show_all;

static const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &show_all, "whole tables, not only their first ten lines", NULL },
    { NULL },
};

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

static unsigned shown(const GArray *all)
{
    return show_all ? all->len : MIN(all->len, TOP);
}

static void print_rest(const GArray *all)
{
    if (!all->len)
        printf("%12s\n", "none");
    if (shown(all) < all->len)
        printf("%12s  and %u more (--all)\n", "...", all->len - shown(all));
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_class(const struct model *model, const struct lock_stats *stats)
{
    g_autofree char *wait = duration_text(model, stats->wait_ticks);
    g_autofree char *max_wait = duration_text(model, stats->max_wait_ticks);
    g_autofree char *hold = duration_text(model, stats->hold_ticks);
    g_autofree char *max_hold = duration_text(model, stats->max_hold_ticks);
    printf("%12" G_GUINT64_FORMAT "  %9.2f%%  %10s  %10s  %10s  %10s  %s", stats->acquisitions,
        percent(stats->contended, stats->acquisitions), wait, max_wait, hold, max_hold, stats->object->label);
    if (stats->objects > 1)
        printf(" (%u of its kind)", stats->objects);
    if (stats->object->row.name && stats->object->created_in)
        printf("  [%s]", object_kind_name(stats->object->row.kind));
    putchar('\n');
}

static void print_classes(const struct model *model, const GArray *all)
{
    printf("by lock class\n%12s  %10s  %10s  %10s  %10s  %10s  %s\n", "acquisitions", "contended", "wait",
        "longest", "hold", "longest", "lock");
    for (unsigned i = 0; i < shown(all); i++)
        print_class(model, &g_array_index(all, struct lock_stats, i));
    print_rest(all);
}

static void print_sites(const struct model *model, const GArray *all)
{
    printf(
        "\nby call site\n%12s  %10s  %10s  %10s  %s\n", "acquisitions", "contended", "wait", "hold", "site");
    for (unsigned i = 0; i < shown(all); i++) {
        const struct site_stats_site *site = &g_array_index(all, struct site_stats_site, i);
        g_autofree char *wait = duration_text(model, site->wait_ticks);
        g_autofree char *hold = duration_text(model, site->hold_ticks);
        printf("%12" G_GUINT64_FORMAT "  %9.2f%%  %10s  %10s  %s takes '%s'\n", site->acquisitions,
            percent(site->contended, site->acquisitions), wait, hold, site->place, site->object->label);
    }
    print_rest(all);
}

static char *thread_text(const struct model *model, uint32_t id)
{
    const struct model_thread *thread = model_thread(model, id);
    return thread ? g_strdup_printf("'%s' (%u)", thread->label, id) : g_strdup("nobody known");
}

static void print_waits(const struct model *model, const GArray *all)
{
    printf("\nby waiter and owner\n%12s  %10s  %10s  %s\n", "waits", "wait", "longest", "who waits for whom");
    for (unsigned i = 0; i < shown(all); i++) {
        const struct site_stats_wait *row = &g_array_index(all, struct site_stats_wait, i);
        g_autofree char *wait = duration_text(model, row->wait_ticks);
        g_autofree char *max_wait = duration_text(model, row->max_wait_ticks);
        g_autofree char *waiter = thread_text(model, row->waiter);
        g_autofree char *owner = thread_text(model, row->owner);
        printf("%12" G_GUINT64_FORMAT "  %10s  %10s  %s waits for '%s', owned by %s\n", row->waits, wait,
            max_wait, waiter, row->object->label, owner);
    }
    print_rest(all);
}

static int run(char **operands, char **program)
{
    if (program || !*operands || operands[1])
        return command_fail("stats: one trace is needed; see `trenza help stats`");
    g_autoptr(GError) error = NULL;
    struct analysis *analysis = analysis_open(*operands, &error);
    g_autoptr(GArray) all = analysis ? lock_stats_of(analysis->model, &error) : NULL;
    struct site_stats *sites = all ? site_stats_of(analysis->model, &error) : NULL;
    if (!sites) {
        analysis_free(analysis);
        return command_fail("%s", error->message);
    }
    print_classes(analysis->model, all);
    print_sites(analysis->model, sites->sites);
    print_waits(analysis->model, sites->waits);
    site_stats_free(sites);
    analysis_free(analysis);
    return COMMAND_OK;
}

const struct command command_stats = {
    .name = "stats",
    .usage = "[OPTION...] TRACE",
    .summary = "Show which locks were waited for and held, and how long",
    .details =
        "Three tables, the longest total wait first: by lock class (locks made at the same place in the "
        "code),\n"
        "by call site (where a lock is taken, and how long it is then held), and by waiter and owner (which\n"
        "thread waits for a lock that which other had last before the wait ended). The first ten lines of "
        "each.\n"
        "contended: how many acquisitions had to wait; the end of a condition's wait is no acquisition, but "
        "what it\n"
        "takes back is held. Times are sums over all threads.",
    .options = entries,
    .run = run,
};
