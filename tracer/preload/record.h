// SPDX-License-Identifier: MIT
// What the hooks of synchronisation calls have in common: who calls, about which object, from where.
#ifndef TRENZA_PRELOAD_RECORD_H
#define TRENZA_PRELOAD_RECORD_H

#include <errno.h>

#include "object.h"
#include "runtime.h"

// Around a call that may be cancelled. These are the handlers that glibc puts into its own waits: a signal handler may
// siglongjmp out of them, which also runs ours. One of pthread_cleanup_push would stay behind, and be jumped to later.
void _pthread_cleanup_push(struct _pthread_cleanup_buffer *buffer, void (*routine)(void *), void *data);
void _pthread_cleanup_pop(struct _pthread_cleanup_buffer *buffer, int execute);
#define CLEANUP_PUSH(routine, data)                                                                          \
    struct _pthread_cleanup_buffer cleanup_buffer;                                                           \
    _pthread_cleanup_push(&cleanup_buffer, (routine), (data))
#define CLEANUP_POP() _pthread_cleanup_pop(&cleanup_buffer, 0)

struct call {
    struct thread *thread;
    uint32_t object;
    uint16_t stack;
};

// Starts a hook's record. False: this call is not recorded; only forward it. To be inlined into the hook itself, whose
// frame tells the caller.
static inline __attribute__((always_inline)) bool call_begin(
    struct call *call, const void *object, enum object_kind kind)
{
    call->thread = thread_current();
    if (UNLIKELY(call->thread == NULL))
        return false;
    const struct caller caller = CALLER();
    call->stack = stack_of(call->thread, &caller);
    call->object = object_find(call->thread, object, kind, call->stack);
    return true;
}

// The same for a release. Where the thread holds the object, as it should, the call site is all that is told of the
// stack; the acquisition has told the rest, and only misuse needs more.
static inline __attribute__((always_inline)) bool call_begin_release(
    struct call *call, const void *object, enum object_kind kind, int owner)
{
    call->thread = thread_current();
    if (UNLIKELY(call->thread == NULL))
        return false;
    const struct caller caller = CALLER();
    call->stack = LIKELY((uint32_t)owner == call->thread->tid) ? site_of(call->thread, &caller)
                                                               : stack_of(call->thread, &caller);
    call->object = object_find(call->thread, object, kind, call->stack);
    return true;
}

// The same for calls that are about no object.
static inline __attribute__((always_inline)) bool call_begin_plain(struct call *call)
{
    call->thread = thread_current();
    if (UNLIKELY(call->thread == NULL))
        return false;
    const struct caller caller = CALLER();
    call->stack = stack_of(call->thread, &caller);
    call->object = 0;
    return true;
}

static inline void call_event(const struct call *call, enum event_kind kind, int arg)
{
    event_emit(call->thread, kind, call->object, call->stack, (uint16_t)arg);
}

// The end of a locking call: `acquired` when it returned 0, also with the owner found dead, else FAIL.
static inline int call_locked(const struct call *call, enum event_kind acquired, int rc)
{
    if (LIKELY(rc == 0)) {
        call_event(call, acquired, 0);
    } else if (rc == EOWNERDEAD) {
        call_event(call, acquired, 0);
        call_event(call, EVENT_OWNER_DIED, 0);
    } else {
        call_event(call, EVENT_FAIL, rc);
    }
    return rc;
}

// A condition wait: the mutex is given back and taken again inside glibc, where no hook sees it.
struct wait {
    struct call call;
    uint32_t mutex;
};

static inline void wait_event(const struct wait *wait, enum event_kind kind, uint64_t code, int arg)
{
    const uint64_t words[2] = { wait->mutex, code };
    event_emit_payload(wait->call.thread, kind, wait->call.object, wait->call.stack, (uint16_t)arg, words, 1);
}

// Cleanup handler of a wait that is left early: by then it has its mutex again.
static inline void wait_cancelled(void *data)
{
    wait_event(data, EVENT_COND_WAKE, 0, ECANCELED);
}

static inline __attribute__((always_inline)) bool wait_begin(
    struct wait *wait, const void *cond, const void *mutex, bool timed)
{
    if (!call_begin(&wait->call, cond, OBJECT_COND))
        return false;
    wait->mutex = object_find(wait->call.thread, mutex, OBJECT_MUTEX, wait->call.stack);
    wait_event(wait, EVENT_COND_WAIT, timed, 0);
    return true;
}

#endif
