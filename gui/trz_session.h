// SPDX-License-Identifier: MIT
// What one window looks at: a trace, the visible and the selected time, the chosen finding and step. Widgets show it and
// listen to it; they keep none of it themselves. Main thread only.
//
// Signals: "state-changed" (another enum trz_session_state), "view-changed" (the visible time, the selection, the focus),
// "finding-changed" (another finding or step).
#ifndef TRENZA_TRZ_SESSION_H
#define TRENZA_TRZ_SESSION_H

#include <glib-object.h>

#include "axis.h"
#include "loaded.h"
#include "play.h"

G_BEGIN_DECLS

#define TRZ_TYPE_SESSION (trz_session_get_type())
G_DECLARE_FINAL_TYPE(TrzSession, trz_session, TRZ, SESSION, GObject)

enum trz_session_state {
    TRZ_SESSION_EMPTY,
    TRZ_SESSION_LOADING,
    TRZ_SESSION_FAILED,
    TRZ_SESSION_ANALYSING, // the timeline is there, the findings are not
    TRZ_SESSION_READY,
};

TrzSession *trz_session_new(void);
// Begins to load; what was there before is gone.
void trz_session_open(TrzSession *session, const char *path);
// Compares it and whatever is opened next with other runs of the program; NULL: with none. Reads the trace again.
void trz_session_compare(TrzSession *session, const char *const *others);
void trz_session_cancel(TrzSession *session);

// Reads the trace again now and then while it is being recorded, and keeps what is looked at: the finding, the span, the
// stretch of time, or the end when that was in view. Ends by itself when the recording does ("state-changed"). It also waits
// for a trace that is not there yet.
void trz_session_follow(TrzSession *session, bool follow);
bool trz_session_is_following(TrzSession *session);

enum trz_session_state trz_session_get_state(TrzSession *session);
const char *trz_session_get_path(TrzSession *session);  // NULL: none
const char *trz_session_get_error(TrzSession *session); // for people; NULL: none
double trz_session_get_progress(TrzSession *session);   // 0 to 1
// NULL until there is a timeline; its result and marks may be looked at in TRZ_SESSION_READY only.
const struct loaded *trz_session_get_loaded(TrzSession *session);

struct axis *trz_session_get_axis(TrzSession *session);
// To be called after a change of the axis, the selection or the focus.
void trz_session_view_changed(TrzSession *session);

// The selected stretch of time, in ticks.
bool trz_session_get_selection(TrzSession *session, double *ret_from, double *ret_to);
void trz_session_set_selection(TrzSession *session, bool any, double from, double to);
// The span the keyboard is at.
bool trz_session_get_focus(TrzSession *session, struct span_ref *ret_span);
// Moves the visible time there too.
void trz_session_set_focus(TrzSession *session, struct span_ref span);

const struct finding *trz_session_get_finding(TrzSession *session);
const GArray *trz_session_get_places(TrzSession *session); // of struct story_place; NULL: no finding
unsigned trz_session_get_step(TrzSession *session);        // from 1; 0: none
void trz_session_choose(TrzSession *session, const struct finding *finding);
void trz_session_choose_step(TrzSession *session, unsigned step);
// The witness of the finding, or what else can be stepped through; NULL: nothing.
const struct play *trz_session_get_play(TrzSession *session);
// How many of its steps are done; 0: before the first.
unsigned trz_session_get_witness_step(TrzSession *session);
void trz_session_set_witness_step(TrzSession *session, unsigned step);

G_END_DECLS

#endif
