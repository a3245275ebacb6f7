// SPDX-License-Identifier: MIT
// Follows the merged order and writes a span when it ends, so memory grows with threads, objects and findings only. The format
// does not ask for events in order of time.
//
//   thread 'worker'   X |== accounts ===========================|        X: complete events, which must nest
//                     X    |= waits for journal =|= journal =|           s -> f: arrows
//   process           b |== worker: log ==|            e                 b, e: spans of their own
//
// A thread waits for one thing at a time, so waits always nest. A hold that ends while a later one of its thread goes on, or
// while the thread waits (somebody else unlocked it), does not: it becomes a pair of async events with an id of its own. What
// takes no time and has an arrow gets a span of a nanosecond, since arrows begin and end in spans.
//
// Processes and threads have the trace's numbers, as the system's may come twice: a thread its id, a process the id of its first
// thread. Blind to reads and writes of imported traces.
#include "export_perfetto.h"

#include <string.h>

#include "call_stack.h"
#include "sights.h"
#include "timeline.h"

struct open_span {
    uint64_t begin_ns;
    uint32_t subject;
    uint32_t stack;
    uint32_t depth;
    enum span_kind kind;
    bool shared;
};

// The last thing done by which another thread could go on.
struct giver {
    uint32_t thread_id; // 0: nothing yet
    uint32_t stack;
    uint64_t begin_ns; // of the span that the arrow leaves; 0: there is none, so one is made
    uint64_t ns;
};

struct thread_lane {
    GArray *holds; // of struct open_span, in order of acquisition; NULL: none so far
    struct open_span wait;
    bool waiting;
    bool started;
    uint64_t last_ns;
    struct giver creator;
    struct giver end;
};

struct perfetto {
    const struct model *model;
    FILE *stream;
    struct thread_lane *lanes; // by thread id
    struct giver *givers;      // by object id
    uint32_t *process_ids;     // by process id: that of its first thread
    char **places;             // by stack id: JSON text; NULL: not made yet
    struct sights *sights;
    uint64_t spans;  // ids of async pairs given
    uint64_t arrows; // the same of arrows
    bool any;        // an event has been written
};

// --- JSON ---

static char *quoted(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "?", -1);
    GString *json = g_string_new("\"");
    for (const char *at = valid; *at; at++) {
        if (*at == '"' || *at == '\\')
            g_string_append_printf(json, "\\%c", *at);
        else if ((unsigned char)*at < 0x20)
            g_string_append_printf(json, "\\u%04x", (unsigned char)*at);
        else
            g_string_append_c(json, *at);
    }
    g_string_append_c(json, '"');
    return g_string_free(json, false);
}

static const char *place(struct perfetto *perfetto, uint32_t stack)
{
    if (stack >= perfetto->model->stacks->len)
        return "null";
    if (!perfetto->places[stack]) {
        struct call_frame site;
        g_autofree char *text =
            call_stack_site(perfetto->model, stack, &site) ? call_frame_text(perfetto->model, &site) : NULL;
        perfetto->places[stack] = text ? quoted(text) : g_strdup("null");
    }
    return perfetto->places[stack];
}

static uint64_t ns_of(const struct perfetto *perfetto, uint64_t ticks)
{
    return (uint64_t)((double)ticks * perfetto->model->ns_per_tick);
}

// Times are microseconds there; three decimals keep the nanoseconds.
static void put_time(const struct perfetto *perfetto, const char *key, uint64_t ns)
{
    fprintf(perfetto->stream, ",\"%s\":%" G_GUINT64_FORMAT ".%03u", key, ns / 1000, (unsigned)(ns % 1000));
}

static uint32_t process_number(const struct perfetto *perfetto, uint32_t thread_id)
{
    const struct model_thread *thread = model_thread(perfetto->model, thread_id);
    uint32_t process_id = thread ? thread->row.process_id : 0;
    return process_id < perfetto->model->processes->len ? perfetto->process_ids[process_id] : 0;
}

static void begin_event(struct perfetto *perfetto, const char *phase, uint32_t thread_id)
{
    fprintf(perfetto->stream, "%s{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", perfetto->any ? ",\n" : "", phase,
        process_number(perfetto, thread_id), thread_id);
    perfetto->any = true;
}

static void put_name(const struct perfetto *perfetto, const char *category, const char *name)
{
    g_autofree char *json = quoted(name);
    fprintf(perfetto->stream, ",\"cat\":\"%s\",\"name\":%s", category, json);
}

static void put_name_metadata(
    struct perfetto *perfetto, const char *what, uint32_t thread_id, const char *name)
{
    g_autofree char *json = quoted(name);
    begin_event(perfetto, "M", thread_id);
    fprintf(perfetto->stream, ",\"name\":\"%s\",\"args\":{\"name\":%s}}", what, json);
}

static void put_span(struct perfetto *perfetto, uint32_t thread_id, const char *category, const char *name,
    uint64_t begin_ns, uint64_t end_ns)
{
    begin_event(perfetto, "X", thread_id);
    put_time(perfetto, "ts", begin_ns);
    put_time(perfetto, "dur", MAX(end_ns, begin_ns) - begin_ns);
    put_name(perfetto, category, name);
}

static void put_moment(
    struct perfetto *perfetto, uint32_t thread_id, const char *name, uint64_t ns, uint32_t stack)
{
    put_span(perfetto, thread_id, "event", name, ns, ns + 1);
    fprintf(perfetto->stream, ",\"args\":{\"at\":%s}}", place(perfetto, stack));
}

static void put_arrow(
    struct perfetto *perfetto, const char *name, const struct giver *from, uint32_t thread_id, uint64_t ns)
{
    // Clocks of two processors may be apart: an arrow never goes back in time, and leaves a span of its own if need be.
    bool has_span = from->begin_ns && from->begin_ns <= ns;
    uint64_t from_ns = MIN(from->ns, ns);
    if (!has_span) {
        g_autofree char *text = g_strdup_printf("%ss", name);
        put_moment(perfetto, from->thread_id, text, from_ns, from->stack);
    }
    perfetto->arrows++;
    begin_event(perfetto, "s", from->thread_id);
    put_time(perfetto, "ts", from_ns);
    put_name(perfetto, "hand-off", name);
    fprintf(perfetto->stream, ",\"id\":%" G_GUINT64_FORMAT "}", perfetto->arrows);
    begin_event(perfetto, "f", thread_id);
    put_time(perfetto, "ts", ns);
    put_name(perfetto, "hand-off", name);
    fprintf(perfetto->stream, ",\"bp\":\"e\",\"id\":%" G_GUINT64_FORMAT "}", perfetto->arrows);
}

// --- names ---

static const char *object_label(const struct perfetto *perfetto, uint32_t id)
{
    const struct model_object *object = model_object(perfetto->model, id);
    return object ? object->label : "?";
}

static const char *thread_label(const struct perfetto *perfetto, uint32_t id)
{
    const struct model_thread *thread = model_thread(perfetto->model, id);
    return thread ? thread->label : "?";
}

static char *wait_name(const struct perfetto *perfetto, const struct open_span *wait)
{
    if (wait->kind == SPAN_BLOCKED)
        return g_strdup(model_call_name(wait->subject) ? model_call_name(wait->subject) : "system call");
    return g_strdup_printf("%s %s", span_kind_text(wait->kind),
        wait->kind == SPAN_WAIT_JOIN ? thread_label(perfetto, wait->subject)
                                     : object_label(perfetto, wait->subject));
}

static void put_processes(struct perfetto *perfetto)
{
    const struct model *model = perfetto->model;
    for (uint32_t i = 0; i < model->threads->len; i++) {
        const struct model_thread *thread = model_thread(model, i);
        const struct trace_process *process = thread ? model_process(model, thread->row.process_id) : NULL;
        if (process && !perfetto->process_ids[process->id]) {
            g_autofree char *name = g_strdup_printf("%s [%" G_GINT64_FORMAT "]",
                process->executable ? path_base(process->executable) : "?", process->pid);
            perfetto->process_ids[process->id] = i;
            put_name_metadata(perfetto, "process_name", i, name);
        }
        if (thread)
            put_name_metadata(perfetto, "thread_name", i, thread->label);
    }
}

// --- findings ---

static void put_sight(struct perfetto *perfetto, const struct sight *sight)
{
    const struct finding *finding = sight->finding;
    const struct finding_step *step = &g_array_index(finding->steps, struct finding_step, sight->step);
    g_autofree char *message = quoted(finding->message);
    g_autofree char *action =
        step->object ? g_strdup_printf("%s '%s'", step->action, step->object->label) : g_strdup(step->action);
    g_autofree char *does = quoted(action);
    begin_event(perfetto, "i", step->thread_id);
    // What has no event of its own is how a thread ended.
    put_time(perfetto, "ts",
        sight->seen || step->thread_id >= perfetto->model->threads->len
            ? sight->ns
            : perfetto->lanes[step->thread_id].last_ns);
    put_name(perfetto, "finding", finding->rule->id);
    fprintf(perfetto->stream,
        ",\"s\":\"t\",\"args\":{\"message\":%s,\"level\":\"%s\",\"verdict\":\"%s\",\"finding\":\"%s\","
        "\"step\":%u,\"of\":%u,\"does\":%s,\"at\":%s}}",
        message, finding_level_name(finding->level), finding->verdict ? finding->verdict : "", finding->id,
        sight->step + 1, finding->steps->len, does, place(perfetto, step->stack));
}

// --- waits ---

static void end_wait(struct perfetto *perfetto, uint32_t thread_id, uint64_t ns, const char *how)
{
    struct thread_lane *lane = &perfetto->lanes[thread_id];
    if (!lane->waiting)
        return;
    g_autofree char *name = wait_name(perfetto, &lane->wait);
    put_span(perfetto, thread_id, "wait", name, lane->wait.begin_ns, ns);
    fprintf(
        perfetto->stream, ",\"args\":{\"at\":%s,\"ended\":\"%s\"}}", place(perfetto, lane->wait.stack), how);
    lane->waiting = false;
}

static void begin_wait(
    struct perfetto *perfetto, const struct replay_step *step, enum span_kind kind, uint64_t ns)
{
    uint32_t thread_id = step->ordered->thread_id;
    struct thread_lane *lane = &perfetto->lanes[thread_id];
    end_wait(perfetto, thread_id, ns, "given up");
    lane->waiting = true;
    lane->wait = (struct open_span){
        .begin_ns = ns, .subject = step->event->subject, .stack = step->event->stack, .kind = kind
    };
}

// The end of a wait that another thread brought about.
static void end_wait_by(
    struct perfetto *perfetto, const char *name, const struct giver *giver, uint32_t thread_id, uint64_t ns)
{
    struct thread_lane *lane = &perfetto->lanes[thread_id];
    uint64_t begin_ns = lane->wait.begin_ns;
    bool waited = lane->waiting;
    end_wait(perfetto, thread_id, ns, "with it");
    if (waited && giver && giver->thread_id && giver->thread_id != thread_id)
        put_arrow(perfetto, name, giver, thread_id, ns > begin_ns ? ns - 1 : begin_ns);
}

static struct giver *giver_of(struct perfetto *perfetto, uint32_t object_id)
{
    return object_id < perfetto->model->objects->len ? &perfetto->givers[object_id] : NULL;
}

// --- holds ---

static bool has_owner(const struct model_object *object)
{
    return object && (object->row.kind == OBJECT_MUTEX || object->row.kind == OBJECT_RWLOCK ||
                         object->row.kind == OBJECT_SPINLOCK);
}

static struct open_span *find_hold(const struct thread_lane *lane, uint32_t object_id)
{
    for (unsigned i = lane->holds ? lane->holds->len : 0; i-- > 0;) {
        struct open_span *hold = &g_array_index(lane->holds, struct open_span, i);
        if (hold->subject == object_id)
            return hold;
    }
    return NULL;
}

static void put_async(
    struct perfetto *perfetto, uint32_t thread_id, const struct open_span *hold, uint64_t ns)
{
    g_autofree char *name =
        g_strdup_printf("%s: %s", thread_label(perfetto, thread_id), object_label(perfetto, hold->subject));
    perfetto->spans++;
    for (int end = 0; end < 2; end++) {
        begin_event(perfetto, end ? "e" : "b", thread_id);
        put_time(perfetto, "ts", end ? MAX(ns, hold->begin_ns) : hold->begin_ns);
        put_name(perfetto, "hold", name);
        fprintf(perfetto->stream, ",\"id\":%" G_GUINT64_FORMAT, perfetto->spans);
        fprintf(perfetto->stream, end ? "}" : ",\"args\":{\"at\":%s,\"shared\":%s}}",
            place(perfetto, hold->stack), hold->shared ? "true" : "false");
    }
}

// stack: of the release.
static void end_hold(
    struct perfetto *perfetto, uint32_t thread_id, uint32_t object_id, uint64_t ns, uint32_t stack)
{
    struct thread_lane *lane = &perfetto->lanes[thread_id];
    struct open_span *hold = find_hold(lane, object_id);
    struct giver *giver = giver_of(perfetto, object_id);
    if (!hold || !giver || --hold->depth > 0)
        return;
    unsigned at = (unsigned)(hold - (struct open_span *)(void *)lane->holds->data);
    bool nests = at + 1 == lane->holds->len && !lane->waiting;
    *giver = (struct giver){ thread_id, stack, 0, ns };
    if (nests) {
        put_span(perfetto, thread_id, "hold", object_label(perfetto, object_id), hold->begin_ns, ns);
        fprintf(perfetto->stream, ",\"args\":{\"at\":%s,\"shared\":%s}}", place(perfetto, hold->stack),
            hold->shared ? "true" : "false");
        // Just before its end, where the span is still there for the arrow.
        giver->begin_ns = MAX(hold->begin_ns, 1);
        giver->ns = ns > hold->begin_ns ? ns - 1 : ns;
    } else {
        put_async(perfetto, thread_id, hold, ns);
    }
    g_array_remove_index(lane->holds, at);
}

static void release(
    struct perfetto *perfetto, const struct replay_step *step, uint32_t object_id, uint64_t ns)
{
    uint32_t owner = step->ordered->thread_id;
    if (!find_hold(&perfetto->lanes[owner], object_id) && step->ordered->owner)
        owner = step->ordered->owner;
    end_hold(perfetto, owner, object_id, ns, step->event->stack);
}

static void acquire(
    struct perfetto *perfetto, const struct replay_step *step, const struct model_object *object, uint64_t ns)
{
    uint32_t thread_id = step->ordered->thread_id;
    uint32_t owner = step->ordered->owner;
    struct thread_lane *lane = &perfetto->lanes[thread_id];
    struct open_span *known = find_hold(lane, object->row.id);
    if (owner && owner != thread_id && owner < perfetto->model->threads->len) {
        struct open_span *lost = find_hold(&perfetto->lanes[owner], object->row.id);
        if (lost)
            lost->depth = 1;
        end_hold(perfetto, owner, object->row.id, ns, 0);
    }
    if (known) {
        known->depth++;
        return;
    }
    struct open_span hold = {
        .begin_ns = ns,
        .subject = object->row.id,
        .stack = step->event->stack ? step->event->stack : step->thread->request.stack,
        .depth = 1,
        .kind = SPAN_HOLD,
        .shared = event_is_shared(step->event->kind),
    };
    if (!lane->holds)
        lane->holds = g_array_new(false, false, sizeof(struct open_span));
    g_array_append_val(lane->holds, hold);
}

static void end_all(struct perfetto *perfetto, uint32_t thread_id, uint64_t ns, const char *how)
{
    struct thread_lane *lane = &perfetto->lanes[thread_id];
    end_wait(perfetto, thread_id, ns, how);
    while (lane->holds && lane->holds->len) {
        struct open_span *last = &g_array_index(lane->holds, struct open_span, lane->holds->len - 1);
        last->depth = 1;
        end_hold(perfetto, thread_id, last->subject, ns, 0);
    }
}

// --- the life of threads ---

static void start(struct perfetto *perfetto, const struct replay_step *step, uint64_t ns)
{
    const struct trace_thread *row = &step->thread->thread->row;
    struct thread_lane *lane = &perfetto->lanes[row->id];
    lane->started = true;
    if (!lane->creator.thread_id)
        return;
    // Before its first event, whose own span would not fit into this one.
    uint64_t before = ns ? ns - 1 : 0;
    uint64_t begin_ns =
        row->started_ticks >= 0 ? MIN(ns_of(perfetto, (uint64_t)row->started_ticks), before) : before;
    put_moment(perfetto, row->id, "starts", begin_ns, 0);
    put_arrow(perfetto, "create", &lane->creator, row->id, begin_ns);
}

static void create(struct perfetto *perfetto, const struct replay_step *step, uint64_t ns)
{
    uint32_t child = step->event->subject;
    if (step->ordered->refused || child >= perfetto->model->threads->len)
        return;
    g_autofree char *name = g_strdup_printf("creates %s", thread_label(perfetto, child));
    put_moment(perfetto, step->ordered->thread_id, name, ns, step->event->stack);
    perfetto->lanes[child].creator =
        (struct giver){ step->ordered->thread_id, step->event->stack, MAX(ns, 1), MAX(ns, 1) };
}

static void join(struct perfetto *perfetto, const struct replay_step *step, uint64_t ns)
{
    uint32_t joined = step->event->subject;
    const struct giver *end = joined < perfetto->model->threads->len ? &perfetto->lanes[joined].end : NULL;
    end_wait_by(perfetto, "end", end, step->ordered->thread_id, ns);
}

static void end_thread(struct perfetto *perfetto, const struct replay_step *step)
{
    const struct trace_thread *row = &step->thread->thread->row;
    const struct trace_process *process = model_process(perfetto->model, row->process_id);
    int64_t ticks = row->ended_ticks >= 0 ? row->ended_ticks : process ? process->ended_ticks : -1;
    if (ticks < 0)
        ticks = store_get_number(perfetto->model->store, "duration_ticks", 0);
    struct thread_lane *lane = &perfetto->lanes[row->id];
    lane->last_ns = MAX(lane->last_ns, ns_of(perfetto, (uint64_t)MAX(ticks, 0)));
    end_all(perfetto, row->id, lane->last_ns, "never");
}

// --- the steps ---

// Signals, posts: whoever goes on by them is known only later.
static void give(struct perfetto *perfetto, const struct replay_step *step, const char *verb, uint64_t ns)
{
    struct giver *giver = giver_of(perfetto, step->event->subject);
    g_autofree char *name = g_strdup_printf("%s %s", verb, object_label(perfetto, step->event->subject));
    put_moment(perfetto, step->ordered->thread_id, name, ns, step->event->stack);
    if (giver)
        *giver = (struct giver){ step->ordered->thread_id, step->event->stack, MAX(ns, 1), MAX(ns, 1) };
}

static void wake(struct perfetto *perfetto, const struct replay_step *step, uint64_t ns)
{
    uint32_t thread_id = step->ordered->thread_id;
    const struct thread_lane *lane = &perfetto->lanes[thread_id];
    const struct giver *giver = giver_of(perfetto, step->event->subject);
    int code = (int)chunk_arg_code(step->event->arg);
    bool signalled = giver && lane->waiting && giver->ns >= lane->wait.begin_ns;
    if (code)
        end_wait(perfetto, thread_id, ns, "without it");
    else
        end_wait_by(perfetto, "signal", signalled ? giver : NULL, thread_id, ns);
    // A refused wait has its mutex still; here it shows as given back and taken again at once.
    if (has_owner(step->mutex) &&
        (order_wake_has_mutex(step->event) || step->thread->gave_back.object == step->mutex))
        acquire(perfetto, step, step->mutex, ns);
}

static void take(struct perfetto *perfetto, const struct replay_step *step, uint64_t ns)
{
    uint32_t thread_id = step->ordered->thread_id;
    bool owned = has_owner(step->object);
    end_wait_by(
        perfetto, owned ? "release" : "post", giver_of(perfetto, step->event->subject), thread_id, ns);
    if (owned)
        acquire(perfetto, step, step->object, ns);
}

static void other_event(struct perfetto *perfetto, const struct replay_step *step, uint64_t ns)
{
    const struct trace_event *event = step->event;
    uint32_t thread_id = step->ordered->thread_id;
    switch (event->kind) {
    case EVENT_RELEASE:
        if (!step->ordered->refused)
            release(perfetto, step, event->subject, ns);
        break;
    case EVENT_OBJECT_END:
        release(perfetto, step, event->subject, ns);
        break;
    case EVENT_COND_WAIT:
        release(perfetto, step, chunk_arg_object(event->arg), ns);
        begin_wait(perfetto, step, SPAN_WAIT_COND, ns);
        break;
    case EVENT_COND_WAKE:
        wake(perfetto, step, ns);
        break;
    case EVENT_COND_SIGNAL:
        give(perfetto, step, "signals", ns);
        break;
    case EVENT_COND_BROADCAST:
        give(perfetto, step, "wakes all at", ns);
        break;
    case EVENT_POST:
        give(perfetto, step, "posts", ns);
        break;
    case EVENT_BARRIER_ARRIVE:
        begin_wait(perfetto, step, SPAN_WAIT_BARRIER, ns);
        break;
    case EVENT_ONCE_REQUEST:
        begin_wait(perfetto, step, SPAN_WAIT_ONCE, ns);
        break;
    case EVENT_JOIN_REQUEST:
        begin_wait(perfetto, step, SPAN_WAIT_JOIN, ns);
        break;
    case EVENT_BLOCK_BEGIN:
        begin_wait(perfetto, step, SPAN_BLOCKED, ns);
        break;
    case EVENT_BARRIER_LEAVE:
    case EVENT_ONCE_BEGIN:
    case EVENT_ONCE_DONE:
    case EVENT_BLOCK_END:
        end_wait(perfetto, thread_id, ns, "with it");
        break;
    case EVENT_FAIL:
    case EVENT_JOIN_FAILED:
        end_wait(perfetto, thread_id, ns, "without it");
        break;
    case EVENT_CREATE:
        create(perfetto, step, ns);
        break;
    case EVENT_JOIN:
        join(perfetto, step, ns);
        break;
    case EVENT_THREAD_END:
        put_moment(perfetto, thread_id, "ends", ns, event->stack);
        perfetto->lanes[thread_id].end = (struct giver){ thread_id, event->stack, MAX(ns, 1), MAX(ns, 1) };
        break;
    case EVENT_LOST:
        end_all(perfetto, thread_id, ns, "not known: events were lost");
        break;
    case EVENT_NONE:
        end_thread(perfetto, step);
        break;
    default:
        break;
    }
}

void perfetto_step(struct perfetto *perfetto, const struct replay_step *step)
{
    const struct trace_event *event = step->event;
    struct thread_lane *lane = &perfetto->lanes[step->ordered->thread_id];
    uint64_t ns = ns_of(perfetto, event->ticks);
    if (event->kind != EVENT_NONE) {
        if (!lane->started)
            start(perfetto, step, ns);
        lane->last_ns = MAX(lane->last_ns, ns);
        sights_look(perfetto->sights, step, ns);
    }
    if (event_is_request(event->kind)) {
        bool semaphore = step->object && step->object->row.kind == OBJECT_SEMAPHORE;
        begin_wait(perfetto, step, semaphore ? SPAN_WAIT_SEMAPHORE : SPAN_WAIT_LOCK, ns);
    } else if (event_is_acquire(event->kind)) {
        take(perfetto, step, ns);
    } else {
        other_event(perfetto, step, ns);
    }
}

struct perfetto *perfetto_new(const struct model *model, const struct finding_list *findings, FILE *stream)
{
    struct perfetto *perfetto = g_new0(struct perfetto, 1);
    perfetto->model = model;
    perfetto->stream = stream;
    perfetto->lanes = g_new0(struct thread_lane, model->threads->len + 1);
    perfetto->givers = g_new0(struct giver, model->objects->len + 1);
    perfetto->process_ids = g_new0(uint32_t, model->processes->len + 1);
    perfetto->places = g_new0(char *, model->stacks->len + 1);
    perfetto->sights = sights_new(findings);
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", stream);
    put_processes(perfetto);
    return perfetto;
}

void perfetto_finish(struct perfetto *perfetto)
{
    const struct model *model = perfetto->model;
    for (uint32_t i = 0; i < model->threads->len; i++) {
        end_all(perfetto, i, perfetto->lanes[i].last_ns, "not known: the trace ends");
        if (perfetto->lanes[i].holds)
            g_array_unref(perfetto->lanes[i].holds);
    }
    for (unsigned i = 0; i < perfetto->sights->steps->len; i++)
        put_sight(perfetto, &g_array_index(perfetto->sights->steps, struct sight, i));
    fputs("\n]}\n", perfetto->stream);
    for (uint32_t i = 0; i < model->stacks->len; i++)
        g_free(perfetto->places[i]);
    sights_free(perfetto->sights);
    g_free(perfetto->lanes);
    g_free(perfetto->givers);
    g_free(perfetto->process_ids);
    g_free(perfetto->places);
    g_free(perfetto);
}
