// SPDX-License-Identifier: MIT
// The list of a session's findings, with a filter; choosing one chooses it in the session.
#ifndef TRENZA_TRZ_FINDING_LIST_H
#define TRENZA_TRZ_FINDING_LIST_H

#include <gtk/gtk.h>

#include "trz_session.h"

G_BEGIN_DECLS

#define TRZ_TYPE_FINDING_LIST (trz_finding_list_get_type())
G_DECLARE_FINAL_TYPE(TrzFindingList, trz_finding_list, TRZ, FINDING_LIST, GtkBox)

GtkWidget *trz_finding_list_new(TrzSession *session);
void trz_finding_list_focus_filter(TrzFindingList *list);

G_END_DECLS

#endif
