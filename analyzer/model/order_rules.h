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
// What there is to know of a mutex, by far most of the time.
struct order_ownership {
    uint32_t owner; // exclusively; 0: nobody
    uint32_t depth; // how often the owner has taken it
};
// Of all objects, by id.
struct order_locks {
    uint32_t n_objects;
    bool *plain; // it is a mutex or spinlock, and its ownership all that is known of it
    struct order_ownership *ownerships;
};
const struct order_locks *order_rules_locks(const struct order_rules *rules);

#define ORDER_PLAIN_ACQUIRES                                                                                 \
    (UINT64_C(1) << EVENT_ACQUIRE | UINT64_C(1) << EVENT_ACQUIRE_TIMED | UINT64_C(1) << EVENT_ACQUIRE_TRY)
#define ORDER_PLAIN_KINDS                                                                                    \
    (ORDER_PLAIN_ACQUIRES | UINT64_C(1) << EVENT_REQUEST | UINT64_C(1) << EVENT_REQUEST_TIMED |              \
        UINT64_C(1) << EVENT_RELEASE)

enum order_passed {
    ORDER_NOT_PASSED = 0,
    ORDER_PASSED = 1,
    ORDER_OWN = 2,      // it was the thread's own just before
    ORDER_MAY_FREE = 4, // as order_rules_apply() says
};
// Both at once for nearly all events: what is done to a plain mutex that is free or the thread's own. ORDER_NOT_PASSED: it is not, and
// nothing has been done. The event is one of ORDER_PLAIN_KINDS, not the first one of its thread, and is not refused.
static inline unsigned order_rules_pass(
    const struct order_locks *locks, uint32_t thread_id, const struct trace_event *event)
{
    const uint32_t id = event->subject;
    if (id >= locks->n_objects || !locks->plain[id])
        return ORDER_NOT_PASSED;
    const struct order_ownership before = locks->ownerships[id];
    const unsigned acquires = ORDER_PLAIN_ACQUIRES >> event->kind & 1;
    const unsigned releases = event->kind == EVENT_RELEASE;
    const unsigned own = before.owner == thread_id;
    // No branches on the kind, nor on whose it is: that is as good as random.
    if (~own & (releases | (before.owner != 0)))
        return ORDER_NOT_PASSED;
    const uint32_t depth = before.depth + acquires - releases;
    locks->ownerships[id] = (struct order_ownership){ .owner = depth ? thread_id : 0, .depth = depth };
    return ORDER_PASSED | own * ORDER_OWN | (releases & !depth) * ORDER_MAY_FREE;
}

// Has the thread its mutex again? A wait that failed for anything but the usual reasons never gave it away.
bool order_wake_has_mutex(const struct trace_event *event);
// The end of a wait that was no wait: it failed at once (EINVAL, EPERM), and its mutex was neither given away nor taken.
bool order_wake_was_refused(const struct trace_event *event);

#endif
