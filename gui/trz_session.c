// SPDX-License-Identifier: MIT
// Loads in the background, in two tasks: first the timeline, so that there is something to see, then the findings.
//
// A trace that grows is loaded as a whole each time, beside the one that is shown, and then takes its place; the time until
// the next look grows with what the last one cost. A look that fails (the recorder is just closing the file) is tried again.
#include "trz_session.h"

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "scene.h"
#include "story.h"

#define FOLLOW_MS 500

struct _TrzSession {
    GObject parent_instance;
    enum trz_session_state state;
    char *path;
    char *error;
    char **others; // paths; NULL: none
    struct loaded *loaded;
    GCancellable *cancellable;
    int progress; // per mille; written by the loading thread

    struct axis axis;
    bool selected;
    double select_from;
    double select_to;
    bool focused;
    struct span_ref focus;

    const struct finding *finding;
    GArray *places;
    unsigned step;
    struct play *play;
    unsigned witness_step;

    bool following;
    guint follow_source; // 0: none is due
    gint64 look_began_us;
    char *shown_version; // of the files when they were read last; NULL: never
};

G_DEFINE_FINAL_TYPE(TrzSession, trz_session, G_TYPE_OBJECT)

enum { STATE_CHANGED, VIEW_CHANGED, FINDING_CHANGED, SIGNALS };
static guint signals[SIGNALS];

static void forget_finding(TrzSession *session)
{
    session->finding = NULL;
    session->step = 0;
    session->witness_step = 0;
    g_clear_pointer(&session->play, play_free);
    g_clear_pointer(&session->places, g_array_unref);
}

static void forget_trace(TrzSession *session)
{
    forget_finding(session);
    g_clear_handle_id(&session->follow_source, g_source_remove);
    g_clear_pointer(&session->shown_version, g_free);
    session->selected = false;
    session->focused = false;
    if (session->cancellable)
        g_cancellable_cancel(session->cancellable);
    g_clear_object(&session->cancellable);
    g_clear_pointer(&session->loaded, loaded_unref);
    g_clear_pointer(&session->error, g_free);
    g_clear_pointer(&session->path, g_free);
}

static void trz_session_finalize(GObject *object)
{
    forget_trace(TRZ_SESSION(object));
    g_strfreev(TRZ_SESSION(object)->others);
    G_OBJECT_CLASS(trz_session_parent_class)->finalize(object);
}

static void trz_session_class_init(TrzSessionClass *class)
{
    static const char *const names[SIGNALS] = { "state-changed", "view-changed", "finding-changed" };
    G_OBJECT_CLASS(class)->finalize = trz_session_finalize;
    for (int i = 0; i < SIGNALS; i++)
        signals[i] =
            g_signal_new(names[i], TRZ_TYPE_SESSION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void trz_session_init(TrzSession *session)
{
    (void)session;
}

TrzSession *trz_session_new(void)
{
    return g_object_new(TRZ_TYPE_SESSION, NULL);
}

static void set_state(TrzSession *session, enum trz_session_state state)
{
    session->state = state;
    g_signal_emit(session, signals[STATE_CHANGED], 0);
}

// --- loading ---

static bool report_progress(double share, void *data)
{
    GTask *task = data;
    TrzSession *session = g_task_get_source_object(task);
    g_atomic_int_set(&session->progress, (int)(share * 1000));
    return !g_cancellable_is_cancelled(g_task_get_cancellable(task));
}

static void load_thread(GTask *task, void *source, void *data, GCancellable *cancellable)
{
    (void)source;
    (void)cancellable;
    GError *error = NULL;
    struct loaded *loaded = loaded_new(data, report_progress, task, &error);
    if (loaded)
        g_task_return_pointer(task, loaded, (GDestroyNotify)loaded_unref);
    else
        g_task_return_error(task, error);
}

static void analyse_thread(GTask *task, void *source, void *data, GCancellable *cancellable)
{
    (void)source;
    (void)cancellable;
    GError *error = NULL;
    if (loaded_analyse(data, &error))
        g_task_return_boolean(task, true);
    else
        g_task_return_error(task, error);
}

// True when the result belongs to what is being looked at still.
static bool is_current(TrzSession *session, GTask *task)
{
    return session->cancellable && g_task_get_cancellable(task) == session->cancellable;
}

static void look_later(TrzSession *session);

static void fail(TrzSession *session, GError *error)
{
    session->error = g_strdup(error->message);
    g_error_free(error);
    set_state(session, TRZ_SESSION_FAILED);
    look_later(session);
}

static void analysed(GObject *source, GAsyncResult *result, void *data)
{
    (void)data;
    TrzSession *session = TRZ_SESSION(source);
    GError *error = NULL;
    bool done = g_task_propagate_boolean(G_TASK(result), &error);
    if (!is_current(session, G_TASK(result))) {
        g_clear_error(&error);
    } else if (!done) {
        fail(session, error);
    } else {
        set_state(session, TRZ_SESSION_READY);
        trz_session_choose(session, loaded_find(session->loaded, NULL));
        look_later(session);
    }
}

static void loaded_ready(GObject *source, GAsyncResult *result, void *data)
{
    (void)data;
    TrzSession *session = TRZ_SESSION(source);
    GError *error = NULL;
    struct loaded *loaded = g_task_propagate_pointer(G_TASK(result), &error);
    if (!is_current(session, G_TASK(result))) {
        g_clear_error(&error);
        loaded_unref(loaded);
        return;
    }
    if (!loaded) {
        fail(session, error);
        return;
    }
    session->loaded = loaded;
    loaded_compare(loaded, (const char *const *)session->others);
    axis_init(&session->axis, (double)loaded->timeline->begin, (double)loaded->timeline->end,
        loaded->file->model->ns_per_tick);
    set_state(session, TRZ_SESSION_ANALYSING);
    GTask *task = g_task_new(session, session->cancellable, analysed, NULL);
    g_task_set_check_cancellable(task, false);
    g_task_set_task_data(task, loaded_ref(loaded), (GDestroyNotify)loaded_unref);
    g_task_run_in_thread(task, analyse_thread);
    g_object_unref(task);
}

// --- following ---

// Changes whenever the trace does.
static char *version_of(const char *path)
{
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    GStatBuf main_file = { 0 };
    GStatBuf wal_file = { 0 };
    if (g_stat(path, &main_file) < 0)
        return g_strdup("");
    if (g_stat(wal, &wal_file) < 0)
        wal_file.st_size = -1;
    return g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%ld, %" G_GINT64_FORMAT
                           " %" G_GINT64_FORMAT ".%ld",
        (gint64)main_file.st_size, (gint64)main_file.st_mtim.tv_sec, main_file.st_mtim.tv_nsec,
        (gint64)wal_file.st_size, (gint64)wal_file.st_mtim.tv_sec, wal_file.st_mtim.tv_nsec);
}

static void look_thread(GTask *task, void *source, void *data, GCancellable *cancellable)
{
    (void)source;
    (void)cancellable;
    GError *error = NULL;
    struct loaded *loaded = loaded_new(data, report_progress, task, &error);
    if (loaded && !loaded_analyse(loaded, &error))
        g_clear_pointer(&loaded, loaded_unref);
    if (loaded)
        g_task_return_pointer(task, loaded, (GDestroyNotify)loaded_unref);
    else
        g_task_return_error(task, error);
}

// The same span of the same thread in a newer look at the trace.
static bool same_span(const struct timeline *before, const struct timeline *after, struct span_ref *ref)
{
    uint32_t thread_id = before->lanes[ref->lane].thread->row.id;
    const struct span *span = timeline_span(before, *ref);
    const struct lane *lane = timeline_lane(after, thread_id);
    if (!lane || ref->index >= lane->tracks[ref->track].count ||
        lane->tracks[ref->track].spans[ref->index].subject != span->subject)
        return false;
    ref->lane = (uint32_t)(lane - after->lanes);
    return true;
}

// Puts a newer look at the same trace in the place of the one that is shown.
static void replace(TrzSession *session, struct loaded *loaded)
{
    struct loaded *before = session->loaded;
    g_autofree char *finding_id = session->finding ? g_strdup(session->finding->id) : NULL;
    unsigned step = session->step;
    unsigned left = session->play ? session->play->steps->len - session->witness_step : 0;
    forget_finding(session);
    session->focused = session->focused && same_span(before->timeline, loaded->timeline, &session->focus);
    axis_grow(&session->axis, (double)loaded->timeline->begin, (double)loaded->timeline->end);
    session->loaded = loaded;
    set_state(session, TRZ_SESSION_ANALYSING);
    set_state(session, TRZ_SESSION_READY);
    session->finding = finding_id ? loaded_find(loaded, finding_id) : NULL;
    if (session->finding) {
        session->places =
            story_locate(loaded->timeline, loaded_united(loaded, session->finding), session->finding);
        session->step = MIN(step, session->places->len);
        session->play = play_new(session->finding, session->places);
        unsigned all = session->play ? session->play->steps->len : 0;
        session->witness_step = all > left ? all - left : 0;
    }
    g_signal_emit(session, signals[FINDING_CHANGED], 0);
    trz_session_view_changed(session);
    loaded_unref(before);
}

static void looked(GObject *source, GAsyncResult *result, void *data)
{
    (void)data;
    TrzSession *session = TRZ_SESSION(source);
    struct loaded *loaded = g_task_propagate_pointer(G_TASK(result), NULL);
    if (!is_current(session, G_TASK(result)) || session->state != TRZ_SESSION_READY || !session->following) {
        loaded_unref(loaded);
        return;
    }
    if (loaded)
        replace(session, loaded);
    else
        g_clear_pointer(&session->shown_version, g_free);
    look_later(session);
}

static void begin_look(TrzSession *session)
{
    GTask *task = g_task_new(session, session->cancellable, looked, NULL);
    g_task_set_check_cancellable(task, false);
    g_task_set_task_data(task, g_strdup(session->path), g_free);
    session->look_began_us = g_get_monotonic_time();
    g_task_run_in_thread(task, look_thread);
    g_object_unref(task);
}

static gboolean look(void *data)
{
    TrzSession *session = data;
    session->follow_source = 0;
    g_autofree char *version = version_of(session->path);
    bool changed = g_strcmp0(version, session->shown_version) != 0;
    if (!changed) {
        look_later(session);
    } else if (session->state == TRZ_SESSION_FAILED) {
        trz_session_open(session, session->path);
    } else {
        g_free(session->shown_version);
        session->shown_version = g_steal_pointer(&version);
        begin_look(session);
    }
    return G_SOURCE_REMOVE;
}

static void look_later(TrzSession *session)
{
    bool shown = session->state == TRZ_SESSION_READY;
    if (!session->following || session->follow_source || !(shown || session->state == TRZ_SESSION_FAILED))
        return;
    if (shown && session->loaded->file->model->complete) {
        session->following = false;
        set_state(session, session->state);
        return;
    }
    gint64 cost_ms = session->look_began_us ? (g_get_monotonic_time() - session->look_began_us) / 1000 : 0;
    session->look_began_us = 0;
    session->follow_source = g_timeout_add((guint)MAX(FOLLOW_MS, MIN(3 * cost_ms, 600000)), look, session);
}

void trz_session_follow(TrzSession *session, bool follow)
{
    session->following = follow;
    if (follow)
        look_later(session);
    else
        g_clear_handle_id(&session->follow_source, g_source_remove);
}

bool trz_session_is_following(TrzSession *session)
{
    return session->following;
}

// --- opening ---

void trz_session_open(TrzSession *session, const char *path)
{
    g_autofree char *copy = g_strdup(path); // it may be our own
    forget_trace(session);
    session->path = g_steal_pointer(&copy);
    session->shown_version = version_of(session->path);
    session->progress = 0;
    session->cancellable = g_cancellable_new();
    GTask *task = g_task_new(session, session->cancellable, loaded_ready, NULL);
    g_task_set_check_cancellable(task, false);
    g_task_set_task_data(task, g_strdup(session->path), g_free);
    set_state(session, TRZ_SESSION_LOADING);
    g_task_run_in_thread(task, load_thread);
    g_object_unref(task);
}

void trz_session_compare(TrzSession *session, const char *const *others)
{
    g_strfreev(session->others);
    session->others = g_strdupv((char **)others);
    if (session->path)
        trz_session_open(session, session->path);
}

void trz_session_cancel(TrzSession *session)
{
    if (session->state != TRZ_SESSION_LOADING)
        return;
    forget_trace(session);
    set_state(session, TRZ_SESSION_EMPTY);
}

// --- what is looked at ---

enum trz_session_state trz_session_get_state(TrzSession *session)
{
    return session->state;
}

const char *trz_session_get_path(TrzSession *session)
{
    return session->path;
}

const char *trz_session_get_error(TrzSession *session)
{
    return session->error;
}

double trz_session_get_progress(TrzSession *session)
{
    return g_atomic_int_get(&session->progress) / 1000.0;
}

const struct loaded *trz_session_get_loaded(TrzSession *session)
{
    return session->loaded;
}

struct axis *trz_session_get_axis(TrzSession *session)
{
    return &session->axis;
}

void trz_session_view_changed(TrzSession *session)
{
    g_signal_emit(session, signals[VIEW_CHANGED], 0);
}

bool trz_session_get_selection(TrzSession *session, double *ret_from, double *ret_to)
{
    *ret_from = session->select_from;
    *ret_to = session->select_to;
    return session->selected;
}

void trz_session_set_selection(TrzSession *session, bool any, double from, double to)
{
    session->selected = any;
    session->select_from = from;
    session->select_to = to;
    trz_session_view_changed(session);
}

bool trz_session_get_focus(TrzSession *session, struct span_ref *ret_span)
{
    *ret_span = session->focus;
    return session->focused;
}

void trz_session_set_focus(TrzSession *session, struct span_ref span)
{
    session->focused = true;
    session->focus = span;
    double begin = (double)timeline_span(session->loaded->timeline, span)->begin;
    axis_reveal(&session->axis, begin, begin);
    trz_session_view_changed(session);
}

const struct finding *trz_session_get_finding(TrzSession *session)
{
    return session->finding;
}

const GArray *trz_session_get_places(TrzSession *session)
{
    return session->places;
}

unsigned trz_session_get_step(TrzSession *session)
{
    return session->step;
}

void trz_session_choose(TrzSession *session, const struct finding *finding)
{
    if (finding == session->finding)
        return;
    forget_finding(session);
    session->finding = finding;
    if (finding)
        session->places =
            story_locate(session->loaded->timeline, loaded_united(session->loaded, finding), finding);
    if (finding)
        scene_axis_to_places(&session->axis, session->loaded->timeline, finding, session->places);
    session->play = finding ? play_new(finding, session->places) : NULL;
    session->witness_step = session->play ? session->play->steps->len : 0;
    g_signal_emit(session, signals[FINDING_CHANGED], 0);
    trz_session_view_changed(session);
}

void trz_session_choose_step(TrzSession *session, unsigned step)
{
    session->step = step;
    if (step && session->places && step <= session->places->len) {
        const struct story_place *place = &g_array_index(session->places, struct story_place, step - 1);
        if (place->found) {
            axis_reveal(&session->axis, (double)place->ticks, (double)place->ticks);
            session->focused = place->ref.track != TRACK_MARKS;
            session->focus = place->ref;
        }
    }
    g_signal_emit(session, signals[FINDING_CHANGED], 0);
    trz_session_view_changed(session);
}

const struct play *trz_session_get_play(TrzSession *session)
{
    return session->play;
}

unsigned trz_session_get_witness_step(TrzSession *session)
{
    return session->witness_step;
}

void trz_session_set_witness_step(TrzSession *session, unsigned step)
{
    unsigned last = session->play ? session->play->steps->len : 0;
    session->witness_step = MIN(step, last);
    g_signal_emit(session, signals[FINDING_CHANGED], 0);
}
