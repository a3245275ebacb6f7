// SPDX-License-Identifier: MIT
// A finding as an item of a list model.
#ifndef TRENZA_TRZ_FINDING_ITEM_H
#define TRENZA_TRZ_FINDING_ITEM_H

#include <glib-object.h>

#include "finding.h"

G_BEGIN_DECLS

#define TRZ_TYPE_FINDING_ITEM (trz_finding_item_get_type())
G_DECLARE_FINAL_TYPE(TrzFindingItem, trz_finding_item, TRZ, FINDING_ITEM, GObject)

// The finding must outlive the item.
TrzFindingItem *trz_finding_item_new(const struct finding *finding);
const struct finding *trz_finding_item_get(TrzFindingItem *item);
// Does it have this text, in any case of letters, in its rule, verdict, message, threads or locks?
bool trz_finding_item_matches(TrzFindingItem *item, const char *text);

G_END_DECLS

#endif
