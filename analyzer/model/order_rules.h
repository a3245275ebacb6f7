// SPDX-License-Identifier: MIT
// What must have happened before an event could: a lock has one owner, a permit is posted before it is taken, a thread is
// created before it starts and has ended before it is joined. The merge asks before it lets an event through and tells
// afterwards; the state is that of the merged order so far.
#ifndef TRENZA_ORDER_RULES_H
#define TRENZA_ORDER_RULES_H

#include "model.h"

// An event with what the events right behind it in its thread say about it.
struct ordered_event {
    struct trace_event event; // kind EVENT_NONE: the thread's events are over
    uint32_t thread_id;
    uint64_t sequence; // place in the merged order, from 1
    int64_t
        refused; // errno of the RELEASE_FAILED, DESTROY_FAILED, COND_WAKE ... that takes it back; 0: it took effect
    bool owner_died; // an acquisition that returned EOWNERDEAD
    uint32_t owner;  // who owned the lock exclusively just before (a COND_WAKE's mutex too); 0: nobody
};

struct order_rules;
struct order_rules *order_rules_new(const struct model *model);
void order_rules_free(struct order_rules *rules);

enum order_verdict {
    ORDER_ALLOWED,
    ORDER_TOO_EARLY, // something that has not been merged yet has to come before
    ORDER_HOPELESS,  // the same, and nothing is left that could still come
};
// May the event come now? Changes nothing.
enum order_verdict order_rules_ask(const struct order_rules *rules, const struct ordered_event *event);
// The event comes now, allowed or not; sets event->owner. True: something that was too early may be allowed from now on.
bool order_rules_apply(struct order_rules *rules, struct ordered_event *event);
// Both at once for nearly all events: what is done to a mutex that is free or the thread's own, and is not refused.
enum order_passed {
    ORDER_NOT_PASSED = 0, // not such an event; nothing has been done
    ORDER_PASSED = 1,
    ORDER_OWN = 2,      // it was the thread's own just before
    ORDER_MAY_FREE = 4, // as order_rules_apply() says
};
unsigned order_rules_pass(struct order_rules *rules, uint32_t thread_id, const struct trace_event *event);

// Has the thread its mutex again? A wait that failed for anything but the usual reasons never gave it away.
bool order_wake_has_mutex(const struct trace_event *event);
// The end of a wait that was no wait: it failed at once (EINVAL, EPERM), and its mutex was neither given away nor taken.
bool order_wake_was_refused(const struct trace_event *event);

#endif
