// SPDX-License-Identifier: MIT
// Keeps an abstract trace: 20 bytes an event, 12 a requirement. Knows nothing of what the events mean.
#include "prediction_trace.h"

struct prediction_trace *prediction_trace_new(uint32_t n_threads, uint32_t n_objects)
{
    struct prediction_trace *trace = g_new0(struct prediction_trace, 1);
    trace->n_threads = n_threads;
    trace->n_objects = n_objects;
    trace->events = g_new0(GArray *, n_threads);
    trace->requirements = g_array_new(false, false, sizeof(struct prediction_requirement));
    return trace;
}

void prediction_trace_free(struct prediction_trace *trace)
{
    if (!trace)
        return;
    for (uint32_t i = 0; i < trace->n_threads; i++)
        if (trace->events[i])
            g_array_unref(trace->events[i]);
    g_free(trace->events);
    g_array_unref(trace->requirements);
    g_free(trace);
}

uint32_t prediction_trace_append(
    struct prediction_trace *trace, uint32_t thread_id, const struct prediction_event *event)
{
    if (!trace->events[thread_id])
        trace->events[thread_id] = g_array_new(false, false, sizeof(struct prediction_event));
    struct prediction_event copy = *event;
    copy.sequence = (uint32_t)++trace->n_events;
    g_array_append_val(trace->events[thread_id], copy);
    return trace->events[thread_id]->len - 1;
}

uint32_t prediction_trace_require(
    struct prediction_trace *trace, const struct prediction_point *points, unsigned n)
{
    uint32_t first = trace->requirements->len;
    for (unsigned i = 0; i < n; i++) {
        struct prediction_requirement requirement = { .point = points[i], .last = i + 1 == n };
        g_array_append_val(trace->requirements, requirement);
    }
    return first;
}
