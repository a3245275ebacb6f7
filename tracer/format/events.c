// SPDX-License-Identifier: MIT
// What is known of each event kind, all of it spelled out from event_list.h. A name is looked up by walking the list: it
// is short, and nobody looks one up per event.
#include "events.h"

#include <stddef.h>
#include <string.h>

#define VARIABLE EVENT_PAYLOAD_VARIABLE // as event_list.h writes it

static const struct {
    const char *name;
    const char *meaning;
    int payload_slots;
} kinds[EVENT_KINDS] = {
#define TRENZA_EVENT(id, name, payload, meaning) [EVENT_##id] = { name, meaning, payload },
#include "event_list.h"
#undef TRENZA_EVENT
};

static const char *const object_kinds[OBJECT_KINDS] = {
    [OBJECT_MUTEX] = "mutex",
    [OBJECT_RWLOCK] = "rwlock",
    [OBJECT_SPINLOCK] = "spinlock",
    [OBJECT_COND] = "cond",
    [OBJECT_BARRIER] = "barrier",
    [OBJECT_SEMAPHORE] = "semaphore",
    [OBJECT_ONCE] = "once",
    [OBJECT_VARIABLE] = "variable",
};

const char *event_name(unsigned kind)
{
    return kind < EVENT_KINDS ? kinds[kind].name : NULL;
}

const char *event_meaning(unsigned kind)
{
    return kind < EVENT_KINDS ? kinds[kind].meaning : NULL;
}

enum event_kind event_kind_by_name(const char *name)
{
    for (unsigned kind = EVENT_NONE + 1; name && kind < EVENT_KINDS; kind++)
        if (strcmp(kinds[kind].name, name) == 0)
            return (enum event_kind)kind;
    return EVENT_NONE;
}

int event_payload_slots(unsigned kind)
{
    return kind < EVENT_KINDS ? kinds[kind].payload_slots : 0;
}

const char *object_kind_name(unsigned kind)
{
    return kind < OBJECT_KINDS ? object_kinds[kind] : NULL;
}
