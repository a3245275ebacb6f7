// SPDX-License-Identifier: MIT
// Adds up what the traces say about themselves. It knows only what the recorder noticed: a child that never loaded the
// preload and ended before anybody looked is in no trace.
#include "coverage.h"

#include <string.h>

#include "call_stack.h"

#define PROGRAMS_MAX 12u // named in one sentence

static struct coverage_program *find_program(struct coverage *coverage, const struct trace_process *process)
{
    const char *path = process && process->executable && *process->executable ? process->executable
                                                                              : COVERAGE_UNKNOWN_PROGRAM;
    for (unsigned i = 0; i < coverage->programs->len; i++) {
        struct coverage_program *program = &g_array_index(coverage->programs, struct coverage_program, i);
        if (strcmp(program->path, path) == 0)
            return program;
    }
    struct coverage_program program = { .path = path };
    g_array_append_val(coverage->programs, program);
    return &g_array_index(coverage->programs, struct coverage_program, coverage->programs->len - 1);
}

static void add_programs(struct coverage *coverage, const struct model *model)
{
    for (unsigned i = 0; i < model->processes->len; i++) {
        const struct trace_process *process = model->processes->pdata[i];
        if (process)
            find_program(coverage, process)->processes++;
    }
    for (unsigned i = 0; i < model->threads->len; i++) {
        const struct model_thread *thread = model->threads->pdata[i];
        if (!thread)
            continue;
        struct coverage_program *program =
            find_program(coverage, model_process(model, thread->row.process_id));
        program->threads++;
        program->events += thread->row.events;
    }
}

static bool is_resolved(const struct model *model, const struct model_stack *stack)
{
    struct call_frame site;
    // Of releases only the call site is taken, on purpose.
    if ((stack->truncated && stack->depth > 1) || !call_stack_site(model, stack->id, &site))
        return false;
    return site.function || call_stack_module_is_libc(site.module);
}

static void add_stacks(struct coverage *coverage, const struct model *model)
{
    for (unsigned i = 0; i < model->stacks->len; i++) {
        const struct model_stack *stack = model->stacks->pdata[i];
        if (!stack)
            continue;
        coverage->stacks++;
        coverage->unresolved_stacks += !is_resolved(model, stack);
    }
}

// The same reason for many processes is one gap.
static void add_gap(struct coverage *coverage, const char *what, const char *detail)
{
    g_autofree char *reason = g_strdup_printf("%s%s%s", what, detail ? ": " : "", detail ? detail : "");
    for (unsigned i = 0; i < coverage->gaps->len; i++) {
        struct coverage_gap *gap = &g_array_index(coverage->gaps, struct coverage_gap, i);
        if (strcmp(gap->reason, reason) == 0) {
            gap->times++;
            return;
        }
    }
    struct coverage_gap gap = { .reason = g_steal_pointer(&reason), .times = 1 };
    g_array_append_val(coverage->gaps, gap);
}

static void add_gaps(struct coverage *coverage, const struct model *model)
{
    for (unsigned i = 0; i < model->coverage->len; i++) {
        const struct model_coverage *row = model->coverage->pdata[i];
        add_gap(coverage, row->what, row->detail);
    }
}

static void clear_gap(void *gap)
{
    g_free(((struct coverage_gap *)gap)->reason);
}

static void add_run(struct coverage *coverage, const struct report_run *run)
{
    const struct model *model = run->model;
    add_programs(coverage, model);
    add_stacks(coverage, model);
    add_gaps(coverage, model);
    coverage->processes += model->n_processes;
    coverage->threads += model->n_threads;
    coverage->objects += model->n_objects;
    coverage->events += run->counts.events;
    coverage->lost += model->n_lost;
    coverage->unordered += run->counts.unresolved;
    coverage->bounded |= run->left_out > 0;
}

static int compare_programs(const void *a, const void *b)
{
    return strcmp(((const struct coverage_program *)a)->path, ((const struct coverage_program *)b)->path);
}

struct coverage *coverage_new(const struct report *report, const struct report_run *run)
{
    struct coverage *coverage = g_new0(struct coverage, 1);
    coverage->programs = g_array_new(false, true, sizeof(struct coverage_program));
    coverage->gaps = g_array_new(false, true, sizeof(struct coverage_gap));
    g_array_set_clear_func(coverage->gaps, clear_gap);
    for (unsigned i = 0; i < report->runs->len; i++) {
        const struct report_run *one = &g_array_index(report->runs, struct report_run, i);
        if (!run || run == one)
            add_run(coverage, one);
    }
    g_array_sort(coverage->programs, compare_programs);
    return coverage;
}

void coverage_free(struct coverage *coverage)
{
    if (!coverage)
        return;
    g_array_unref(coverage->programs);
    g_array_unref(coverage->gaps);
    g_free(coverage);
}

GPtrArray *coverage_warnings(const struct coverage *coverage)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < coverage->gaps->len; i++) {
        const struct coverage_gap *gap = &g_array_index(coverage->gaps, struct coverage_gap, i);
        g_autofree char *times = gap->times > 1 ? g_strdup_printf(" (%u times)", gap->times) : g_strdup("");
        g_ptr_array_add(lines, g_strdup_printf("not recorded: %s%s", gap->reason, times));
    }
    if (coverage->lost)
        g_ptr_array_add(
            lines, g_strdup_printf(
                       "%" G_GUINT64_FORMAT " events were lost: findings may be missing", coverage->lost));
    if (coverage->unordered)
        g_ptr_array_add(
            lines, g_strdup_printf("%" G_GUINT64_FORMAT " events fit into no order (events are missing)",
                       coverage->unordered));
    if (coverage->bounded)
        g_ptr_array_add(
            lines, g_strdup("a bound was reached: there may be more cycles of locks than reported"));
    // A stripped shell among the programs is nobody's concern; a program of one's own without names is.
    if (coverage->objects && coverage->unresolved_stacks * 2 > coverage->stacks)
        g_ptr_array_add(
            lines, g_strdup_printf("%u of %u stacks have no names or are cut off (was it compiled with -g?)",
                       coverage->unresolved_stacks, coverage->stacks));
    return lines;
}

char *coverage_text(const struct coverage *coverage)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT " events of %u thread%s in %u process%s on %u object%s",
        coverage->events, coverage->threads, coverage->threads == 1 ? "" : "s", coverage->processes,
        coverage->processes == 1 ? "" : "es", coverage->objects, coverage->objects == 1 ? "" : "s");
}

char *coverage_programs_text(const struct coverage *coverage)
{
    unsigned count = coverage->programs->len;
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%u program%s recorded", count, count == 1 ? "" : "s");
    for (unsigned i = 0; i < MIN(count, PROGRAMS_MAX); i++) {
        const struct coverage_program *program =
            &g_array_index(coverage->programs, struct coverage_program, i);
        g_string_append_printf(text, "%s %s", i == 0 ? ":" : ",", path_base(program->path));
        if (program->processes > 1)
            g_string_append_printf(text, " (%u processes)", program->processes);
    }
    if (count > PROGRAMS_MAX)
        g_string_append_printf(text, " and %u more", count - PROGRAMS_MAX);
    return g_string_free(text, false);
}
