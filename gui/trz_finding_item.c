// SPDX-License-Identifier: MIT
// Wraps a finding and knows what can be searched in it.
#include "trz_finding_item.h"

#include <string.h>

struct _TrzFindingItem {
    GObject parent_instance;
    const struct finding *finding;
    char *searchable; // case-folded
};

G_DEFINE_FINAL_TYPE(TrzFindingItem, trz_finding_item, G_TYPE_OBJECT)

static void trz_finding_item_finalize(GObject *object)
{
    g_free(TRZ_FINDING_ITEM(object)->searchable);
    G_OBJECT_CLASS(trz_finding_item_parent_class)->finalize(object);
}

static void trz_finding_item_class_init(TrzFindingItemClass *class)
{
    G_OBJECT_CLASS(class)->finalize = trz_finding_item_finalize;
}

static void trz_finding_item_init(TrzFindingItem *item)
{
    (void)item;
}

TrzFindingItem *trz_finding_item_new(const struct finding *finding)
{
    TrzFindingItem *item = g_object_new(TRZ_TYPE_FINDING_ITEM, NULL);
    g_autoptr(GString) text = g_string_new(finding->rule->id);
    g_string_append_printf(text, "\n%s\n%s\n%s\n%s", finding->verdict ? finding->verdict : "",
        finding->reason ? finding->reason : "", finding->message, finding->id);
    for (unsigned i = 0; i < finding->threads->len; i++)
        g_string_append_printf(
            text, "\n%s", ((const struct model_thread *)finding->threads->pdata[i])->label);
    for (unsigned i = 0; i < finding->objects->len; i++)
        g_string_append_printf(
            text, "\n%s", ((const struct model_object *)finding->objects->pdata[i])->label);
    item->finding = finding;
    item->searchable = g_utf8_casefold(text->str, -1);
    return item;
}

const struct finding *trz_finding_item_get(TrzFindingItem *item)
{
    return item->finding;
}

bool trz_finding_item_matches(TrzFindingItem *item, const char *text)
{
    g_autofree char *folded = g_utf8_casefold(text, -1);
    return strstr(item->searchable, folded) != NULL;
}
