// SPDX-License-Identifier: MIT
// The chosen finding told step by step: who does what, in which code. Choosing a step moves the timeline there.
#ifndef TRENZA_TRZ_STORY_H
#define TRENZA_TRZ_STORY_H

#include <gtk/gtk.h>

#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_STORY (trz_story_get_type())
G_DECLARE_FINAL_TYPE(TrzStory, trz_story, TRZ, STORY, GtkBox)

GtkWidget *trz_story_new(TrzSession *session);

G_END_DECLS

#endif
