// SPDX-License-Identifier: MIT
// Sentences about what is drawn.
#include "describe.h"

#include "axis.h"
#include "call_stack.h"

#define THREADS_TOLD 6u

char *describe_place(const struct model *model, uint32_t stack)
{
    struct call_frame site;
    return call_stack_site(model, stack, &site) ? call_frame_text(model, &site) : NULL;
}

static void append_subject(GString *text, const struct timeline *timeline, const struct span *span)
{
    const struct model *model = timeline->model;
    if (span->flags & SPAN_CROWD) {
        g_string_append(text, " more locks");
    } else if (span->kind == SPAN_WAIT_JOIN) {
        const struct model_thread *thread = model_thread(model, span->subject);
        g_string_append_printf(text, " '%s'", thread ? thread->label : "?");
    } else if (span->kind == SPAN_BLOCKED) {
        const char *call = model_call_name(span->subject);
        g_string_append_printf(text, " %s", call ? call : "a system call");
    } else {
        const struct model_object *object = model_object(model, span->subject);
        const char *kind = object ? object_kind_name(object->row.kind) : NULL;
        g_string_append_printf(text, " %s '%s'", kind ? kind : "object", object ? object->label : "?");
    }
}

char *describe_span(const struct timeline *timeline, struct span_ref ref)
{
    const struct span *span = timeline_span(timeline, ref);
    const struct lane *lane = &timeline->lanes[ref.lane];
    double ns_per_tick = timeline->model->ns_per_tick;
    GString *text = g_string_new(NULL);
    char length[32];
    char begin[48];
    g_string_append_printf(text, "'%s' %s", lane->thread->label, span_kind_text(span->kind));
    append_subject(text, timeline, span);
    if (span->flags & SPAN_SHARED)
        g_string_append(text, " (as a reader)");
    axis_format((double)(span->end - span->begin) * ns_per_tick, length, sizeof length);
    axis_format_moment((double)(span->begin - timeline->begin) * ns_per_tick, 1000, begin, sizeof begin);
    g_string_append_printf(text, " for %s, from %s", length, begin);
    if (span->flags & SPAN_OPEN)
        g_string_append(text, span->kind == SPAN_HOLD ? "; never given back" : "; it never ends");
    if (span->flags & SPAN_FAILED)
        g_string_append(text, "; in vain");
    struct span_ref owner;
    if (timeline_find_owner(timeline, ref, &owner) && owner.lane != ref.lane)
        g_string_append_printf(text, "; held by '%s'", timeline->lanes[owner.lane].thread->label);
    g_autofree char *place = describe_place(timeline->model, span->stack);
    if (place)
        g_string_append_printf(text, "; in %s", place);
    return g_string_free(text, false);
}

char *describe_mark(const struct timeline *timeline, const struct lane *lane, const struct span_mark *mark)
{
    GString *text = g_string_new(NULL);
    char when[48];
    axis_format_moment(
        (double)(mark->ticks - timeline->begin) * timeline->model->ns_per_tick, 1000, when, sizeof when);
    g_string_append_printf(text, "'%s': %s", lane->thread->label, event_name(mark->kind));
    const struct model_object *object =
        model_subject_is_object(mark->kind) ? model_object(timeline->model, mark->subject) : NULL;
    const struct model_thread *thread =
        model_subject_is_thread(mark->kind) ? model_thread(timeline->model, mark->subject) : NULL;
    if (object || thread)
        g_string_append_printf(text, " '%s'", object ? object->label : thread->label);
    g_string_append_printf(text, " at %s", when);
    g_autofree char *place = describe_place(timeline->model, mark->stack);
    if (place)
        g_string_append_printf(text, ", in %s", place);
    return g_string_free(text, false);
}

char *describe_stretch(const struct timeline *timeline, double from, double to)
{
    double ns_per_tick = timeline->model->ns_per_tick;
    double length_ns = (to - from) * ns_per_tick;
    char length[32];
    char begin[48];
    char end[48];
    axis_format(length_ns, length, sizeof length);
    axis_format_moment((from - (double)timeline->begin) * ns_per_tick, length_ns / 1000, begin, sizeof begin);
    axis_format_moment((to - (double)timeline->begin) * ns_per_tick, length_ns / 1000, end, sizeof end);
    return g_strdup_printf("Selected: %s, from %s to %s", length, begin, end);
}

static void append_deeds(
    GString *text, const struct timeline *timeline, const struct lane *lane, uint64_t ticks, bool waits)
{
    const char *before = waits ? (text->len ? ", waits for " : " waits for ") : " holds ";
    for (unsigned i = 0; i < lane->n_tracks; i++) {
        uint32_t at = track_find(&lane->tracks[i], ticks);
        const struct span *span = at < lane->tracks[i].count ? &lane->tracks[i].spans[at] : NULL;
        if (!span || span->begin > ticks || (span->kind != SPAN_HOLD) != waits || span->kind == SPAN_BLOCKED)
            continue;
        const struct model_object *object =
            span_names_object(span) ? model_object(timeline->model, span->subject) : NULL;
        const struct model_thread *thread =
            span->kind == SPAN_WAIT_JOIN ? model_thread(timeline->model, span->subject) : NULL;
        g_string_append_printf(text, "%s'%s'", before, object ? object->label : thread ? thread->label : "?");
        before = ", ";
    }
}

char *describe_moment(const struct timeline *timeline, uint64_t ticks)
{
    GString *text = g_string_new(NULL);
    unsigned told = 0;
    for (uint32_t i = 0; i < timeline->n_lanes; i++) {
        const struct lane *lane = &timeline->lanes[i];
        g_autoptr(GString) deeds = g_string_new(NULL);
        append_deeds(deeds, timeline, lane, ticks, false);
        append_deeds(deeds, timeline, lane, ticks, true);
        if (deeds->len && told++ < THREADS_TOLD)
            g_string_append_printf(text, "%s'%s'%s", text->len ? "; " : "", lane->thread->label, deeds->str);
    }
    if (told > THREADS_TOLD)
        g_string_append_printf(text, "; and %u more", told - THREADS_TOLD);
    return g_string_free(text, told == 0);
}
