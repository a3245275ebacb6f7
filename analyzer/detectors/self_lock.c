// SPDX-License-Identifier: MIT
// Builds the double-lock finding.
#include "self_lock.h"

#include "cycle.h"
#include "rules.h"

static const char *sentence(const struct self_lock *self)
{
    if (self->object->row.kind == OBJECT_ONCE)
        return "calls pthread_once for %s from its own routine";
    if (self->hold_shared && !self->again_shared)
        return "wants %s for writing while it holds it for reading";
    if (!self->hold_shared && self->again_shared)
        return "wants %s for reading while it holds it for writing";
    return self->refused ? "locks %s again, which it already holds (refused with EDEADLK)"
                         : "locks %s again, which it already holds";
}

void self_lock_report(struct detection *detection, const struct self_lock *self)
{
    const struct model *model = detection->model;
    struct finding *finding = finding_new(model, &rule_double_lock, LEVEL_ERROR);
    finding->site_stack = self->again_stack;
    finding->instances = !self->incident;
    finding_add_step(finding, self->thread_id, cycle_take_action(self->object, self->hold_shared),
        self->object, self->hold_stack, NULL, 0);
    struct hold held = { .object = self->object };
    finding_add_step(finding, self->thread_id, cycle_want_action(self->object, self->again_shared),
        self->object, self->again_stack, &held, 1);

    g_autofree char *thread = finding_thread_label(finding, self->thread_id);
    g_autofree char *lock = g_strdup_printf("'%s'", self->object->label);
    g_autoptr(GString) message = g_string_new(thread);
    g_string_append_printf(message, " %s", sentence(self));
    g_string_replace(message, "%s", lock, 1);
    finding_set_message(finding, g_strdup(message->str));

    g_autofree char *taken = fingerprint_stack(model, self->hold_stack);
    g_autofree char *again = fingerprint_stack(model, self->again_stack);
    g_autofree char *parts = g_strdup_printf("%s\n%s\n%s", self->object->fingerprint, taken, again);
    finding_set_id(finding, parts);
    finding_list_add(detection->findings, finding);
}
